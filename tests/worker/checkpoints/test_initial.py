"""A run that starts from the weights of another: what it takes, what it keeps of them, and that it needs nobody."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.registry import Registry
from core.registry.manifest import StartedFrom
from core.runs import Run, RunStore
from core.runs.checkpoints import find_checkpoint
from core.store import Store
from ganymede.schemas.states import Status
from models.sampling import draw
from models.weights import load_generator
from tests.fixtures import PublishTiny
from tests.worker.checkpoints.test_rollback import actions, ask_at
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.checkpoints.initial import set_out
from worker.training.execution import Execution
from worker.training.state import TrainState, new_state

CPU = Execution(device="cpu", precision="float32", threads=1)


def begun(run: Run) -> TrainState:
    """The state a run begins with."""
    state = new_state(run.spec().resolved, CPU)
    set_out(run, state)
    return state


def same(network: nn.Module, tensors: dict[str, Tensor]) -> bool:
    own = network.state_dict()
    return own.keys() == tensors.keys() and all(torch.equal(own[name], tensors[name]) for name in own)


def part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def test_of_a_checkpoint_both_networks_and_the_average_are_taken_and_not_the_optimisers(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    first = create_run()
    train_here(first)
    checkpoint = find_checkpoint(first, "15")

    run = create_run(init=f"run:{first.id}@15", seed=5)
    state = begun(run)

    stored = load_file(checkpoint.folder / "training.safetensors")
    assert same(state.generator, part(stored, "generator"))
    assert same(state.counterpart, part(stored, "counterpart"))
    assert same(state.ema, load_file(checkpoint.generator / "generator.safetensors"))
    assert [len(o.state) for o in (state.generator_optimizer, state.counterpart_optimizer)] == [0, 0]
    init = run.spec().init
    assert init is not None
    assert init.model_dump() | {"digest": ""} == {
        "reference": f"run:{first.id}@0-15",
        "digest": "",
        "counterpart": "kept",
        "labels": "kept",
    }


def test_of_a_version_the_generator_is_taken_and_the_discriminator_begins_untrained(
    create_run: CreateRun, publish_tiny: PublishTiny, registry: Registry
) -> None:
    publish_tiny()

    run = create_run(init="tiny")
    state = begun(run)

    stored = load_file(registry.folder("tiny", 1) / "generator.safetensors")
    untrained = new_state(run.spec().resolved, CPU).counterpart.state_dict()
    assert same(state.generator, stored)
    assert same(state.ema, stored)
    assert same(state.counterpart, untrained)
    (told,) = actions(run, "initialised")
    assert (told["reference"], told["counterpart"], told["fresh"]) == ("tiny@1", "fresh", [])


@pytest.mark.parametrize("recipe", ["cgan", "acgan", "sngan", "r3gan", "vae"])
def test_with_another_number_of_classes_only_what_depends_on_it_begins_anew(
    create_run: CreateRun, train_here: TrainHere, store: Store, recipe: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    DatasetStore(store).add("five", ImageSet(images, np.arange(40) % 5, tuple("abcde")), Origin("a test"))
    first = create_run(recipe=recipe)
    train_here(first)

    run = create_run(recipe=recipe, init=f"run:{first.id}@latest", dataset="five")
    state = begun(run)

    (told,) = actions(run, "initialised")
    fresh = {name for name in told["fresh"] if not name.startswith("counterpart.")}
    stored = part(load_file(find_checkpoint(first, "latest").folder / "training.safetensors"), "generator")
    own = state.generator.state_dict()
    init = run.spec().init
    assert init is not None
    assert init.labels == "fresh"
    assert 0 < len(fresh) < len(own) / 2
    assert all(3 in stored[name].shape and 5 in own[name].shape for name in fresh)
    assert all(torch.equal(own[name], stored[name]) for name in own.keys() - fresh)
    assert train_here(run) == "succeeded"


def test_a_counterpart_of_another_kind_begins_untrained(create_run: CreateRun, train_here: TrainHere) -> None:
    first = create_run(recipe="vae")
    train_here(first)

    run = create_run(recipe="cgan", init=f"run:{first.id}@latest")

    init = run.spec().init
    assert init is not None
    assert init.counterpart == "fresh"
    assert train_here(run) == "succeeded"


def test_its_source_may_be_deleted_and_the_version_tells_where_it_came_from(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_run()
    train_here(first)
    run = create_run(init=f"run:{first.id}@20", report_every=1, publish={"every_steps": 20})
    first.delete()
    registry.delete("shapes")
    cut_off(run, 3, train_here, monkeypatch)  # before its first checkpoint

    ended = train_here(run)

    newest, init = registry.versions("shapes")[-1], run.spec().init
    assert ended == "succeeded"
    assert init is not None
    assert registry.manifest("shapes", newest).init == StartedFrom(reference=f"run:{first.id}@0-20", digest=init.digest)


@pytest.mark.parametrize("step", [3, 14])
def test_a_killed_run_that_started_from_weights_ends_with_the_bytes_of_an_undisturbed_one(
    create_run: CreateRun,
    train_here: TrainHere,
    publish_tiny: PublishTiny,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    publish_tiny()
    train_here(create_run(init="tiny@1", publish={"every_steps": 20}))
    killed = create_run(init="tiny@1", publish={"every_steps": 20}, report_every=1)
    cut_off(killed, step, train_here, monkeypatch)

    train_here(killed)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    train_here(create_run(publish={"every_steps": 20}))
    assert weights(store, "shapes", 1) != weights(store, "shapes", 3)


def test_a_run_that_goes_back_to_its_beginning_starts_from_those_weights_again(
    create_run: CreateRun, train_here: TrainHere, publish_tiny: PublishTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny()
    run = create_run(init="tiny@1", report_every=1)
    ask_at(monkeypatch, {(0, 3)})
    before = begun(run).generator.state_dict()

    cut_off(run, 4, train_here, monkeypatch)  # the first step 4 there is, of branch 1

    stored = part(load_file(find_checkpoint(run, "1-0").folder / "training.safetensors"), "generator")
    assert all(torch.equal(before[name], stored[name]) for name in before)


def test_a_damaged_copy_fails_the_run_and_names_the_file(
    create_run: CreateRun, train_here: TrainHere, publish_tiny: PublishTiny
) -> None:
    publish_tiny()
    run = create_run(init="tiny@1")
    (run.folder / "init" / "generator" / "generator.safetensors").write_bytes(b"")

    ended = train_here(run)

    failure = run.state().failure
    assert ended == "failed: store_unavailable"
    assert failure is not None
    assert "generator.safetensors" in failure.message


def test_a_run_that_goes_on_from_good_weights_draws_well_at_once(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, shapes: Dataset
) -> None:
    quick: dict[str, Any] = {"ema_half_life": 200, "generator_lr": 2e-3, "discriminator_lr": 2e-3}
    train_here(create_run(steps=300, **quick, publish={"every_steps": 300}))

    train_here(create_run(steps=5, init="shapes@1", publish={"every_steps": 5}))
    train_here(create_run(steps=5, publish={"every_steps": 5}))

    assert _share_of_bright_where_it_belongs(registry, 2) > 0.9
    assert _share_of_bright_where_it_belongs(registry, 3) < 0.7


def test_a_run_made_before_there_was_init_is_trained(
    create_run: CreateRun, train_here: TrainHere, store: Store
) -> None:
    run = create_run(steps=2)
    spec = store.read(f"{run.key}/spec.json")
    del spec["init"]
    store.swap(f"{run.key}/spec.json", spec)

    train_here(RunStore(store).get(run.id))

    assert run.state().status is Status.SUCCEEDED


def _share_of_bright_where_it_belongs(registry: Registry, version: int) -> float:
    generator, _ = load_generator(registry.folder("shapes", version) / "generator.safetensors")
    drawn = draw(generator, range(96), latent_dim=4, num_classes=3)
    bright = np.stack([drawn[:, :, 2 * c : 2 * c + 3, 0].mean(axis=(1, 2)) for c in range(3)], axis=1).argmax(axis=1)
    return float((bright == np.arange(96) % 3).mean())
