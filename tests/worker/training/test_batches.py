"""Batches: every image once an epoch, in an order that is a function of seed and position."""

from itertools import chain

import numpy as np
import torch

from worker.training.batches import Batches

CPU = torch.device("cpu")


def numbered(count: int) -> Batches:
    """Images of one pixel whose value is their index."""
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    return Batches(images, np.arange(count), batch_size=4, seed=1, device=CPU)


def taken(batches: Batches, count: int) -> list[list[int]]:
    """The labels, which are the indices, of the next batches."""
    drawn = []
    for _ in range(count):
        _, label_B = batches.next()
        assert label_B is not None
        drawn.append(label_B.tolist())
    return drawn


def test_an_epoch_takes_every_image_once_in_another_order_than_the_epoch_before() -> None:
    batches = numbered(12)

    first, second = taken(batches, 3), taken(batches, 3)

    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(12))
    assert first != second


def test_an_incomplete_last_batch_is_left_out() -> None:
    batches = numbered(10)

    drawn = taken(batches, 4)

    assert [len(batch) for batch in drawn] == [4, 4, 4, 4]
    assert batches.position == (1, 8)


def test_a_position_is_all_it_takes_to_go_on() -> None:
    straight, resumed = numbered(12), numbered(12)
    taken(straight, 5)

    resumed.position = straight.position

    assert taken(resumed, 4) == taken(straight, 4)


def test_pixels_become_floats_from_minus_one_to_one_channels_last() -> None:
    images = np.zeros((4, 2, 2, 3), np.uint8)
    images[..., 0] = 255
    batches = Batches(images, None, batch_size=4, seed=0, device=CPU)

    real_BCHW, label_B = batches.next()

    assert real_BCHW.shape == (4, 3, 2, 2)
    assert (real_BCHW[:, 0] == 1).all()
    assert (real_BCHW[:, 1:] == -1).all()
    assert real_BCHW.is_contiguous(memory_format=torch.channels_last)
    assert label_B is None
