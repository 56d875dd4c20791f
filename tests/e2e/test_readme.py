"""The commands of README, API guide, operations page and command reference, as printed, against a running service."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from tests import coloured
from tests.e2e.conftest import SMALL, Service
from tests.fixtures import until
from tests.sounds import two_tones

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")]


def commands_of(text: str) -> list[str]:
    """Every curl command of a page's shell blocks; lines that a backslash or a quote continues are one."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [found for block in blocks for found in re.findall(r"^curl .*?(?<!\\)$(?!\n  )", block, re.DOTALL | re.M)]


PAGES = ("README.md", "docs/api.md", "docs/operations.md")
PRINTED = [command for page in PAGES for command in commands_of((ROOT / page).read_text())]


def test_there_are_commands_to_try() -> None:
    assert len(PRINTED) >= 8
    assert all(ADDRESS in command for command in PRINTED)


def end_a_run(service: Service) -> str:
    run_id = service.train(steps=20, model="printed", sample_every=10)
    service.ends(run_id)
    return run_id


@pytest.fixture(scope="module")
def ended(service: Service) -> str:
    """The id of a run that has ended."""
    return end_a_run(service)


def learn(service: Service, recipe: str, dataset: str, model: str) -> str:
    """The id of a run on pictures, or sounds, of one's own, as short as gives a model that draws something."""
    steps = 20 if dataset == "spoken-digits" else 1
    config = {"extractor": "none", "steps": steps, "ema_half_life": 0, **SMALL}
    with service.client as client:
        answer = client.post("/train", json={"recipe": recipe, "dataset": dataset, "model": model, "config": config})
    return str(answer.raise_for_status().json()["id"])


def run_for(service: Service, verb: str) -> str:
    """The id of a run that can be paused, canceled, resumed or retried."""
    run_id = service.train(steps=100_000, model="printed")
    before = {"resume": "pause", "retry": "cancel"}.get(verb)
    if before is not None:
        with service.client as client:
            client.post(f"/train/{run_id}/{before}")
        until(lambda: service.run(run_id)["status"] in ("paused", "canceled"), 300, f"{before} is over")
    return run_id


def with_a_run(service: Service, ended: str, command: str) -> str:
    """The command with the id of a run on which it works in the place of RUN."""
    verb = re.search(r"/train/RUN/(pause|cancel|resume|retry)\b", command)
    if verb is not None:
        return command.replace("RUN", run_for(service, verb[1]))
    return command.replace("RUN", end_a_run(service) if "DELETE" in command else ended)


def has(service: Service, path: str) -> bool:
    with service.client as client:
        return client.get(path).status_code == 200


@pytest.fixture(scope="module")
def zipped() -> bytes:
    return coloured.folders(per_class=3)


@pytest.fixture(autouse=True)
def pictures(service: Service, tmp_path: Path, zipped: bytes) -> None:
    """What the commands take for given: pictures of one's own, whole and with a hole, sounds, and datasets of both,
    which some delete."""
    (tmp_path / "shapes.zip").write_bytes(zipped)
    whole = coloured.drawn("circle", np.random.default_rng(0))
    mask = Image.new("L", whole.size)
    mask.paste(255, (16, 16, 48, 48))
    holed = whole.convert("RGBA")
    holed.putalpha(ImageChops.invert(mask))
    for name, picture in {"whole": whole, "mask": mask, "holed": holed}.items():
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "mask.png").write_bytes((ROOT / "docs" / "mask.png").read_bytes())
    with service.client as client:  # another command of the page draws it
        (tmp_path / "seven.png").write_bytes(client.get("/generate?seed=42&label=7").raise_for_status().content)
    (tmp_path / "spoken-digits.zip").write_bytes(spoken := two_tones(names=("one", "seven")))
    for name, archive in {"shapes": zipped, "spoken-digits": spoken}.items():
        if not has(service, f"/datasets/{name}"):
            with service.client as client:
                client.post("/datasets", data={"name": name}, files={"file": archive}).raise_for_status()


ENDLESS = f"curl -N {ADDRESS}/events"


