"""The supervisor: starts again what died, ends all in order, refuses what cannot work. Small real processes."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings import Settings
from ganymede import supervisor as module
from ganymede.supervisor import CannotStart, Child, Supervisor, base_url, check_port, free_port, until_asked_to_stop
from tests.fixtures import until

FALLS = "raise SystemExit(3)"
STAYS = "import time\ntime.sleep(600)"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(600)"
TELLS = """
import pathlib, signal, sys, time
def end(*_):
    with open(pathlib.Path(__file__).with_name("ended"), "a") as file:
        file.write(pathlib.Path(__file__).stem + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(__file__).with_suffix(".ready").touch()
time.sleep(600)
"""

Program = Callable[[str, str], dict[str, str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Writes a module; returns the environment in which `python -m NAME` runs it."""

    def write(name: str, code: str) -> dict[str, str]:
        (tmp_path / f"{name}.py").write_text(code)
        return {**os.environ, "PYTHONPATH": str(tmp_path)}

    return write


@pytest.fixture
def home(short: Path) -> Settings:
    return Settings(home=short / "home", port=free_port())


def test_what_dies_is_started_again_after_a_pause_that_doubles(program: Program) -> None:
    environment, said = program("falls", FALLS), list[str]()
    child = Child("API", "falls", 5, pause_s=0.01)
    child.start(environment)

    def has_died_four_times() -> bool:
        child.look_after(environment, said.append)
        return len(said) == 4

    until(has_died_four_times)

    child.stop()
    assert said == [
        f"the API ended with status 3; starting it again in {pause:g} s" for pause in (0.02, 0.04, 0.08, 0.16)
    ]


def test_what_ends_again_and_again_at_its_start_ends_all_with_the_reason(
    home: Settings, program: Program, capfd: pytest.CaptureFixture[str]
) -> None:
    supervisor = Supervisor(home, say=lambda _: None, environment=program("broken", "raise OSError('no such thing')"))
    supervisor.api, supervisor.worker = Child("API", "stays", 5), Child("worker", "broken", 5, pause_s=0.001)
    program("stays", STAYS)

    def never() -> bool:
        supervisor.look_after()
        return False

    with (
        pytest.raises(CannotStart, match=r"the worker cannot start: it ended 5 times.* status 1"),
        supervisor.running(),
    ):
        until(never)

    assert capfd.readouterr().err.count("OSError: no such thing") == 5
    assert supervisor.api.process is not None
    assert supervisor.api.process.returncode is not None


def test_what_was_steady_once_is_started_again_for_ever(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, said = program("falls", FALLS), list[str]()
    child = Child("worker", "falls", 5, pause_s=0.001)
    monkeypatch.setattr(module, "STEADY_AFTER_S", -1.0)
    child.start(environment)
    until(lambda: child.process is not None and child.process.poll() is not None)
    child.look_after(environment, said.append)
    monkeypatch.undo()
    child.due_at, child.pause_s = 0.0, 0.001

    def has_died_often() -> bool:
        child.look_after(environment, said.append)
        return len(said) == module.DEATHS_AT_START + 1

    until(has_died_often)

    child.stop()


def test_an_empty_entry_of_the_path_is_not_passed_on_and_a_folder_is(home: Settings) -> None:
    given = os.pathsep.join(["", "/one", "", "/two", ""])

    assert Supervisor(home, say=print, environment={"PYTHONPATH": given}).environment["PYTHONPATH"] == os.pathsep.join(
        ["/one", "/two"]
    )


def test_the_pause_has_a_limit_and_begins_anew_after_a_long_life(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, said = program("falls", FALLS), list[str]()
    child = Child("API", "falls", 5, pause_s=module.LONGEST_PAUSE_S)

    def has_died() -> bool:
        child.look_after(environment, said.append)
        return child.process is None

    child.start(environment)
    until(has_died)
    longest = child.pause_s
    monkeypatch.setattr(module, "STEADY_AFTER_S", -1.0)
    child.start(environment)
    until(has_died)

    assert (longest, child.pause_s) == (module.LONGEST_PAUSE_S, module.FIRST_PAUSE_S)


def test_what_does_not_end_when_told_is_killed(program: Program) -> None:
    environment = program("stubborn", STUBBORN)
    child = Child("worker", "stubborn", 0.3)
    child.start(environment)
    assert child.process is not None
    time.sleep(0.3)

    child.stop()

    assert child.process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


def test_all_end_in_order_the_broker_last(home: Settings, program: Program, tmp_path: Path) -> None:
    program("api_of_a_test", TELLS)
    environment = program("worker_of_a_test", TELLS)
    supervisor = Supervisor(home, say=print, environment=environment)
    supervisor.api = Child("API", "api_of_a_test", 20)
    supervisor.worker = Child("worker", "worker_of_a_test", 20)

    with supervisor.running():
        assert supervisor.broker is not None
        assert supervisor.broker.answers()
        until(lambda: len(list(tmp_path.glob("*.ready"))) == 2)

    children = (supervisor.api.process, supervisor.worker.process, supervisor.broker.process)
    assert (tmp_path / "ended").read_text().split() == ["api_of_a_test", "worker_of_a_test"]
    assert [child and child.returncode for child in children] == [0, 0, 0]
    assert not supervisor.broker.answers()


def quiet(settings: Settings, program: Program, say: Callable[[str], None] = print) -> Supervisor:
    """A supervisor of processes that do nothing."""
    supervisor = Supervisor(settings, say=say, environment=program("stays", STAYS))
    supervisor.api, supervisor.worker = Child("API", "stays", 5), Child("worker", "stays", 5)
    return supervisor


def test_two_on_one_home_are_refused(home: Settings, program: Program) -> None:
    second = quiet(home.model_copy(update={"port": free_port()}), program)
    with quiet(home, program).running():
        with pytest.raises(CannotStart, match=r"is running on .*GANYMEDE_HOME"), second.running():
            pass
        assert second.api.process is None

    with second.running():  # when the first has gone
        assert second.api.process is not None


def test_a_taken_port_is_named_and_nothing_is_started(home: Settings, program: Program) -> None:
    supervisor = quiet(home, program)
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port))
        other.listen()

        with pytest.raises(CannotStart, match=rf"127\.0\.0\.1:{home.port} .*GANYMEDE_PORT"), supervisor.running():
            pass

    assert supervisor.broker is not None
    assert not supervisor.broker.listens()
    assert supervisor.api.process is None


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1:8000"):
        check_port("192.0.2.1", 8000)


def test_a_killed_broker_and_killed_children_come_back(home: Settings, program: Program) -> None:
    said: list[str] = []
    supervisor = quiet(home, program, said.append)
    with supervisor.running():
        assert supervisor.broker is not None
        broker = supervisor.broker
        victims = [broker.process, supervisor.api.process, supervisor.worker.process]
        for victim in victims:
            assert victim is not None
            victim.kill()
            victim.wait()

        def all_live() -> bool:
            supervisor.look_after()
            now = [broker.process, supervisor.api.process, supervisor.worker.process]
            return all(p is not None and p.poll() is None and p not in victims for p in now)

        until(all_live)

        assert supervisor.broker.answers()
    assert [line.split(" ended")[0] for line in said] == ["the broker", "the API", "the worker"]


def test_a_broker_that_cannot_come_back_does_not_end_the_others(home: Settings, program: Program) -> None:
    said: list[str] = []
    supervisor = quiet(home, program, said.append)
    with supervisor.running():
        assert supervisor.broker is not None
        assert supervisor.broker.process is not None
        supervisor.broker.process.kill()
        supervisor.broker.process.wait()
        (supervisor.broker.data / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")

        for _ in range(3):
            supervisor.look_after()

        assert supervisor.api.process is not None
        assert supervisor.api.process.poll() is None
    assert len(said) == 2  # it is not tried again at once
    assert "broker.log" in said[1]


def test_a_redis_of_somebody_else_is_neither_started_nor_stopped(home: Settings, program: Program) -> None:
    supervisor = quiet(home.model_copy(update={"redis_url": "redis://127.0.0.1:1"}), program)

    with supervisor.running():
        supervisor.look_after()

    assert supervisor.broker is None
    assert not home.broker_path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_a_flag_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with until_asked_to_stop() as is_asked_to_stop:
        is_told = is_asked_to_stop()
        os.kill(os.getpid(), number)
        until(is_asked_to_stop)

    assert not is_told
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_address_that_is_told_can_be_opened(host: str, url: str) -> None:
    assert base_url(Settings(host=host, allow_anonymous=True)) == url
