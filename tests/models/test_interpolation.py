"""The way from one noise vector to another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.interpolation import path, slerp
from models.noise import draw_noise

SEED = st.integers(0, 2**32 - 1)
SHARE = st.floats(0, 1)


@given(SEED, SEED, SHARE, st.integers(2, 128))
def test_what_lies_between_is_as_long_as_both_ends_are(first: int, last: int, t: float, size: int) -> None:
    a_Z, b_Z = draw_noise([first, last], size)

    length = np.linalg.norm(slerp(a_Z, b_Z, t))

    np.testing.assert_allclose(length, (1 - t) * np.linalg.norm(a_Z) + t * np.linalg.norm(b_Z), rtol=1e-4)


def test_equal_angles_lie_between_equal_shares() -> None:
    a_Z, b_Z = np.array([2, 0], np.float32), np.array([0, 2], np.float32)

    third_Z = slerp(a_Z, b_Z, 1 / 3)

    np.testing.assert_allclose(third_Z, [2 * np.cos(np.pi / 6), 2 * np.sin(np.pi / 6)], rtol=1e-6)


@pytest.mark.parametrize("last", [[3, 0], [6, 0], [-3, 0], [0, 0]], ids=["the same", "longer", "opposite", "nothing"])
def test_where_no_great_circle_leads_a_line_does(last: list[float]) -> None:
    a_Z, b_Z = np.array([3, 0], np.float32), np.array(last, np.float32)

    np.testing.assert_allclose(slerp(a_Z, b_Z, 0.25), 0.75 * a_Z + 0.25 * b_Z, atol=1e-6)


def test_a_whole_place_is_its_key_bit_for_bit() -> None:
    keys_KZ = draw_noise([5, 9, 2**32 - 1], 100)

    frames_FZ = path(keys_KZ, [0, 0.5, 1.0, 2.0, 2.5, 3.0])

    assert (frames_FZ[[0, 2, 3, 5]] == keys_KZ[[0, 1, 2, 0]]).all()
    assert (frames_FZ[4] == slerp(keys_KZ[2], keys_KZ[0], 0.5)).all()