def test_the_stream_of_everything_begins_at_once_and_does_not_end(service: Service) -> None:
    ours = ENDLESS.replace(ADDRESS, f"--max-time 3 http://127.0.0.1:{service.port}")

    tried = subprocess.run(["bash", "-c", ours], capture_output=True, text=True, check=False, timeout=300)

    assert ENDLESS in PRINTED
    assert tried.returncode == 28, tried.stderr  # curl's word for "out of time"
    assert tried.stdout.startswith("event: snapshot\ndata: {")


TRIED_ELSEWHERE = {  # what they need no run and no key of these tests has
    "/nearest": "tests/app/train/test_nearest.py",
    '"KEY"': "tests/app/http/test_session.py",
    "/webhooks": "tests/app/events/webhooks",  # they send to a host that there is not
    '"webhook"': "tests/app/events/webhooks",
}


def is_tried_here(command: str) -> bool:
    return command != ENDLESS and not any(part in command for part in TRIED_ELSEWHERE)


@pytest.mark.parametrize("command", [command for command in PRINTED if is_tried_here(command)])
def test_a_printed_command_works(service: Service, ended: str, tmp_path: Path, command: str) -> None:
    if ("model=mine" in command or "mine@1" in command) and not has(service, "/models/mine/versions/1"):
        service.ends(service.train(steps=1, model="mine"))
    made = (
        ("shapes", "cgan", "shapes"),
        ("mended", "completion", "shapes"),
        ("spoken-digits", "cgan", "spoken-digits"),
        ("read", "ssgan", "shapes"),
    )
    for model, recipe, dataset in made:
        if f"model={model}" in command and not has(service, f"/models/{model}"):
            service.ends(learn(service, recipe, dataset, model))
    ours = (
        with_a_run(service, ended, command)
        .replace(ADDRESS, f"http://127.0.0.1:{service.port}")
        .replace("curl ", "curl -sS --fail-with-body ", 1)
    )

    tried = subprocess.run(["bash", "-c", ours], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    assert tried.returncode == 0, tried.stdout + tried.stderr
    for name in re.findall(r"-o (\S+)", command):
        assert (tmp_path / name).stat().st_size > 100
    for run_id in set(re.findall(r'"id":"(run_[0-9a-f]+)"', tried.stdout)):
        with service.client as client:
            client.post(f"/train/{run_id}/cancel")


PYTHON = re.findall(r"```python\n(.*?)```", README + (ROOT / "docs" / "python.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("printed", PYTHON)
def test_the_printed_python_works(service: Service, tmp_path: Path, printed: str) -> None:
    small = 'model="mine", config={"steps": 20, "width": 16, "batch_size": 16, "latent_dim": 8, "extractor": "none"}'
    ours = printed.replace("Client()", f'Client("http://127.0.0.1:{service.port}")')
    ours = ours.replace('"mnist-10k", model="mine"', f'"mnist-10k", {small}')

    tried = subprocess.run([sys.executable, "-c", ours], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert tried.returncode == 0, tried.stderr
    for name in re.findall(r"save\(f?\"(\w+)", printed):
        assert [file.read_bytes()[:4] for file in tmp_path.glob(f"{name}*.png")].count(b"\x89PNG") >= 1


TYPED = README + (ROOT / "docs" / "cli.md").read_text()
BLOCKS = "".join(re.findall(r"```sh\n(.*?)```", TYPED, re.DOTALL))
GANYMEDE = sorted(set(re.findall(r"^ganymede .*$", BLOCKS, re.MULTILINE)))


def test_there_are_commands_of_our_own_to_try() -> None:
    assert len(GANYMEDE) >= 5


@pytest.mark.parametrize("command", GANYMEDE)
def test_a_printed_command_of_our_own_works(service: Service, tmp_path: Path, command: str) -> None:
    words = [sys.executable, "-c", "from ganymede.cli import app; app()", *shlex.split(command)[1:]]

    url = ["--url", str(service.port)]
    tried = subprocess.run([*words, *url], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    assert tried.returncode == 0, tried.stdout + tried.stderr
    for name in [] if "--curl" in command else re.findall(r"-o (\S+)", command):
        assert (tmp_path / name).stat().st_size > 100
    for run_id in re.findall(r"^(run_[0-9a-f]+) queued$", tried.stdout, re.MULTILINE):
        with service.client as client:
            client.post(f"/train/{run_id}/cancel")
