"""What a load of uploads sends: requests that the service answers, each another one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.main import create_app
from bench.applications import load
from bench.serving import wrk
from bench.serving.profile import room_of
from core.registry import Registry
from core.settings import Settings
from models.sizes import MLPClassifierConfig, UNetConfig
from models.starters import DIGITS_COMPLETE, DIGITS_READER
from tests.classifiers import publish_classifier
from tests.fixtures import PublishTiny, Serve


async def test_each_upload_is_answered_and_none_from_memory(
    settings: Settings, registry: Registry, publish_tiny: PublishTiny, tmp_path: Path, serve: Serve
) -> None:
    publish_tiny(DIGITS_COMPLETE, config=UNetConfig(image_size=28, channels=1, latent_dim=4, width=32, num_classes=0))
    sizes = MLPClassifierConfig(image_size=28, channels=1, latent_dim=4, width=32, num_classes=10)
    publish_classifier(registry, tmp_path / "reader", DIGITS_READER, sizes, class_names="0123456789")
    async with serve(create_app(settings)) as client:
        for name, upload in load.uploads().items():
            answers = []
            for number in ("0000000001", "0000000002"):
                path, body = (
                    upload.path.replace(load.MARK, number),
                    upload.body.replace(load.MARK.encode(), number.encode()),
                )
                answers.append(await client.post(path, content=body, headers={"Content-Type": upload.content_type}))

            assert [each.status_code for each in answers] == [200, 200], (name, answers[0].text)
            assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


@pytest.mark.skipif(not wrk.is_here(), reason=wrk.HOW_TO_INSTALL)
def test_a_request_that_nobody_answers_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x")
    asked = ("/complete", "image/png", str(tmp_path / "body"), load.MARK, "1")

    with pytest.raises(wrk.LoadFailed):
        wrk.read(wrk.run("http://127.0.0.1:9", 1, 1, load.SCRIPT, asked))


@pytest.mark.parametrize(
    ("frame", "room"),
    [
        ("receive_parts (app/http/multipart.py:80)", "pictures that are sent: upload"),
        ("load (PIL/ImageFile.py:300)", "pictures that are sent: decoding"),
        ("read_picture (core/datasets/picture.py:40)", "pictures that are sent: decoding"),
        ("__call__ (app/http/guard.py:85)", "guard, access log, fast route"),
    ],
)
def test_upload_and_decoding_are_told_apart_from_the_rest(frame: str, room: str) -> None:
    assert room_of(["run (asyncio/runners.py:118)", frame]) == room


def test_the_hole_is_transparent(tmp_path: Path) -> None:
    (tmp_path / "holed.png").write_bytes(load.uploads()["complete"].body)

    alpha = np.asarray(Image.open(tmp_path / "holed.png"))[..., 3]

    assert np.array_equal(np.argwhere(alpha == 0)[[0, -1]], [[7, 7], [20, 20]])
