"""Windows made by hand, as a run of `cgan` or another recipe would have left them."""

from collections.abc import Callable
from typing import Any

import pytest

from ganymede.schemas.diagnosis import Diagnosis
from ganymede.schemas.specs import RunSpec
from models.resolution import resolve
from tests.manifests import dataset_manifest
from worker.diagnosis import thresholds
from worker.diagnosis.judging import diagnose
from worker.diagnosis.record import Setting
from worker.diagnosis.window import Window

WELL = {"g_loss": 0.8, "d_loss": 1.3, "g_gradient": 1.0, "d_gradient": 2.0, "images_per_second": 900.0}
SIDES = {"d_real_accuracy": 0.65, "d_fake_accuracy": 0.7}
SCORED = {"kid": 0.01, "kid_floor": 0.001, "precision": 0.8, "recall": 0.5, "diversity": 0.9, "label_accuracy": 0.95}

MakeWindow = Callable[..., Window]


@pytest.fixture
def judged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run is judged from a tenth of its steps on, as a long one is."""
    monkeypatch.setattr(thresholds, "WARM_UP_LEAST", 0)


@pytest.fixture
def make_window(judged_at_once: None) -> MakeWindow:
    """An empty window of a run of `steps` steps on `images` images of `classes` classes."""

    def make(recipe: str = "cgan", steps: int = 1000, images: int = 10_000, classes: int = 10, **config: Any) -> Window:
        names = [str(i) for i in range(classes)]
        manifest = dataset_manifest("x", height=16, width=16, count=images, class_names=names)
        body = {"recipe": recipe, "dataset": "x", "config": {"steps": steps, "report_every": 10, **config}}
        resolved = resolve(RunSpec.model_validate(body), manifest)
        return Window(Setting(resolved=resolved, images=images, classes=classes))

    return make


def report(window: Window, count: int = 1, **numbers: float | None) -> None:
    """So many reports more, ten steps apart, healthy but for `numbers`; None: not measured."""
    for _ in range(count):
        sides = SIDES if window.setting.resolved.objective in ("non_saturating", "least_squares", "hinge") else {}
        window.add(window.step + 10, {**WELL, **sides, **numbers})


def score(window: Window, count: int = 1, **numbers: float | None) -> None:
    """Ten reports and then an evaluation, so many times."""
    for _ in range(count):
        report(window, 10)
        window.add(window.step, {**SCORED, **numbers})


def learnt(window: Window) -> Window:
    """Four evaluations, each with a better KID."""
    score(window, kid=0.5, diversity=0.3)
    for kid in (0.3, 0.2, 0.1):
        score(window, kid=kid)
    return window


def verdict(window: Window) -> str:
    return found(window).verdict.value


def found(window: Window) -> Diagnosis:
    return diagnose(window, branch=0)
