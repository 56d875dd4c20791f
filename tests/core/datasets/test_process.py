"""`python -m core.datasets`: what it says, and that it ends with who started it, or when the disk is full."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.datasets import DatasetStore
from core.datasets.order import ImportForm, ImportOrder, Upload
from core.store import Store
from tests.core.conftest import ROOT
from tests.core.datasets.conftest import LIMITS
from tests.disks import can_mount
from tests.uploads import class_folders, picture, zipped

PIPE = subprocess.PIPE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "upload"
    made.mkdir()
    return made


def order(folder: Path, data: bytes, **form: Any) -> None:
    (folder / "file-0").write_bytes(data)
    upload = Upload(path=folder / "file-0", filename="pets.zip")
    made = ImportOrder(form=ImportForm(name="pets", **form), files=(upload,), limits=LIMITS)
    (folder / "order.json").write_text(made.model_dump_json())


def command(store: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "core.datasets", str(store), str(folder)]


def started(store: Store, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(store.root, folder), cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    assert process.stdout is not None
    lines = [json.loads(line) for line in process.stdout]
    process.wait(300)
    process.stdout.close()
    assert process.stdin is not None
    process.stdin.close()
    return lines


def test_it_says_how_far_it_is_and_what_came_of_it(store: Store, folder: Path) -> None:
    order(folder, class_folders())

    *progress, outcome = said(started(store, folder))

    dataset = DatasetStore(store).get("pets")
    assert [line["phase"] for line in progress][-1] == "storing"
    assert (outcome["dataset"], outcome["version"]) == ("pets", dataset.manifest.version)
    assert (outcome["change"], outcome["report"]["taken"]) == ("created", 6)
    dataset.check()


def test_it_says_why_it_refused(store: Store, folder: Path) -> None:
    order(folder, zipped([("a.png", b"no")]))

    *_, outcome = said(started(store, folder))

    assert outcome["problems"][0]["pointer"] == "/file"
    assert DatasetStore(store).names() == []


def test_it_ends_when_who_started_it_is_gone(store: Store, folder: Path) -> None:
    order(folder, zipped((f"{i}.png", picture((256, 256), seed=i)) for i in range(48)))
    process = started(store, folder)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()

    process.stdin.close()

    assert process.wait(300) == 1
    process.stdout.close()
    assert DatasetStore(store).names() == []


def test_killed_at_any_moment_it_leaves_the_old_version_or_the_new_one_too(store: Store, folder: Path) -> None:
    datasets = DatasetStore(store)
    for attempt in range(5):
        with store.scratch() as scratch:
            order(scratch, class_folders(count=40, seed=attempt))
            process = started(store, scratch)
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()  # it has begun
            time.sleep(random.uniform(0, 0.3))
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        for version in datasets.versions("pets"):
            datasets.get("pets", version).check()
        if "pets" in datasets.names():
            datasets.get("pets").check()
    store.sweep()

    assert list(store.path("tmp").iterdir()) == []


@pytest.mark.skipif(not can_mount(), reason="no disk of its own can be mounted here")
@pytest.mark.parametrize("kilobytes", [150, 500])
def test_on_a_full_disk_it_says_so_and_leaves_nothing(tmp_path: Path, folder: Path, kilobytes: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    order(folder, class_folders(count=60), size="64")
    moved = (folder / "order.json").read_text().replace(str(folder), str(disk / "upload"))
    (folder / "order.json").write_text(moved)
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {disk} && mkdir {disk}/upload && cp {folder}/* {disk}/upload"
    run = " ".join(command(disk / "store", disk / "upload"))
    script = f"{mount} && {run} && find {disk}/store -type f"

    process = subprocess.Popen(["unshare", "-rm", "bash", "-c", script], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.communicate(timeout=300)

    outcome = [line for line in lines if "phase" not in line]
    assert json.loads(outcome[0]) == {"errno": 28}
    assert outcome[1:] == []
