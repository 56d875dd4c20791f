"""Checkpoints: what is saved comes back bit for bit, and what is damaged or of another config is refused."""

import json
from pathlib import Path

import pytest
import torch

from core.errors import StoreDamaged, TrainingFailed
from core.resolved import ResolvedConfig
from models.networks import network_config
from models.writing import Lineage, write_generator
from tests.manifests import dataset_manifest
from tests.worker.conftest import CreateRun
from worker.checkpoints.checkpointing import load_training, save_training
from worker.training.execution import Execution
from worker.training.randomness import Purpose
from worker.training.state import TrainState, new_state

CPU = Execution(device="cpu", precision="float32", threads=1)


@pytest.fixture
def resolved(create_run: CreateRun) -> ResolvedConfig:
    return create_run().spec().resolved


def save(folder: Path, state: TrainState) -> Path:
    folder.mkdir()
    (folder / "generator").mkdir()
    save_training(folder, state)
    lineage = Lineage(
        run="run_0",
        branch=state.branch,
        step=state.step,
        images_seen=state.images_seen,
        recipe="cgan",
        architecture="dcgan",
        network=network_config(state.resolved),
        dataset=dataset_manifest(class_names=["a", "b", "c"]),
        metrics={},
    )
    write_generator(folder / "generator", state.ema, lineage)
    return folder


def all_tensors(state: TrainState) -> list[torch.Tensor]:
    optimizers = (state.generator_optimizer, state.counterpart_optimizer)
    states = [optimizer.state_dict()["state"] for optimizer in optimizers]
    slots = [state[index][slot] for state in states for index in sorted(state) for slot in sorted(state[index])]
    networks = (state.generator, state.counterpart, state.ema)
    return [tensor for network in networks for tensor in network.state_dict().values()] + slots


def step_once(state: TrainState) -> None:
    label_B = torch.tensor([0, 1, 2])
    logit_B = state.counterpart(state.generator(state.noise(3), label_B), label_B).score_B
    logit_B.sum().backward()
    state.generator_optimizer.step()
    state.counterpart_optimizer.step()
    state.step, state.images_seen, state.position = state.step + 1, state.images_seen + 3, (0, 3)
    state.update_ema(3)


def test_what_is_saved_comes_back_bit_for_bit(resolved: ResolvedConfig, tmp_path: Path) -> None:
    state = new_state(resolved, CPU)
    step_once(state)

    loaded = load_training(save(tmp_path / "0-1", state), resolved, CPU)

    assert (loaded.step, loaded.images_seen, loaded.position) == (1, 3, (0, 3))
    before, after = all_tensors(state), all_tensors(loaded)
    assert len(before) == len(after) > 30
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_same_seed_gives_the_same_weights_whatever_the_global_random_state(resolved: ResolvedConfig) -> None:
    torch.manual_seed(1)
    first = new_state(resolved, CPU)
    torch.manual_seed(2)

    second = new_state(resolved, CPU)

    assert all(torch.equal(a, b) for a, b in zip(all_tensors(first), all_tensors(second), strict=True))


def test_noise_is_a_function_of_seed_branch_and_step(resolved: ResolvedConfig) -> None:
    state, twin = new_state(resolved, CPU), new_state(resolved, CPU)
    other_seeds = [new_state(resolved.changed(seed=seed), CPU) for seed in (1, 2, 4, 2**31)]

    drawn = state.noise(8)

    assert torch.equal(drawn, twin.noise(8))
    assert not any(torch.equal(drawn, other.noise(8)) for other in other_seeds)
    twin.step = 1
    assert not torch.equal(drawn, twin.noise(8))
    twin.step, twin.branch = 0, 1
    assert not torch.equal(drawn, twin.noise(8))


@pytest.mark.parametrize("purpose", [Purpose.NOISE, Purpose.MIXING])
def test_each_update_within_a_step_has_numbers_of_its_own(resolved: ResolvedConfig, purpose: Purpose) -> None:
    state = new_state(resolved, CPU)

    first, second, again = (state.draws(purpose, update).uniform(8) for update in (0, 1, 0))

    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_each_purpose_has_numbers_of_its_own(resolved: ResolvedConfig) -> None:
    state = new_state(resolved, CPU)

    assert not torch.equal(state.noise(8), state.noise(8, purpose=Purpose.POSTERIOR))


