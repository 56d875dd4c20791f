"""A client that openapi-python-client makes of the OpenAPI document works against a real API.

The generator has an environment of its own, which `make test` makes: it takes no typer that the command could use.
"""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import http_get

GENERATOR = Path(sys.prefix) / "client-generator" / "bin" / "openapi-python-client"
# What docs/api.md tells users of it: without these lines it leaves pictures out.
CONFIG = """content_type_overrides:
  image/png: application/octet-stream
  image/webp: application/octet-stream
  audio/wav: application/octet-stream
  audio/flac: application/octet-stream
  application/zip: application/octet-stream
  application/x-npy: application/octet-stream
post_hooks: []
"""
NAME = "generated_ganymede_client"

pytestmark = pytest.mark.skipif(
    not GENERATOR.exists(), reason="openapi-python-client is not here; `make test` installs it"
)
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def generated(api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The client's package, and what its generator had to say."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "openapi.json").write_bytes(http_get(f"{api}/openapi.json").content)
    order = ["generate", "--path", "openapi.json", "--config", "config.yaml", "--output-path", NAME, "--meta", "none"]
    done = subprocess.run([GENERATOR, *order], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder / NAME, done.stdout + done.stderr
    sys.path.remove(str(folder))


@pytest.fixture
def call(api: str, generated: tuple[Path, str]) -> Iterator[Call]:
    """Calls an operation by its tag and id."""
    client = importlib.import_module(f"{NAME}.client").Client(
        base_url=api, raise_on_unexpected_status=True, httpx_args={"trust_env": False}
    )

    def sync_detailed(tag: str, operation: str, /, *words: Any, **options: Any) -> Any:
        module = importlib.import_module(f"{NAME}.api.{tag}.{operation}")
        return module.sync_detailed(*words, client=client, **options)

    with client:
        yield sync_detailed


def model(name: str) -> Any:
    return getattr(importlib.import_module(f"{NAME}.models"), name)


def test_nothing_of_the_document_is_left_out(api: str, generated: tuple[Path, str]) -> None:
    folder, said = generated
    document = http_get(f"{api}/openapi.json").json()

    made = {f"{path.parent.name}/{path.stem}" for path in folder.glob("api/*/*.py") if path.stem != "__init__"}
    assert "WARNING" not in said
    assert made == {
        f"{operation['tags'][0]}/{operation['operationId']}"
        for item in document["paths"].values()
        for operation in item.values()
    }


def test_a_picture_is_drawn_as_a_file_and_from_a_body(call: Call) -> None:
    drawn = call("generate", "generate", seed=42, label=["7"])
    body = model("GenerateBody")(seed=42, label=7)

    again = call("generate", "generate_from_body", body=body)

    content = drawn.parsed.payload.read()
    assert content.startswith(b"\x89PNG")
    assert again.parsed.payload.read() == content


def test_a_picture_is_inspected(call: Call) -> None:
    types = importlib.import_module(f"{NAME}.types")
    drawn = call("generate", "generate", seed=42, metadata=True)

    told = call("generate", "inspect", body=types.File(payload=drawn.parsed.payload), verify=True).parsed

    assert (told.verified, told.recipe.seed) == (True, 42)


def test_runs_are_made_found_by_their_tags_changed_and_read(call: Call) -> None:
    tags, spec = model("RunSpecTagsType0"), model("RunSpec")
    config = model("TrainConfig")(steps=3, batch_size=8)
    wanted = tags.from_dict({"team": "a=b", "by.whom": "é"})
    kept = call("train", "create_run", body=spec("mnist-10k", recipe="cgan", config=config, tags=wanted)).parsed
    call("train", "create_run", body=spec("mnist-10k", tags=tags.from_dict({"team": "c"})))
    patch = model("RunPatch")(notes="kept", tags=model("RunPatchTagsType0").from_dict({"by.whom": None}))

    found = call("train", "list_runs", tag=["team=a=b", "by.whom=é"]).parsed
    changed = call("train", "change_run", kept.id, body=patch).parsed
    after = call("train", "list_runs", tag=["by.whom=é"]).parsed
    history = call("train", "read_metrics", kept.id).parsed
    events = call("train", "read_events", kept.id).parsed

    assert [run.id for run in found.data] == [kept.id]
    assert (changed.notes, changed.tags.additional_properties) == ("kept", {"team": "a=b"})
    assert after.data == []
    assert (history.x.value, history.columns) == ("step", [])
    assert events.data[0].id == 1
    assert {call("train", "cancel_run", run.id).parsed.status for run in call("train", "list_runs").parsed.data}


def test_models_are_read_with_their_manifest_and_an_alias_is_moved(call: Call) -> None:
    version = call("models", "read_model", "digits").parsed.versions[0]

    manifest = call("models", "download_manifest", "digits", version.version).parsed
    moved = call("models", "move_alias", "digits", "tried", body=model("AliasChange")(version=version.version)).parsed
    gone = call("models", "remove_alias", "digits", "tried")

    assert (manifest.run, manifest.step, manifest.labels) == (version.run, version.step, version.labels)
    assert (moved.alias, gone.status_code) == ("tried", 204)


def test_a_refusal_is_a_problem_with_its_code(call: Call) -> None:
    answer = call("train", "read_run", "run_" + "0" * 20)

    assert (answer.status_code, answer.parsed.code) == (404, "run_not_found")


def test_the_service_tells_of_itself(call: Call) -> None:
    assert call("health", "readyz").parsed.status == "ready"
    assert "ganymede_requests_total" in call("health", "metrics").parsed
    assert call("system", "read_queue").parsed.running == []
    assert call("datasets", "list_datasets").parsed.data[0].name == "mnist-10k"
