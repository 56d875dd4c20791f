"""From a training request to a picture, and through the deaths of every process on the way."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Service, start, stop
from tests.fixtures import until
from tests.processes import children, on_linux

pytestmark = [on_linux, pytest.mark.slow]


def final_weights(service: Service, model: str) -> bytes:
    """The weights of the newest version."""
    folder = service.home / "store" / "models" / model
    newest = max(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())
    return (folder / str(newest) / "generator.safetensors").read_bytes()


def test_a_request_trains_on_real_images_and_the_new_versions_are_drawn_without_a_failed_request(
    service: Service,
) -> None:
    run_id = service.train(steps=80, model="mine", publish={"every_steps": 20}, checkpoint_every=20)
    until(lambda: service.run(run_id)["published"], 300, "the first version")
    seen: list[tuple[int, int]] = []
    is_over = threading.Event()

    def draw_on_and_on() -> None:
        with service.client as client:
            while not is_over.is_set():
                answer = client.get("/generate", params={"model": "mine", "seed": 1, "label": 3})
                seen.append((answer.status_code, int(answer.headers.get("Model-Version", 0))))
                time.sleep(0.02)  # the trainer has the same cores

    drawing = threading.Thread(target=draw_on_and_on)
    drawing.start()
    ended = service.ends(run_id)
    newest = ended["published"][-1]["version"]
    until(lambda: seen[-1][1] == newest, 300, "the newest version is drawn")
    is_over.set()
    drawing.join()

    assert ended["status"] == "succeeded"
    assert [entry["step"] for entry in ended["published"]] == [20, 40, 60, 80]
    assert {status for status, _ in seen} == {200}
    assert [version for _, version in seen] == sorted(version for _, version in seen)


def test_scores_of_the_last_step_stand_beside_those_of_reals(service: Service) -> None:
    run_id = service.train(steps=20, model="judged", extractor="auto", evaluate_images=100)

    ended = service.ends(run_id, within_s=300)
    with service.client as client:
        points = client.get(f"/train/{run_id}/metrics", params={"columns": "fd,fd_floor,label_accuracy"}).json()
        versions = client.get("/models/judged/versions").json()
        actions = client.get(f"/train/{run_id}/events", params={"type": "action"}).json()["data"]

    (told,) = (event["data"] for event in actions)
    assert (told["extractor"], told["images"]) == ("classifier", 100)
    assert told["extractor_accuracy"] > 0.95
    assert ended["latest"]["evaluation_step"] == 20
    step, fd, fd_floor, accuracy = (column[-1] for column in points["data"])
    assert (step, fd) == (20, ended["latest"]["metrics"]["fd"])
    assert fd > 5 * fd_floor > 0
    assert 0 <= accuracy < 0.9
    assert versions["data"][0]["metrics"]["fd"] == fd


def test_a_running_training_can_be_watched_and_canceled(service: Service) -> None:
    run_id = service.train(steps=100_000, model="canceled", checkpoint_every=1000, report_every=10)
    running = service.reaches(run_id, 30)

    with service.client as client:
        asked = client.post(f"/train/{run_id}/cancel")
    ended = service.ends(run_id, within_s=300)

    assert running["status"] == "running"
    assert running["phase"] == "training"
    assert 0 < running["progress"]["fraction"] <= 1
    assert running["progress"]["images_per_second"] > 0
    assert running["eta_at"] is None or running["eta_at"].endswith("Z")
    assert set(running["latest"]["metrics"]) >= {"d_loss", "g_loss"}
    assert asked.json()["status"] in ("canceling", "canceled")
    assert ended["status"] == "canceled"
    assert ended["latest"]["checkpoint_step"] == ended["progress"]["step"] or ended["latest"]["checkpoint_step"] > 0


def test_a_training_can_be_paused_resumed_and_deleted_and_its_model_stays(service: Service) -> None:
    run_id = service.train(steps=300, model="rested", checkpoint_every=1000, report_every=10)
    service.reaches(run_id, 1)

    with service.client as client:
        asked = client.post(f"/train/{run_id}/pause").json()
        paused = until(lambda: (body := service.run(run_id))["status"] == "paused" and body, 300, "it is paused")
        resumed = client.post(f"/train/{run_id}/resume").json()
        ended = service.ends(run_id)
        deleted = client.delete(f"/train/{run_id}")
        drawn = client.get("/generate", params={"model": "rested", "seed": 1})
        gone = client.get(f"/train/{run_id}")

    assert (asked["status"], paused["attempt"]) == ("pausing", 1)
    assert paused["latest"]["checkpoint_step"] >= paused["progress"]["step"] >= 1
    assert (resumed["status"], resumed["attempt"]) == ("queued", 2)
    assert (ended["status"], ended["attempt"], ended["progress"]["step"]) == ("succeeded", 2, 300)
    assert [entry["step"] for entry in ended["published"]] == [300]
    assert (deleted.status_code, drawn.status_code, gone.status_code) == (204, 200, 404)


def train_200(service: Service, model: str) -> str:
    return service.train(200, model, {"every_steps": 100}, checkpoint_every=20, report_every=10)


@pytest.fixture(scope="module")
def undisturbed(service: Service) -> bytes:
    """The weights that train_200 ends with when nobody disturbs it."""
    service.ends(train_200(service, "calm"))
    return final_weights(service, "calm")


@pytest.mark.parametrize("victim", ["horse", "worker", "API"])
def test_killed_in_mid_run_it_goes_on_from_its_checkpoint_and_ends_with_the_same_bytes(
    service: Service, undisturbed: bytes, victim: str
) -> None:
    model = f"disturbed-{victim.lower()}"
    disturbed = train_200(service, model)
    before = service.reaches(disturbed, 50)

    modules = {"worker": "worker", "API": "app"}
    os.kill(service.horse() if victim == "horse" else service.child(modules[victim]), signal.SIGKILL)
    until(service.is_ready, 300, "the API answers")
    service.reaches(disturbed, before["progress"]["step"] + 30, within_s=300)
    ended = service.ends(disturbed)

    assert ended["status"] == "succeeded"
    assert ended["attempt"] == (1 if victim == "API" else 2)
    assert [entry["step"] for entry in ended["published"]] == [100, 200]
    assert len(list((service.home / "store" / "models" / model).glob("[0-9]*"))) == 2
    assert final_weights(service, model) == undisturbed


def test_stopped_in_mid_run_and_started_again_it_goes_on(tmp_path: Path) -> None:
    first = start(tmp_path / "home")
    run_id = first.train(steps=200, model="kept", checkpoint_every=500, report_every=10)
    with first.client as client:
        before = client.get("/generate", params={"model": "digits@1", "seed": 42, "label": 7}).content
    first.reaches(run_id, 30)
    processes = children(first.process.pid)

    stop(first)
    second = start(tmp_path / "home")
    try:
        resumed = second.run(run_id)
        ended = second.ends(run_id)
        with second.client as client:
            after = client.get("/generate", params={"model": "digits@1", "seed": 42, "label": 7}).content
    finally:
        stop(second)

    assert first.process.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
    assert resumed["latest"]["checkpoint_step"] >= 30  # written when it was told to stop
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert before == after
