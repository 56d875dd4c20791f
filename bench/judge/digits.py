"""The judge of the digits, beside reals: that of worker/judge, with the features of the bundled digits.

Shape suffixes: N pictures, H height, W width, C channels.
"""

from bench.dataset import read_bundled
from bench.judge.examination import Judge, Likeness, Reals
from worker.judge.judgement import load_judge, load_reference, read
from worker.judge.network import CLASSES, SIZE

TEST_IMAGES = 10_000


def digits_judge() -> Judge:
    """FD is to the test images, the likeness to the bundled mnist-10k: the features of the others are not bundled."""
    network, reference = load_judge(), load_reference()
    return Judge(
        name="digits",
        shape=(SIZE, SIZE, 1),
        class_names=tuple(str(digit) for digit in range(CLASSES)),
        comparable=TEST_IMAGES,
        read=lambda images_NHWC: read(network, images_NHWC[..., 0]),
        gaussian=(reference.mean, reference.covariance),
        beside=lambda: read(network, read_bundled().images)[1],
        floor=reference.floor,
        floor_of="mnist-10k, real digits",
        reals=Reals(reference.accuracy, Likeness(reference.kid, reference.precision, reference.recall)),
    )
