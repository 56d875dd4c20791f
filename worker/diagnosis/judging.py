"""From a window to the one verdict: the rules in their order, and what is said where none of them finds anything."""

from collections.abc import Container

from core.resolved import SEMI_SUPERVISED
from ganymede.schemas.diagnosis import Diagnosis, Verdict
from worker.diagnosis import thresholds as t
from worker.diagnosis.advice import advice_for
from worker.diagnosis.rules import Finding, Rule, discriminator_too_strong, exploding
from worker.diagnosis.scored import (
    discriminator_overfitting,
    label_ignored,
    memorising,
    mode_collapse,
    silence,
    stalled,
)
from worker.diagnosis.window import Window

# The first that finds something is the verdict: what makes the others go wrong comes before them. A generator that
# learns nothing from its discriminator draws alike pictures, too, as silent clips are; one whose pictures are alike
# ignores its labels.
RULES: dict[Verdict, Rule] = {
    Verdict.EXPLODING: exploding,
    Verdict.DISCRIMINATOR_TOO_STRONG: discriminator_too_strong,
    Verdict.SILENCE: silence,
    Verdict.MODE_COLLAPSE: mode_collapse,
    Verdict.LABEL_IGNORED: label_ignored,
    Verdict.MEMORISING: memorising,
    Verdict.DISCRIMINATOR_OVERFITTING: discriminator_overfitting,
    Verdict.STALLED: stalled,
}


def diagnose(window: Window, branch: int, before: Diagnosis | None = None) -> Diagnosis:
    """Judge how the run learns; an unchanged verdict keeps the beginning and action of `before`."""
    verdict, finding = _verdict(window)
    is_same = before is not None and before.verdict is verdict
    return Diagnosis(
        verdict=verdict,
        summary=finding.summary,
        numbers=finding.numbers,
        advice=advice_for(verdict, window),
        branch=branch,
        step=window.step,
        since_step=before.since_step if before is not None and is_same else finding.since_step,
        action=before.action if before is not None and is_same else None,
    )


# Those that say something of a classifier: its generator is not to draw well, its discriminator may be right.
OF_CLASSIFIERS = (Verdict.EXPLODING,)


def first_trouble(window: Window, verdicts: Container[str] = RULES) -> tuple[Verdict, Finding] | None:
    """Return the first of these troubles that is there, even behind another verdict."""
    is_classifier = window.setting.resolved.objective == SEMI_SUPERVISED
    for verdict, rule in RULES.items():
        is_asked = verdict in verdicts and not (is_classifier and verdict not in OF_CLASSIFIERS)
        finding = rule(window) if is_asked else None
        if finding is not None:
            return verdict, finding
    return None


def _verdict(window: Window) -> tuple[Verdict, Finding]:
    trouble = first_trouble(window)
    if trouble is not None:
        return trouble
    if len(window.reports) < t.WARM_UP_REPORTS or window.setting.is_warming_up(window.step):
        remedied = window.setting.remedied
        since = f" what the change at step {remedied.step} did" if remedied else ""
        summary = f"step {window.step} of {window.setting.resolved.steps}: too early to tell{since}"
        return Verdict.WARMING_UP, Finding(summary, {}, window.step)
    return Verdict.HEALTHY, _healthy(window)


def _healthy(window: Window) -> Finding:
    if window.setting.resolved.objective == SEMI_SUPERVISED:
        return _accurate(window)
    last = window.reports[-1]
    shown = ("d_real_accuracy", "d_fake_accuracy", "loss")
    numbers: dict[str, float] = {name: last[name] for name in shown if name in last}
    if "d_real_accuracy" in numbers and "d_fake_accuracy" in numbers:
        shares = f"{last['d_real_accuracy']:.0%} of real and {last['d_fake_accuracy']:.0%} of drawn pictures"
        text = f"the discriminator is right on {shares}"
    else:
        text = "losses and gradients keep within bounds"
    name = window.record.live_metric
    if name is None:
        return Finding(f"{text}; not scored yet", numbers, window.step)
    newest, best = window.record.newest[name], window.record.best[name]
    numbers |= {name: newest[name], f"best_{name}": best[name], "best_step": best["step"]}
    text += f"; {name} is {newest[name]:.3g}, its best {best[name]:.3g} at step {best['step']:.0f}"
    if f"{name}_floor" in newest:
        text += f" (real pictures: {newest[f'{name}_floor']:.3g})"
    return Finding(text, numbers, window.step)


def _accurate(window: Window) -> Finding:
    """Say how many pictures a classifier names rightly."""
    if "accuracy" not in window.record.newest:
        return Finding("losses and gradients keep within bounds; not scored yet", {}, window.step)
    newest = window.record.newest["accuracy"]
    names = ["accuracy", "baseline_accuracy"]
    numbers = {name: newest[name] for name in names if name in newest}
    text = f"{newest['accuracy']:.1%} of the pictures of its test are named rightly"
    if "baseline_accuracy" in newest:
        text += f"; with the labels alone {newest['baseline_accuracy']:.1%} are"
    return Finding(text, numbers, window.step)
