"""Between two noise vectors: spherical interpolation, which keeps to where the noise of seeds lies. Knows no network.

Shape suffixes: K key vectors, F frames, Z latent.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

PARALLEL = 1e-6  # sine of an angle below which the great circle is a line, or is not one alone

Floats = npt.NDArray[np.float32]


def slerp(from_Z: Floats, to_Z: Floats, t: float) -> Floats:
    """The point at the share `t` of the way: its direction along the great circle (Shoemake 1985), its length between
    both lengths. Where the two point the same way, or opposite ways, it is the point of the straight line.
    """
    first_Z, last_Z = from_Z.astype(np.float64), to_Z.astype(np.float64)
    lengths = np.linalg.norm(first_Z), np.linalg.norm(last_Z)
    angle = np.arccos(np.clip(first_Z @ last_Z / (lengths[0] * lengths[1]), -1, 1)) if all(lengths) else 0.0
    sine = np.sin(angle)
    if sine < PARALLEL:
        return ((1 - t) * first_Z + t * last_Z).astype(np.float32)
    shares = np.sin((1 - t) * angle) / (sine * lengths[0]), np.sin(t * angle) / (sine * lengths[1])
    length = (1 - t) * lengths[0] + t * lengths[1]
    return (length * (shares[0] * first_Z + shares[1] * last_Z)).astype(np.float32)


def path(keys_KZ: Floats, places_F: Sequence[float]) -> Floats:
    """The points (F, Z) at these places of the way through all keys: 0 is the first, 1 the second, K the first again.

    A whole number is the very vector of its key.
    """
    count = len(keys_KZ)
    frames_FZ = np.empty((len(places_F), keys_KZ.shape[1]), np.float32)
    for frame_Z, place in zip(frames_FZ, places_F, strict=True):
        first, t = int(place), place % 1
        frame_Z[:] = slerp(keys_KZ[first], keys_KZ[(first + 1) % count], t) if t else keys_KZ[first % count]
    return frames_FZ
