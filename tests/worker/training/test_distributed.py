"""Shares of a batch and of its random numbers, and where each process computes (the processes: test_together.py)."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.datasets import Dataset
from core.errors import InvalidRequest, TrainingFailed
from tests.worker.conftest import CreateRun
from worker.training import execution
from worker.training.augmentation import TRANSFORMS
from worker.training.batches import Batches
from worker.training.distributed import World
from worker.training.execution import Execution, devices_of
from worker.training.randomness import Purpose
from worker.training.state import TrainState, new_state

CPU = Execution(device="cpu", precision="float32", threads=1)


@pytest.fixture
def state(create_run: CreateRun) -> TrainState:
    return new_state(create_run(recipe="wgan-gp").spec().resolved, CPU)


DRAWS: dict[str, Callable[[TrainState, int], Tensor]] = {
    "noise": lambda state, count: state.noise(count),
    "posterior_noise": lambda state, count: state.noise(count, purpose=Purpose.POSTERIOR),
    "mixing": lambda state, count: state.draws(Purpose.MIXING).uniform(count),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_shares_of_all_are_the_random_numbers_of_one(
    state: TrainState, draw: Callable[[TrainState, int], Tensor]
) -> None:
    whole = draw(state, 16)

    shares = []
    for rank in range(4):
        state.world = World(rank, 4)
        shares.append(draw(state, 4))

    assert torch.equal(torch.cat(shares), whole)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, named in TRANSFORMS.items() for name in named])
def test_the_shares_of_all_are_changed_as_the_batch_of_one(state: TrainState, kind: str, name: str) -> None:
    images_BCHW = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    change, p = TRANSFORMS[kind][name], torch.tensor(0.5)
    whole = change(images_BCHW, p, state.draws(Purpose.AUGMENTATION))

    shares = []
    for rank in range(4):
        state.world = World(rank, 4)
        shares.append(change(state.world.share(images_BCHW), p, state.draws(Purpose.AUGMENTATION)))

    assert not torch.equal(whole, images_BCHW)
    torch.testing.assert_close(torch.cat(shares), whole, atol=1e-6, rtol=0)


def test_the_shares_of_all_are_the_batch_of_one(shapes: Dataset) -> None:
    def batches(world: World) -> Batches:
        return Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"), world.share)

    alone, others = batches(World()), [batches(World(rank, 4)) for rank in range(4)]

    for _ in range(8):  # into the second epoch
        whole, label_B = alone.next()
        shares, labels = zip(*(other.next() for other in others), strict=True)
        assert label_B is not None
        assert torch.equal(torch.cat(shares), whole)
        assert torch.equal(torch.cat(labels), label_B)
        assert {(other.position, other.taken) for other in others} == {(alone.position, alone.taken)}


@pytest.mark.parametrize(("processes", "batch_size"), [(3, 16), (16, 16), (32, 16)])
def test_a_batch_that_cannot_be_shared_evenly_is_refused_with_what_would_fit(
    create_run: CreateRun, processes: int, batch_size: int
) -> None:
    with pytest.raises(InvalidRequest, match=r"a batch of 16 can be shared evenly.* by 1, 2, 4, 8$") as refusal:
        create_run(processes=processes, batch_size=batch_size)

    assert [problem.pointer for problem in refusal.value.problems] == ["/resources/processes"]


def test_an_auto_batch_becomes_one_that_can_be_shared(create_run: CreateRun) -> None:
    resolved = create_run(recipe="r3gan", processes=5, batch_size="auto").spec().resolved

    assert (resolved.batch_size % 5, resolved.processes) == (0, 5)


def test_each_process_has_a_gpu_of_its_own_or_a_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(execution, "available_cores", lambda: 8)

    assert devices_of("cuda", 2) == ["cuda:0", "cuda:1"]
    assert devices_of("cpu", 2) == ["cpu", "cpu"]
    assert execution.decide("cpu", "float32", world=World(size=2, local_size=2)).threads == 4
    assert execution.decide("cpu", "float32", world=World(size=16, local_size=16)).threads == 1


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_more_processes_than_gpus_fail_the_run(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)

    with pytest.raises(TrainingFailed, match="5 processes need 5 GPUs") as failure:
        devices_of(device, 5)

    assert failure.value.code == "too_few_devices"
