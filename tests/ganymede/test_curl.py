"""`--curl` sends nothing, and what it prints makes the very requests that the command itself makes."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ganymede.cli import app
from tests.ganymede.contract import RUN, Answer, Contract, Request, page, run_body

ALIAS = {"alias": "production", "version": 7, "previous": 6, "changed_at": None, "reason": None}
HEADERS = ("accept", "if-match", "content-type")  # that mean something
AWKWARD_FILE = """it's "$x" ä,;.png"""
AWKWARD = """it's "$RUN" `date` \\n ä & <x>"""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")

COMMANDS: list[tuple[str, ...]] = [
    ("train", "cgan", "shapes", "-d", "--name", AWKWARD, "--set", "generator_lr=1e-4", "--tag", "a=b", "--steps", "9"),
    ("generate", "-m", "digits@1", "--seed", "42", "-l", "it's", "-l", "7", "-n", "2", "-o", "s even.png"),
    ("generate", "--seeds", "0,4-6", "--truncation", "0.5", "--scale", "2", "--metadata", "-o", "sheet.zip"),
    ("generate", "--z", "z.npy", "-l", "it's", "-o", "z.png"),
    ("inspect", AWKWARD_FILE, "--verify"),
    ("complete", AWKWARD_FILE, "-m", "mended", "--seed", "3", "-n", "4", "-l", "it's", "-o", "x.png"),
    ("complete", AWKWARD_FILE, "--mask", "m.json", "--seeds", "1,4-6", "-o", "x.zip"),
    ("classify", AWKWARD_FILE, "m.json", "-m", "read", "--top", "3"),
    ("runs", "ls", "--status", "running", "--tag", "team=a b", "--limit", "3"),
    ("runs", "show", RUN),
    ("runs", "cancel", RUN),
    ("runs", "cancel", "@last"),
    ("runs", "rm", RUN),
    ("runs", "edit", RUN, "--name", AWKWARD, "--tag", "a=b"),
    ("models", "unalias", "mine", "production"),
    ("runs", "metrics", RUN, "--csv"),
    ("runs", "samples", RUN, "-o", "grid.webp"),
    ("runs", "publish", RUN, "0-30", "-m", "other"),
    ("models", "promote", "digits", "1", "--reason", AWKWARD),
    ("models", "rollback", "digits"),
    ("models", "rm", "digits@1"),
    ("datasets", "import", "pets", AWKWARD_FILE, "--size", "32", "--source", "@" + AWKWARD, "--licence", "<CC0;x=y"),
    ("datasets", "import", "digits", "m.json", "z.npy"),
    ("datasets", "preview", "pets", "-l", "a b", "-n", "9", "-o", "sheet.png"),
    ("datasets", "rm", "pets"),
    ("models", "import", "mine", 'w;eird, "na\\me.safetensors', "m.json"),
]


@pytest.fixture
def scripted(contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'w;eird, "na\\me.safetensors').write_bytes(b"weights")
    (tmp_path / "m.json").write_bytes(b"{}")
    (tmp_path / AWKWARD_FILE).write_bytes(b"\x89PNG\r\n\x1a\n\0\xff")
    np.save(tmp_path / "z.npy", np.array([[0.1, -2.5], [1e-8, 3]]))
    contract.on("GET", "/train", page(run_body()))
    contract.on("POST", "/train", Answer(run_body(), 202))
    contract.on("GET", f"/train/{RUN}", Answer(run_body()))
    contract.on("POST", f"/train/{RUN}/cancel", Answer(run_body()))
    contract.on("DELETE", f"/train/{RUN}", Answer(b""))
    contract.on("PATCH", f"/train/{RUN}", Answer(run_body()))
    contract.on("GET", f"/train/{RUN}/metrics", Answer("step\r\n"))
    contract.on("GET", f"/train/{RUN}/samples/latest", Answer(b"RIFF"))
    contract.on("PUT", "/models/digits/aliases/production", Answer(ALIAS))
    contract.on("GET", "/models/digits/aliases/production", compact)
    contract.on("DELETE", "/models/digits/versions/1", Answer(b""))
    contract.on("DELETE", "/models/mine/aliases/production", Answer(b""))
    contract.on("DELETE", "/datasets/pets", Answer(b""))
    contract.on("GET", "/datasets/pets/preview", Answer(b"PNG"))
    return contract


def compact(_request: Request) -> Answer:
    body = '{"alias":"production","version":7,"previous":6,"changed_at":null,"reason":null}'
    return Answer(body, headers={"Content-Type": "application/json"})


def run(contract: Contract, *words: str) -> tuple[str, list[Any]]:
    """What a command prints, and the requests it makes."""
    contract.seen.clear()
    done = CliRunner().invoke(app, [*words, "--url", contract.url])
    return done.stdout, told(contract)


def told(contract: Contract) -> list[Any]:
    requests = [(r.method, r.path, r.query, content(r), meaning(r)) for r in contract.seen]
    return [each for i, each in enumerate(requests) if each not in requests[:i]]  # curl asks twice for two facts


def content(request: Request) -> Any:
    if request.headers.get("content-type", "").startswith("multipart/"):
        kept = [line for line in request.body.splitlines() if line and not line.startswith((b"--", b"Content-Disp"))]
        return sorted(kept)  # each writes the name of a file in its own way
    if request.headers.get("content-type") == "image/png":
        return request.body
    return request.json if request.body else None


def meaning(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    said = {name: request.headers[name] for name in HEADERS if name in request.headers}
    # `curl --json` accepts JSON, in so many words
    return {name: "*/*" if (name, value) == ("accept", "application/json") else value for name, value in said.items()}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_is_printed_makes_the_same_requests_as_the_command(scripted: Contract, words: tuple[str, ...]) -> None:
    _, made = run(scripted, *words)
    printed, sent = run(scripted, *words, "--curl")
    scripted.seen.clear()

    done = subprocess.run(["bash", "-c", printed], capture_output=True, text=True, check=False, timeout=300)

    assert sent == []
    assert done.returncode == 0, printed + done.stderr
    assert told(scripted) == made
    assert made


def test_watching_is_two_requests_and_the_second_uses_the_answer_of_the_first(scripted: Contract) -> None:
    printed, sent = run(scripted, "train", "cgan", "shapes", "--curl")

    first, second = printed.splitlines()
    assert sent == []
    assert first.startswith("RUN=$(curl -sS -H 'Idempotency-Key: ")
    assert second == f"curl -N -H 'Accept: text/event-stream' '{scripted.url}/train/'\"$RUN\"'/events'"


def test_an_export_is_two_files(scripted: Contract) -> None:
    printed, sent = run(scripted, "models", "export", "digits@1", "-o", "my dir", "--curl")

    assert sent == []
    assert printed.splitlines() == [
        f"curl {scripted.url}/models/digits/versions/1/manifest -o 'my dir/manifest.json'",
        f"curl {scripted.url}/models/digits/versions/1/weights -o 'my dir/generator.safetensors'",
    ]


def test_a_key_is_printed_as_the_name_of_its_variable(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANYMEDE_API_KEY", "gnm_s3cret")
    contract.on("GET", "/train", page(run_body()))

    done = CliRunner().invoke(app, ["runs", "ls", "--curl", "--url", contract.url])
    subprocess.run(done.stdout, shell=True, cwd=tmp_path, check=True, capture_output=True)

    assert "s3cret" not in done.output
    assert contract.seen[0].headers["authorization"] == "Bearer gnm_s3cret"