def test_real_and_fake_are_mixed_by_uniform_numbers_one_for_each_picture(resolved: ResolvedConfig) -> None:
    mixing_B = new_state(resolved, CPU).draws(Purpose.MIXING).uniform(10_000)

    assert mixing_B.shape == (10_000,)
    assert 0 <= mixing_B.min() < 0.01
    assert 0.99 < mixing_B.max() <= 1
    assert abs(mixing_B.var().item() - 1 / 12) < 0.003  # of a normal distribution it would be 1


@pytest.mark.parametrize(
    ("schedule", "halfway", "end"), [("constant", 1, 1), ("linear", 0.5, 0), ("cosine", 0.625, 0.25)]
)
def test_rates_follow_their_schedule(resolved: ResolvedConfig, schedule: str, halfway: float, end: float) -> None:
    changed = resolved.changed(lr_schedule=schedule, steps=100, generator_lr=0.1, discriminator_lr=0.2)
    state = new_state(changed, CPU)

    rates = []
    for step in (0, 50, 100):
        state.step = step
        state.set_rates()
        rates.append([o.param_groups[0]["lr"] for o in (state.generator_optimizer, state.counterpart_optimizer)])

    assert rates[0] == [0.1, 0.2]
    assert rates[1] == pytest.approx([0.1 * halfway, 0.2 * halfway])
    assert rates[2] == pytest.approx([0.1 * end, 0.2 * end])


def test_the_average_follows_the_generator_at_its_half_life(resolved: ResolvedConfig) -> None:
    state = new_state(resolved.changed(ema_half_life=100), CPU)
    state.images_seen = 100_000  # past the ramp-up
    with torch.no_grad():
        for weight in state.generator.parameters():
            weight.add_(1)
    before = next(state.ema.parameters()).clone()

    state.update_ema(100)

    assert torch.allclose(next(state.ema.parameters()), before + 0.5)


@pytest.mark.parametrize("name", ["training.safetensors", "generator/generator.safetensors"])
def test_a_flipped_byte_is_refused_and_the_file_named(resolved: ResolvedConfig, tmp_path: Path, name: str) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))

    with pytest.raises(StoreDamaged, match="safetensors"):
        load_training(folder, resolved, CPU)


def test_a_checkpoint_cut_short_is_refused(resolved: ResolvedConfig, tmp_path: Path) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))
    content = (folder / "training.safetensors").read_bytes()
    (folder / "training.safetensors").write_bytes(content[: len(content) // 2])

    with pytest.raises(StoreDamaged):
        load_training(folder, resolved, CPU)


def test_another_config_is_refused_and_what_differs_is_named(resolved: ResolvedConfig, tmp_path: Path) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))

    with pytest.raises(TrainingFailed, match="beta1, generator_lr differ"):
        load_training(folder, resolved.changed(generator_lr=1e-3, beta1=0.0), CPU)


def test_a_checkpoint_is_plain_safetensors_and_json(resolved: ResolvedConfig, tmp_path: Path) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))

    names = {path.name for path in folder.rglob("*") if path.is_file()}

    assert names == {
        "training.safetensors",
        "training.json",
        "generator.safetensors",
        "manifest.json",
        "samples.webp",
    }
    assert json.loads((folder / "training.json").read_text())["schema"] == 1


def test_a_checkpoint_of_an_earlier_build_is_read(resolved: ResolvedConfig, tmp_path: Path) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))
    facts = json.loads((folder / "training.json").read_text())
    for newer in ("augmentation", "lr_scale", "rollbacks", "best"):
        del facts[newer]
    (folder / "training.json").write_text(json.dumps(facts))

    loaded = load_training(folder, resolved, CPU)

    assert loaded.augmentation.tolist() == [0.0, 0.0, 0.0]
    assert (loaded.lr_scale, loaded.rollbacks, loaded.best) == (1.0, [], None)


@pytest.mark.parametrize(
    "change", [{"step": "three"}, {"position": [1]}, {"resolved": {}}, {"rollbacks": [{}]}, {"files": 7}]
)
def test_facts_that_describe_no_checkpoint_are_damage(
    resolved: ResolvedConfig, tmp_path: Path, change: dict[str, object]
) -> None:
    folder = save(tmp_path / "0-0", new_state(resolved, CPU))
    facts = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps({**facts, **change}))

    with pytest.raises(StoreDamaged, match="0-0 cannot be used"):
        load_training(folder, resolved, CPU)
