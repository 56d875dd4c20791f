"""Runs whose pictures are augmented: what the networks see, that a resume is exact, that the changes do not show."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from core.datasets import Dataset
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.states import Status
from models.recipes import RECIPES
from models.sampling import draw
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.checkpoints.checkpointing import load_training
from worker.training.adversarial import Adversarial
from worker.training.augmentation import TRANSFORMS, Augmentation
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.randomness import Draws, Purpose
from worker.training.state import TrainState, new_state
from worker.training.trainer import Trainer

ADVERSARIAL = [name for name in RECIPES if name != "vae"]
WITH_ADA = [name for name in ADVERSARIAL if name != "wgan-gp"]
CPU = torch.device("cpu")
FLOAT32 = Execution(device="cpu", precision="float32", threads=1)

each_recipe = pytest.mark.parametrize("name", ADVERSARIAL)


@pytest.fixture
def p_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every discriminator were too sure."""
    monkeypatch.setattr("worker.training.augmentation.TARGET", -2.0)


class Watched(Augmentation):
    """Changes every picture a little, and remembers what it was given and what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []
        self.gave: list[Tensor] = []

    def __call__(self, images_BCHW: Tensor, kept_3: Tensor, source: Draws) -> Tensor:
        self.given.append(images_BCHW)
        self.gave.append(images_BCHW + 0.1 * source.uniform(len(images_BCHW), 1, 1, 1))
        return self.gave[-1]


def begin(create_run: CreateRun, shapes: Dataset, **config: Any) -> tuple[TrainState, Batches, Adversarial]:
    resolved = create_run(**config).spec().resolved
    method = method_of(resolved)
    assert isinstance(method, Adversarial)
    batches = Batches(shapes.images(), shapes.labels(), resolved.batch_size, resolved.seed, CPU)
    return new_state(resolved, FLOAT32), batches, method


@each_recipe
def test_all_that_the_discriminator_sees_is_augmented_each_time_anew(
    create_run: CreateRun, shapes: Dataset, name: str
) -> None:
    state, batches, method = begin(create_run, shapes, recipe=name)
    method.augment = watched = Watched()
    seen: list[Tensor] = []
    state.counterpart.register_forward_pre_hook(lambda _, given: seen.append(given[0]))

    method.step(state, batches)

    each_update = 3 if name == "wgan-gp" else 2  # it also sees, for the penalty, what is between them
    assert len(watched.given) == each_update * RECIPES[name].n_critic + (
        2 if method.objective.is_relative or name == "ssgan" else 1
    )
    assert all(torch.equal(saw, gave) for saw, gave in zip(seen, watched.gave, strict=True))
    changes = [(given - was)[:, 0, 0, 0] for given, was in zip(watched.gave, watched.given, strict=True)]
    assert len({tuple(change.round(decimals=4).tolist()) for change in changes}) == len(changes)


class Enlarging(Augmentation):
    """As if the contrast of every picture were tripled."""

    def __call__(self, images_BCHW: Tensor, kept_3: Tensor, source: Draws) -> Tensor:
        return 3 * images_BCHW


def test_a_penalty_is_that_of_the_gradient_through_the_changes(create_run: CreateRun, shapes: Dataset) -> None:
    """R1 + R2 of D(3x) by x are nine times those of D at 3x; as in StyleGAN2-ADA and R3GAN."""
    state, batches, method = begin(create_run, shapes, recipe="r3gan")
    method.augment = Enlarging()
    penalised: list[Any] = []
    penalty = method.penalty
    assert penalty is not None
    method.penalty = lambda judged: penalised.append((judged, penalty(judged))) or penalised[-1][1]  # type: ignore[func-returns-value]

    method.step(state, batches)

    ((judged, told),) = penalised
    at_changed = [(3 * images).detach().requires_grad_() for images in (judged.real_BCHW, judged.fake_BCHW)]
    state, batches, _ = begin(create_run, shapes, recipe="r3gan")
    _, label_B = state.take(batches)
    scores = torch.stack([state.counterpart(images, label_B).score_B.sum() for images in at_changed])
    squares = [gradient.square().sum() / len(gradient) for gradient in torch.autograd.grad(scores.sum(), at_changed)]
    assert told.item() == pytest.approx(9 * 0.5 * torch.stack(squares).sum().item(), rel=1e-4)


def test_what_is_between_real_and_fake_is_changed_too(create_run: CreateRun, shapes: Dataset) -> None:
    state, batches, method = begin(create_run, shapes, recipe="wgan-gp")
    method.augment = watched = Watched()
    penalised: list[Any] = []
    penalty = method.penalty
    assert penalty is not None
    method.penalty = lambda judged: penalised.append(judged) or penalty(judged)  # type: ignore[func-returns-value]

    method.step(state, batches)

    real_BCHW, fake_BCHW, between_BCHW = watched.given[:3]
    assert torch.equal(penalised[0].real_BCHW, real_BCHW)
    assert torch.equal(penalised[0].fake_BCHW, fake_BCHW)
    assert torch.equal(between_BCHW, torch.lerp(real_BCHW, fake_BCHW, penalised[0].mixing_B.view(-1, 1, 1, 1)))


@each_recipe
def test_the_generator_learns_through_the_changes(create_run: CreateRun, shapes: Dataset, name: str) -> None:
    state, batches, method = begin(create_run, shapes, recipe=name, augment="diffaugment")
    before = {key: weight.clone() for key, weight in state.generator.named_parameters()}

    for state.step in range(2):
        told = method.step(state, batches)

    assert all(bool(torch.isfinite(value)) for value in told.values())
    assert [key for key, weight in state.generator.named_parameters() if torch.equal(weight, before[key])] == []


def test_the_changes_of_a_step_are_a_function_of_seed_branch_step_and_update(
    create_run: CreateRun, shapes: Dataset
) -> None:
    state, _, _ = begin(create_run, shapes)
    torch.manual_seed(5)

    def numbers(update: int = 0, **changes: int) -> list[float]:
        for name, value in changes.items():
            setattr(state, name, value)
        return state.draws(Purpose.AUGMENTATION, update).uniform(3).tolist()

    first = numbers(step=4, branch=0)
    torch.manual_seed(6)
    others = [numbers(update=1), numbers(step=5), numbers(step=4, branch=1)]

    assert numbers(step=4, branch=0) == first
    assert len({tuple(other) for other in [first, *others]}) == 4


@pytest.mark.usefixtures("p_rises")
@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "ada") for name in WITH_ADA), ("cgan", "diffaugment"), ("wgan-gp", "diffaugment")]
)
def test_an_augmented_run_that_was_killed_ends_with_the_bytes_of_an_undisturbed_one(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    config: dict[str, Any] = {"recipe": name, "steps": 11, "checkpoint_every": 6, "publish": {"every_steps": 11}}
    config |= {"augment": kind, "augment_policy": ["translation", "colour", "flip"]}
    undisturbed = create_run(**config)
    train_here(undisturbed)
    killed = create_run(**config, report_every=1)
    cut_off(killed, 8, train_here, monkeypatch)
    facts = json.loads((list_checkpoints(killed)[0].folder / "training.json").read_text())

    train_here(killed)

    assert killed.state().status is Status.SUCCEEDED
    p, *counted = facts["augmentation"]
    assert p > 0.3
    assert counted == ([0.0, 0.0] if kind == "diffaugment" else [counted[0], 2 * 16.0])  # in the middle of four batches
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


@pytest.mark.usefixtures("p_rises")
def test_p_and_what_it_will_be_changed_by_come_back_from_a_checkpoint(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    run = create_run(steps=6, checkpoint_every=6, augment="ada")
    train_here(run)
    checkpoint = list_checkpoints(run)[0]

    state = load_training(checkpoint.folder, run.spec().resolved, FLOAT32)

    facts = json.loads((checkpoint.folder / "training.json").read_text())
    assert state.augmentation.tolist() == facts["augmentation"]
    assert state.augmentation[0] > 0
    assert state.augmentation[2] == 2 * 16


@pytest.mark.parametrize(
    ("name", "augment", "told"),
    [
        ("cgan", "ada", {"augment_p", "r_t"}),
        ("cgan", "none", {"r_t"}),
        ("r3gan", "ada", {"augment_p", "r_t"}),
        ("wgan-gp", "diffaugment", set()),
        ("vae", "none", set()),
    ],
)
def test_reports_have_p_and_the_certainty_it_follows_where_there_are_such(
    create_run: CreateRun, train_here: TrainHere, name: str, augment: str, told: set[str]
) -> None:
    run = create_run(recipe=name, steps=2, augment=augment)

    train_here(run)

    points = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert {"augment_p", "r_t"} & points[-1].keys() == told
    assert -1 <= points[-1].get("r_t", 0) <= 1


def test_what_is_changed_about_pictures_is_not_drawn(create_run: CreateRun, shapes: Dataset) -> None:
    """Bright in the columns of its class and dark elsewhere: of pictures changed by p 0.6 fewer than half are so."""
    rates = {"generator_lr": 2e-3, "discriminator_lr": 2e-3, "lr_schedule": "constant", "ema_half_life": 400}
    state, batches, method = begin(create_run, shapes, recipe="cgan", steps=400, augment="ada", **rates)
    translation = Augmentation([TRANSFORMS["ada"]["translation"]], p=0.6)
    method.augment = translation
    state.augmentation = translation.begin(CPU)

    Trainer(state, method, batches, []).fit()

    drawn = torch.from_numpy(draw(state.ema, range(96), latent_dim=4, num_classes=3)[..., 0]).float()
    reals, labels = torch.from_numpy(shapes.images()[..., 0].copy()).float(), torch.arange(96) % 3
    seen = translation(reals[:, None] / 127.5 - 1, state.augmentation, Draws(torch.Generator().manual_seed(0)))
    assert share_in_place(reals, labels) == 1
    assert share_in_place((seen[:, 0] + 1) * 127.5, labels) < 0.75
    assert share_in_place(drawn, torch.arange(96) % 3) > 0.9


def share_in_place(images_BHW: Tensor, label_B: Tensor) -> float:
    """Of pictures whose three brightest columns are those of their class."""
    brightest_B3 = images_BHW.mean(dim=1).topk(3, dim=1).indices.sort(dim=1).values
    wanted_B3 = 2 * label_B[:, None] + torch.arange(3)
    return (brightest_B3 == wanted_B3).all(dim=1).float().mean().item()
