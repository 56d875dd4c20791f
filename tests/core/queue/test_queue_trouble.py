"""A Redis that answers PING and takes nothing: each way of a real server to refuse is told in its own words."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import BusyLoadingError, MovedError

from core.queue import QueueUnavailable, TrainQueue, trouble_of
from ganymede.broker import Broker, find_server

Spoil = Callable[[Any, Broker], object]


def fail_a_snapshot(server: Any, broker: Broker) -> None:
    (broker.data / "dump.rdb").mkdir()  # nothing can be renamed to this
    server.config_set("save", "3600 1")
    server.bgsave()
    deadline = time.monotonic() + 20
    while server.info("persistence")["rdb_last_bgsave_status"] != "err":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def deny(*rules: str) -> Spoil:
    return lambda server, _: server.execute_command("ACL", "SETUSER", "default", *rules)


REFUSALS: dict[str, tuple[Spoil, str]] = {
    "its memory is full": (lambda server, _: server.config_set("maxmemory", 1), "OOM command not allowed when used"),
    "its disk is full": (fail_a_snapshot, "MISCONF "),
    "it is a replica": (lambda server, _: server.replicaof("127.0.0.1", 1), "READONLY You can't write against a read"),
    "its replicas are away": (lambda server, _: server.config_set("min-replicas-to-write", 1), "NOREPLICAS Not enough"),
    "no writing": (deny("-@write"), "User default has no permissions"),
    "no pushing": (deny("-rpush"), "User default has no permissions"),
    "no scripts": (deny("-@scripting"), "NOPERM User default has no permissions"),
    "other keys": (deny("resetkeys", "~other:*"), "NOPERM No permissions to access a key"),
    "a password": (lambda server, _: server.config_set("requirepass", "secret"), "NOAUTH "),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_server_that_answers_and_refuses_is_told_in_its_own_words(own_broker: Broker, why: str) -> None:
    spoil, words = REFUSALS[why]
    with redis.Redis.from_url(f"unix://{own_broker.socket_path}") as server:
        spoil(server, own_broker)

        with TrainQueue(f"unix://{own_broker.socket_path}") as queue:
            trouble = queue.trouble()
            with pytest.raises(QueueUnavailable):
                queue.enqueue("run_a", 1)
            server.config_set("save", "")  # it would not end before it has saved

    assert trouble is not None
    assert words in str(trouble)
    assert str(trouble).startswith("redis: ")
    assert "user_script" not in str(trouble)
    assert "\n" not in str(trouble)


def test_it_is_well_again_as_soon_as_the_server_is(own_broker: Broker) -> None:
    with (
        redis.Redis.from_url(f"unix://{own_broker.socket_path}") as server,
        TrainQueue(f"unix://{own_broker.socket_path}") as queue,
    ):
        server.config_set("maxmemory", 1)
        before = queue.trouble()
        server.config_set("maxmemory", 0)

        assert (before is None, queue.trouble()) == (False, None)


def test_the_look_leaves_nothing_behind(queue: TrainQueue) -> None:
    assert queue.trouble() is None

    assert queue.connection.keys("*") == []


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """The address of a node of a cluster, all of whose slots are nowhere."""
    path = tmp_path / "n"
    options = {
        "port": "0",
        "unixsocket": str(path),
        "cluster-enabled": "yes",
        "cluster-port": "1",
        "dir": str(tmp_path),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([str(find_server()), *words], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"unix://{path}"
    process.kill()
    process.wait()


def test_a_node_of_a_cluster_is_told(node: str) -> None:
    with TrainQueue(node) as queue:
        trouble = str(queue.trouble())

    assert trouble.startswith(("redis: CROSSSLOT ", "redis: CLUSTERDOWN "))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MovedError("3999 127.0.0.1:6381", status_code="MOVED"), "redis: MOVED 3999 127.0.0.1:6381"),
        (BusyLoadingError("It reads its file", status_code="LOADING"), "redis: LOADING It reads its file"),
        (redis.exceptions.ConnectionError("max number of clients reached"), "redis: max number of clients reached"),
        (redis.exceptions.ConnectionError("Error 111 connecting to h:1"), "redis"),
        (redis.exceptions.TimeoutError("Timeout reading from socket"), "redis"),
        (redis.exceptions.ResponseError("ERR a\nb"), "redis: ERR a b"),
    ],
)
def test_a_word_of_the_server_is_told_and_silence_is_only_that(error: redis.exceptions.RedisError, told: str) -> None:
    assert str(trouble_of(error)) == told


def test_a_worker_is_there_while_its_heartbeat_is_young(queue: TrainQueue) -> None:
    def beat(age_s: float) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - age_s))
        queue.connection.hset("rq:worker:w", "last_heartbeat", at)

    seen = [queue.has_worker()]
    queue.connection.sadd("rq:workers:train", "rq:worker:w")
    seen.append(queue.has_worker())
    for age_s in (61, 1):
        beat(age_s)
        seen.append(queue.has_worker())

    assert seen == [False, False, False, True]
