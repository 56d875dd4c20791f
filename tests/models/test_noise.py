"""Seeds to noise: the numbers may never change, or every seed that anyone wrote down would mean another picture."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.noise import DISTRIBUTION, classes_with_images, default_labels, draw_noise, seeds_from

# The first three numbers of each seed, from numpy.random.RandomState(seed).standard_normal; never to be edited.
KNOWN = {
    0: [1.764052391052246, 0.40015721321105957, 0.978738009929657],
    1: [1.6243454217910767, -0.6117563843727112, -0.5281717777252197],
    7: [1.6905256509780884, -0.46593737602233887, 0.032820165157318115],
    2**32 - 1: [0.6484086513519287, 0.6693235039710999, -1.0805437564849854],
}


@pytest.mark.parametrize("seed", KNOWN)
def test_a_seed_means_these_numbers_for_ever(seed: int) -> None:
    drawn = draw_noise([seed], 3)

    assert drawn.dtype == np.float32
    assert drawn.tolist() == [KNOWN[seed]]


def test_a_row_depends_on_its_own_seed_alone() -> None:
    together = draw_noise([5, 7, 5, 0], 64)

    assert (together[1] == draw_noise([7], 64)[0]).all()
    assert (together[0] == together[2]).all()
    assert together[1, :3].tolist() == KNOWN[7]


def test_fewer_numbers_are_the_beginning_of_more() -> None:
    assert (draw_noise([3], 100)[:, :10] == draw_noise([3], 10)).all()


def test_seeds_wrap_at_two_to_the_32() -> None:
    assert (draw_noise([2**32, -1], 8) == draw_noise([0, 2**32 - 1], 8)).all()
    assert seeds_from(2**32 - 2, 4) == [2**32 - 2, 2**32 - 1, 0, 1]
    assert list(seeds_from(7, 0)) == []


def test_threads_that_draw_at_once_do_not_disturb_each_other() -> None:
    wanted = {seed: draw_noise([seed], 500) for seed in range(8)}

    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda n: (n % 8, draw_noise([n % 8], 500)), range(800)))

    assert all((noise == wanted[seed]).all() for seed, noise in drawn)


def test_the_global_generator_of_numpy_is_left_alone() -> None:
    before = np.random.get_state(legacy=False)

    draw_noise([1, 2, 3], 100)

    after = np.random.get_state(legacy=False)
    assert (before["state"]["key"] == after["state"]["key"]).all()
    assert before["state"]["pos"] == after["state"]["pos"]


def test_no_seeds_give_no_rows() -> None:
    assert draw_noise([], 5).shape == (0, 5)


def test_the_noise_is_standard_normal_as_its_name_says() -> None:
    drawn = draw_noise(range(2000), 50)

    assert DISTRIBUTION == "standard_normal"
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02


def test_the_default_label_is_the_seed_modulo_the_classes() -> None:
    assert default_labels([0, 1, 9, 10, 11, 2**32 - 1], 10) == [0, 1, 9, 0, 1, 5]
    assert default_labels([3, 4], 1) == [0, 0]
    assert default_labels([0, 1, 2, 3], 4, [1, 3]) == [1, 3, 1, 3]


def test_a_class_without_images_is_not_drawn_unasked() -> None:
    assert classes_with_images([0, 5, 0, 1]) == [1, 3]
    assert classes_with_images([5, 1]) is None
    assert classes_with_images([]) is None
