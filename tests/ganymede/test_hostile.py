"""`ganymede up` in a folder full of names that Python looks for: each process that the service starts runs our code."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ganymede import Client
from ganymede.supervisor import free_port
from tests.ganymede import hostile
from tests.ganymede.conftest import Launch

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")]


def pictures(target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for i in range(16):
            file = io.BytesIO()
            Image.new("L", (16, 16), 16 * i).save(file, "PNG")
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", file.getvalue())
    return target


def test_no_process_of_the_service_runs_what_lies_beside_the_user(launch: Launch, tmp_path: Path) -> None:
    port = free_port()
    up = launch(port)
    with Client(f"http://127.0.0.1:{port}", retries=0, timeout=300) as client:
        up.wait_for(lambda: "Ganymede is ready" in up.said())
        up.wait_for(lambda: any(worker.is_alive for worker in client.workers()))

        drawing = client.generate(seed=1)
        imported = client.datasets.add("mine", pictures(tmp_path / "mine.zip"), size=16)
        asked = {"steps": 10, "batch_size": 16, "width": 16}
        # a busy machine may give up a measurement: the next one is another try
        up.wait_for(lambda: client.validate("cgan", "mine", config=asked).time is not None)

    assert drawing.media_type == "image/png"
    assert imported.count == 16
    assert up.children().keys() == {"app", "worker", "valkey"}
    assert hostile.ran(up.cwd) == []
