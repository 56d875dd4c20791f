"""Dockerfile and compose files as text: what must hold of them whatever engine builds and runs them."""

import fnmatch
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from app.__main__ import DRAIN_S
from core.settings import Settings, load_settings
from ganymede.supervisor import WORKER_STOPS_WITHIN_S

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GPU = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker")
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

Stage = list[tuple[str, str]]  # instruction, the rest of its line


def _stages() -> dict[str, Stage]:
    """The Dockerfile's instructions by stage; a stage begins with those of the stage it is made from."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    stage: Stage = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            stage = stages[name] = list(stages.get(image, []))
        if instruction:
            stage.append((instruction, rest.strip()))
    return stages


STAGES = _stages()


def last(stage: str, instruction: str) -> str:
    return [rest for name, rest in STAGES[stage] if name == instruction][-1]


def test_every_image_comes_from_one_base_or_from_a_stage_before() -> None:
    images = {rest.split(" ")[0] for stage in STAGES.values() for name, rest in stage if name == "FROM"}

    assert images - STAGES.keys() == {"python:3.11-slim"}


def test_any_builder_reads_it_without_heredocs_and_mounts() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert "<<" not in text
    assert "--mount" not in text


@pytest.mark.parametrize("target", OURS)
def test_what_is_started_is_not_root_and_is_there(target: str) -> None:
    command = json.loads(last(target, "CMD"))

    assert int(last(target, "USER")) > 0
    assert command[:3] == ["python", "-P", "-m"]
    assert importlib.util.find_spec(f"{command[3]}.__main__")
    assert SERVICES[target]["build"]["target"] == target


def test_packages_are_named_in_pyproject_alone() -> None:
    installs = [rest for stage in STAGES.values() for name, rest in stage if name == "RUN" and "pip install" in rest]

    named = {word for install in installs for word in shlex.split(install.partition("pip install")[2])}

    allowed = re.compile(r"-.*|\.|.*\.txt|\$\{TORCH_INDEX:\+.*|\$TORCH_INDEX\}")
    assert [word for word in named if not allowed.fullmatch(word)] == []


def test_another_package_index_for_torch_can_be_given_and_none_is_built_in() -> None:
    assert last("runtime", "ARG") == 'TORCH_INDEX=""'
    assert [SERVICES[name]["build"]["args"]["TORCH_INDEX"] for name in OURS] == ["${TORCH_INDEX:-}"] * 2


def test_every_file_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    copies = [rest for stage in STAGES.values() for name, rest in stage if name == "COPY" and "--from" not in rest]
    sources = {source for copy in copies for source in copy.split()[:-1]}

    missing = [source for source in sources if not (ROOT / source).exists() or is_ignored(source)]

    assert sources
    assert missing == []


@pytest.mark.parametrize(
    "name", ["var", ".venv", ".git", "tests", ".env", "docker-compose.yml", "docker-compose.gpu.yml"]
)
def test_what_no_image_needs_is_not_sent_to_the_builder(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize(
    "name",
    ["core", "models", "worker", "app", "ganymede", "bench", "pyproject.toml", "README.md", "LICENSE", "LICENSES"],
)
def test_what_the_package_is_built_from_is_sent(name: str) -> None:
    assert not is_ignored(name)
    assert (ROOT / name).exists()


def is_ignored(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in IGNORED)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_power_over_its_machine(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & service.keys()
    assert "docker.sock" not in str(service)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_comes_back_is_watched_and_may_end_in_peace(name: str) -> None:
    service = SERVICES[name]

    assert service["init"] is True
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    grace_s = int(service["stop_grace_period"].removesuffix("s"))
    assert grace_s >= max(DRAIN_S, WORKER_STOPS_WITHIN_S)


def test_only_the_api_is_published_and_on_loopback_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert list(ports) == ["api"]
    assert [port.startswith("127.0.0.1:") for port in ports["api"]] == [True]


def test_a_service_can_run_more_than_once() -> None:
    assert [name for name, service in SERVICES.items() if "container_name" in service or "hostname" in service] == []


@pytest.mark.parametrize("name", OURS)
def test_api_and_worker_share_the_folder_that_the_image_made_for_them(name: str) -> None:
    environment = dict(pair.split("=", 1) for pair in shlex.split(last(name, "ENV")))
    home = environment["GANYMEDE_HOME"]
    made = [rest for instruction, rest in STAGES[name] if instruction == "RUN" and "install -d -o ganymede" in rest]

    assert SERVICES[name]["volumes"] == [f"store:{home}"]
    assert SERVICES[name]["tmpfs"] == ["/tmp"]
    assert home in made[0]
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"


def test_the_queue_outlives_its_container() -> None:
    valkey = SERVICES["valkey"]
    options = dict(zip(valkey["command"][1::2], valkey["command"][2::2], strict=True))

    assert valkey["image"] == "valkey/valkey:8-alpine"
    assert valkey["user"] not in ("0", "root")
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"  # a queue that forgets jobs is none
    assert valkey["volumes"] == ["queue:/data"]
    assert set(COMPOSE["volumes"]) == {"store", "queue"}


def test_the_api_of_the_container_starts_with_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["api"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-\}", "gan.example", str(value or "")))

    settings = load_settings()

    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert settings.allow_anonymous
    assert settings.allowed_hosts == ("localhost", "127.0.0.1", "[::1]", "gan.example")
    assert settings.broker_url == "redis://valkey:6379/0"


def test_every_setting_reaches_the_api() -> None:
    ours = {name for name in SERVICES["api"]["environment"] if not name.startswith("AWS_")}

    assert ours == {f"GANYMEDE_{name.upper()}" for name in Settings.model_fields} - {"GANYMEDE_HOME"}


def test_the_worker_gets_only_settings_that_there_are() -> None:
    assert SERVICES["worker"]["environment"].keys() <= SERVICES["api"]["environment"].keys()


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that gives every request this status; yields its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_the_health_check_of_the_api_believes_readyz(status: int, is_healthy: bool) -> None:
    _, python, *words = SERVICES["api"]["healthcheck"]["test"]
    with answering(status) as port:
        command = [sys.executable, *(word.replace(":8000/", f":{port}/") for word in words)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=300)

    assert python == "python"
    assert (done.returncode == 0) is is_healthy


def test_the_health_check_of_the_worker_is_there() -> None:
    assert SERVICES["worker"]["healthcheck"]["test"] == ["CMD", "python", "-P", "-m", "worker.health"]
    assert importlib.util.find_spec("worker.health")


def test_the_gpu_file_gives_the_worker_a_gpu_and_adds_nothing_else() -> None:
    (device,) = GPU["services"]["worker"]["deploy"]["resources"]["reservations"]["devices"]

    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert GPU["services"]["worker"].keys() == {"environment", "deploy"}
    assert GPU["services"]["api"] == {"environment": {"GANYMEDE_DEVICE": "cpu"}}
    assert GPU["services"].keys() <= SERVICES.keys()
