"""Publishing by several processes, and by processes that are killed."""

import json
import random
import time

from core.registry import PublishKey, Registry
from core.store import Store
from ganymede.schemas.references import ModelRef
from tests.core.conftest import Start

SETUP = """
import json, os, pathlib, signal, sys
from core.registry import PublishKey, Registry
from tests.manifests import write_manifest
from core.store import Store

class Dying(Store):
    def swap(self, key, body, *, durable=True):
        os.kill(os.getpid(), signal.SIGKILL)  # the folder is there, the pointer is not

def publish(registry, run, step):
    def fill(folder):
        write_manifest(folder, PublishKey(run, 0, step))
        (folder / "weights").write_bytes(bytes(50_000))
    return registry.publish("digits", PublishKey(run, 0, step), fill)

root, run, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
"""
PUBLISH = SETUP + "print(json.dumps([publish(Registry(Store(root)), run, step)[0] for step in range(1, count + 1)]))"
PUBLISH_AND_DIE = SETUP + "publish(Registry(Dying(root)), run, count)"
PUBLISH_FROM_READY = SETUP + "print('ready', flush=True)\n" + PUBLISH.removeprefix(SETUP)


def repeat(registry: Registry, run: str, step: int) -> tuple[int, bool]:
    def fill(folder: object) -> None:
        raise AssertionError("it is there already")

    return registry.publish("digits", PublishKey(run, 0, step), fill)


def steps(registry: Registry) -> list[tuple[str, int]]:
    manifests = [registry.manifest("digits", version) for version in registry.versions("digits")]
    return [(manifest.run, manifest.step) for manifest in manifests]


def test_processes_that_publish_to_one_model_at_once_never_share_a_version(store: Store, start: Start) -> None:
    children = [start(PUBLISH, store.root, f"run_{letter}", 10) for letter in "ab"]

    taken = [json.loads(child.communicate()[0]) for child in children]

    assert sorted(taken[0] + taken[1]) == list(range(1, 21))
    assert all(numbers == sorted(numbers) for numbers in taken)
    assert Registry(store).pointers("digits").aliases == {"latest": 20}


def test_a_publish_killed_before_its_pointer_moved_is_finished_by_a_repeat(store: Store, start: Start) -> None:
    registry = Registry(store)
    start(PUBLISH, store.root, "run_a", 2).wait()
    start(PUBLISH_AND_DIE, store.root, "run_a", 3).wait()
    before = registry.versions("digits"), registry.resolve(ModelRef("digits"))

    version, is_new = repeat(registry, "run_a", 3)

    assert before == ([1, 2, 3], 2)
    assert (version, is_new) == (3, True)
    assert registry.resolve(ModelRef("digits")) == 3
    assert repeat(registry, "run_a", 3) == (3, False)


def test_a_killed_publish_is_finished_also_when_another_run_published_since(store: Store, start: Start) -> None:
    registry = Registry(store)
    start(PUBLISH_AND_DIE, store.root, "run_a", 1).wait()
    start(PUBLISH, store.root, "run_b", 1).wait()

    version, _ = repeat(registry, "run_a", 1)

    assert version == 1
    assert steps(registry) == [("run_a", 1), ("run_b", 1)]
    assert registry.resolve(ModelRef("digits")) == 2  # `latest` never moves back
    assert registry.pointers("digits").next_version == 3


def test_a_run_killed_at_any_moment_of_publishing_publishes_each_step_once(store: Store, start: Start) -> None:
    registry = Registry(store)
    for _ in range(8):
        child = start(PUBLISH_FROM_READY, store.root, "run_a", 25)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0, 0.06))
        child.kill()
        child.wait()

    start(PUBLISH, store.root, "run_a", 25).wait()

    assert steps(registry) == [("run_a", step) for step in range(1, 26)]
    assert registry.versions("digits") == list(range(1, 26))
    assert registry.resolve(ModelRef("digits")) == 25
