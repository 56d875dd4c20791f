"""A stranger's walk: pictures of one's own, through curl alone, by the commands that README prints, in their order."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests import coloured
from tests.e2e.conftest import Service
from tests.e2e.test_readme import ADDRESS, README, commands_of
from worker.training.execution import decide
from worker.training.scores import classifier
from worker.training.scores.tick import unwatched

OWN_PICTURES = README.partition("## Train on your own pictures")[2]
UPLOAD, PREVIEW, VALIDATE, TRAIN, WATCH, DRAW = commands_of(OWN_PICTURES)[:6]
SIZE, CLASSES = coloured.SIZE, coloured.NAMES
AT_MOST_S = 3600  # a command; a busy machine takes its time

Read = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int64]]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")]


@pytest.fixture(scope="module")
def read() -> Read:
    """A judge that has learnt other pictures of these classes, at half their size, and that the service knows nothing
    of: pictures (N, H, W, C) to the class that each of them shows."""
    execution = decide("cpu", "float32", threads=1)
    pictures_NHWC, labels_N = coloured.arrays(per_class=150, seed=1)
    weights, accuracy = classifier.train(pictures_NHWC[:, ::2, ::2], labels_N, len(CLASSES), execution, unwatched)
    assert accuracy > 0.95
    judge = classifier.Classifier(weights, SIZE // 2, 3, len(CLASSES), execution.torch_device)

    def class_of(pictures_NHWC: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        class_N = judge(pictures_NHWC[:, ::2, ::2]).class_N
        assert class_N is not None
        return class_N

    return class_of


def cut(sheet: Path) -> npt.NDArray[np.uint8]:
    """The pictures (N, H, W, C) of a contact sheet that is full."""
    image_HWC = np.asarray(Image.open(sheet).convert("RGB"))
    rows, columns = image_HWC.shape[0] // SIZE, image_HWC.shape[1] // SIZE
    return image_HWC.reshape(rows, SIZE, columns, SIZE, 3).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)


def test_whoever_brings_coloured_pictures_draws_each_class_of_them_by_curl_alone(
    service: Service, tmp_path: Path, read: Read
) -> None:
    (tmp_path / "shapes.zip").write_bytes(coloured.folders(per_class=250))

    def do(command: str) -> str:
        ours = command.replace(ADDRESS, f"http://127.0.0.1:{service.port}")
        ours = ours.replace("curl ", "curl -sS --fail-with-body ", 1)
        done = subprocess.run(["bash", "-c", ours], cwd=tmp_path, capture_output=True, text=True, timeout=AT_MOST_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    uploaded = json.loads(do(UPLOAD))
    do(PREVIEW)
    plan = json.loads(do(VALIDATE))
    run_id = json.loads(do(TRAIN))["id"]
    watched = do(WATCH.replace("RUN", run_id))
    for name in CLASSES:
        do(DRAW.replace("circle", name))

    assert (uploaded["count"], uploaded["channels"], tuple(uploaded["class_names"])) == (2000, 3, CLASSES)
    assert set(read(cut(tmp_path / "shapes.png"))) == set(range(len(CLASSES)))
    assert plan["recipe_reason"]
    assert (plan["resolved"]["conditional"], plan["resolved"]["network"]["num_classes"]) == (True, len(CLASSES))
    assert watched.rpartition("event: ")[2].startswith("end\n")
    assert service.run(run_id)["status"] == "succeeded"
    right = {name: np.mean(read(cut(tmp_path / f"{name}s.png")) == label) for label, name in enumerate(CLASSES)}
    assert np.mean(list(right.values())) >= 0.8, right  # 400 steps are few, and 16 pictures of each class too
    assert min(right.values()) >= 2 / len(CLASSES), right
