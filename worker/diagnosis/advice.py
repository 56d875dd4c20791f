"""What to change, by verdict: an option of the request and a value for it. Knows no rule.

A run's options never change under it: advice is for the next run, but for what can be done with this one's checkpoints.
"""

from collections.abc import Callable, Iterator
from typing import Any

from ganymede.schemas.diagnosis import Advice, Verdict
from models.recipes import RECIPES
from worker.diagnosis.window import Window

RATES = ("generator_lr", "discriminator_lr")


def advice_for(verdict: Verdict, window: Window) -> tuple[Advice, ...]:
    """Return what to change, the best first; nothing if nothing is wrong."""
    given = ADVICE.get(verdict)
    return tuple(given(window)) if given else ()


def _exploding(window: Window) -> Iterator[Advice]:
    resolved = window.setting.resolved
    for name, used, rate in zip(RATES, resolved.learning_rates, RECIPES[resolved.recipe].learning_rates, strict=True):
        lower = min(rate, used / 2)
        yield _set(f"config.{name}", lower, "the recipe's own" if lower == rate else "half of what it is")


def _too_strong(window: Window) -> Iterator[Advice]:
    resolved = window.setting.resolved
    ratio = resolved.discriminator_lr / resolved.generator_lr
    usual_generator, usual_discriminator = RECIPES[resolved.recipe].learning_rates
    if ratio > usual_discriminator / usual_generator:
        yield _set("config.generator_lr", usual_generator, "the recipe's own")
        yield _set("config.discriminator_lr", usual_discriminator, "the recipe's own")
    else:
        yield _set("config.discriminator_lr", resolved.discriminator_lr / 2, "half of what it is")
    yield from _smoother(window, "which keeps the discriminator smooth")


def _mode_collapse(window: Window) -> Iterator[Advice]:
    yield from _best(window)
    yield from _smoother(window, "which collapses less")
    yield _set("config.generator_lr", window.setting.resolved.generator_lr / 2, "half of what it is")


def _silence(window: Window) -> Iterator[Advice]:
    yield Advice(text="listen to what it learns from (GET /datasets/{dataset}/clip): much of it may be faint")
    yield from _best(window)
    yield from _smoother(window, "which keeps the discriminator smooth")
    yield _set("config.generator_lr", window.setting.resolved.generator_lr / 2, "half of what it is")


def _label_ignored(window: Window) -> Iterator[Advice]:
    resolved = window.setting.resolved
    other = "acgan" if resolved.conditioning == "projection" else "sngan"
    how = "whose discriminator has to name the class" if other == "acgan" else "which feeds the label to every layer"
    yield Advice(text="look whether the labels say what the pictures show (GET /datasets/{dataset}/preview?label=...)")
    yield _set("recipe", other, how)
    yield _set("config.steps", 2 * window.setting.resolved.steps, "classes come later than strokes")


def _overfitting(window: Window) -> Iterator[Advice]:
    yield from _best(window)
    yield Advice(text=f"more images: {window.setting.images} are too few for so many steps")
    yield _set("config.steps", max(1, window.step // 2), "half of the steps so far")
    yield from _smoother(window, "which keeps the discriminator smooth")


def _memorising(window: Window) -> Iterator[Advice]:
    yield Advice(text=f"more images: {window.setting.images} can be learnt by heart")
    width = window.setting.resolved.width
    if width >= 32:
        yield _set("config.width", width // 2, "networks of less memory")
    yield _set("config.steps", max(1, window.step // 2), "half of the steps so far")


def _stalled(window: Window) -> Iterator[Advice]:
    resolved = window.setting.resolved
    yield from _best(window)
    for name, used, rate in zip(RATES, resolved.learning_rates, RECIPES[resolved.recipe].learning_rates, strict=True):
        if used < rate / 4:
            yield _set(f"config.{name}", rate, "the recipe's own; it is lower now")
    if resolved.lr_schedule == "constant":
        yield _set("config.lr_schedule", "linear", "smaller steps towards the end")
    yield from _smoother(window, "which ends nearer to its best")


def _smoother(window: Window, why: str) -> Iterator[Advice]:
    """Advise a recipe that restrains its discriminator, to one that does not."""
    if window.setting.resolved.regulariser == "none":
        yield _set("recipe", "sngan", why)


def _best(window: Window) -> Iterator[Advice]:
    """Advise the best version, if it lies behind."""
    name = window.record.live_metric
    if name is None:
        return
    best = window.record.best[name]
    if best is not window.record.last:
        text = f"use what was published at or before step {best['step']:.0f}, where {name} was best ({best[name]:.3g})"
        yield Advice(text=text)


def _set(field: str, value: Any, why: str) -> Advice:
    shown = f"{value:.3g}" if isinstance(value, float) else value
    return Advice(text=f"{field}={shown}: {why}", field=field, value=value)


ADVICE: dict[Verdict, Callable[[Window], Iterator[Advice]]] = {
    Verdict.EXPLODING: _exploding,
    Verdict.DISCRIMINATOR_TOO_STRONG: _too_strong,
    Verdict.SILENCE: _silence,
    Verdict.MODE_COLLAPSE: _mode_collapse,
    Verdict.LABEL_IGNORED: _label_ignored,
    Verdict.MEMORISING: _memorising,
    Verdict.DISCRIMINATOR_OVERFITTING: _overfitting,
    Verdict.STALLED: _stalled,
}
