"""The worker's connection: a worker comes up whatever the path of Redis' socket is, and whatever Redis lets it ask."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from rq.serializers import JSONSerializer

from core.queue import QUEUE_NAME, TrainQueue
from ganymede.broker import Broker
from worker.rq_worker import GuardedJob, GuardedWorker, connect


def come_up(url: str) -> GuardedWorker:
    worker = GuardedWorker([QUEUE_NAME], connection=connect(url), serializer=JSONSerializer, job_class=GuardedJob)
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


@pytest.mark.parametrize("name", ["my redis", "a=b", "a\nb", "x addr=y laddr=z fd=1", "\u2028", "\x85", "%41", "?#"])
def test_a_worker_comes_up_on_a_socket_of_any_name(tmp_path: Path, name: str) -> None:
    broker = Broker(tmp_path / "broker", tmp_path / name)
    broker.start()
    url = f"unix://{quote(str(broker.socket_path))}"
    try:
        worker = come_up(url)
        with TrainQueue(url) as queue:
            assert queue.has_worker()
            assert [facts.name for facts in queue.snapshot().workers] == [worker.name]
        worker.connection.close()
    finally:
        broker.stop()


def test_the_address_is_what_the_server_says_it_is(own_broker: Broker) -> None:
    with connect(f"unix://{own_broker.socket_path}") as connection:
        assert str(own_broker.socket_path) in connection.client_info()["addr"]


@pytest.mark.parametrize("denied", ["-client|info", "-client"])
@pytest.mark.filterwarnings("ignore:CLIENT")
def test_a_worker_that_may_not_ask_for_its_address_comes_up(own_broker: Broker, denied: str) -> None:
    url = f"unix://{own_broker.socket_path}"
    with redis.Redis.from_url(url) as server:
        server.execute_command("ACL", "SETUSER", "default", denied)

    worker = come_up(url)

    with TrainQueue(url) as queue:
        assert queue.has_worker()
    worker.connection.close()


def test_an_idle_worker_outlives_a_redis_that_takes_nothing_and_works_again_when_it_does(
    own_broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"unix://{own_broker.socket_path}"
    worker: Any = come_up(url)
    with redis.Redis.from_url(url) as server, TrainQueue(url) as queue:
        server.config_set("maxmemory", 1)
        pauses = []

        def wait(pause_s: float) -> None:  # at its third question the server has room again
            pauses.append(pause_s)
            if len(pauses) == 3:
                server.config_set("maxmemory", 0)
                queue.enqueue("run_a", 1)

        monkeypatch.setattr("worker.rq_worker.time.sleep", wait)
        worker.heartbeat()
        worker.run_maintenance_tasks()
        job, _ = worker.dequeue_job_and_maintain_ttl(1)

    told = [record.getMessage() for record in caplog.records if "Redis refuses: OOM" in record.getMessage()]
    assert (job.id, len(pauses), len(told)) == ("train-run_a-1", 3, 1)
    worker.connection.close()
