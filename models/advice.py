"""What is worth a thought before a run begins: warnings that name a field, and hinder no run. Knows no HTTP."""

from collections.abc import Iterator

from core.datasets.manifest import DatasetManifest
from core.resolved import ResolvedConfig
from ganymede.schemas.validation import MemoryBody, TimeBody, WarningBody
from models.choice import are_few

LARGEST_SHARE = 4  # a batch of more than a quarter of the images is hardly another one each time
FEW_OF_A_CLASS = 50
LONG_S = 8 * 3600.0
SHORTEST_BETWEEN_VERSIONS_S = 10.0
SHOWN = 3
SMALL_CORE_SHARE = 0.6
ROUGH = 1.5  # times as long, or as short: what is less sure is told as that


def of_the_numbers(resolved: ResolvedConfig, dataset: DatasetManifest) -> Iterator[WarningBody]:
    """Warn of what a run's numbers and the dataset's manifest show."""
    count, batch_size, augment = dataset.count, resolved.batch_size, resolved.augment
    if are_few(count, dataset.height):
        done = f"augmentation is on ({augment})" if augment != "none" else "nothing is augmented"
        yield _warning("few_images", "/dataset", f"{count} images are few for {dataset.height} px: {done}")
    if batch_size * LARGEST_SHARE > count:
        detail = f"{batch_size} images are more than a quarter of the dataset ({count}): batches will be alike"
        yield _warning("large_batch", "/config/batch_size", detail)
    if resolved.steps * resolved.images_per_step < count:
        yield _warning("short_run", "/config/steps", f"it ends before it has seen each of {count} images once")
    if resolved.conditional:
        yield from _small_classes(dataset)
    if resolved.publish_every > resolved.steps:
        yield _warning("one_version", "/publish/every_steps", "only its last step will be published")


def of_the_patience(patience: int | None, resolved: ResolvedConfig, dataset: DatasetManifest) -> Iterator[WarningBody]:
    """Whether evaluations will be there that patience can go by."""
    if patience is None:
        return
    if resolved.extractor == "auto" and len(dataset.class_names) < 2:
        detail = "there are no classes, so scores need efficientnet-lite0; a worker without it ends no run by patience"
        yield _warning("patience_unscored", "/stop/patience", detail)
    most = -(-resolved.steps // resolved.evaluate_every)
    if patience >= most:
        detail = f"of {most} evaluations at most there are no {patience} after the best: it will never end the run"
        yield _warning("patience_unused", "/stop/patience", detail)


def _small_classes(dataset: DatasetManifest) -> Iterator[WarningBody]:
    counts = dict(zip(dataset.class_names, dataset.class_counts, strict=True))
    small = [f"{name!r} ({count})" for name, count in counts.items() if count < FEW_OF_A_CLASS]
    if small:
        shown = ", ".join(small[:SHOWN]) + (f" and {len(small) - SHOWN} more" if small[SHOWN:] else "")
        detail = f"classes with fewer than {FEW_OF_A_CLASS} images will be learnt badly: {shown}"
        yield _warning("small_class", "/dataset", detail)


def of_the_estimate(
    resolved: ResolvedConfig, state_bytes: int, memory: MemoryBody | None, time: TimeBody | None
) -> Iterator[WarningBody]:
    """Warn of what an estimate of memory and time shows. state_bytes: memory of networks and optimisers alone."""
    if memory is not None and memory.bytes > memory.machine_bytes:
        field = "width" if state_bytes > memory.machine_bytes else "batch_size"
        detail = f"it would need {_gigabytes(memory.bytes)}, and there are {_gigabytes(memory.machine_bytes)}"
        yield _warning("too_much_memory", f"/config/{field}", detail)
    if time is None:
        return
    if time.seconds > LONG_S:
        yield _warning("long_run", "/config/steps", f"it would take about {time.seconds / 3600:.0f} hours")
    between_s = resolved.publish_every * time.seconds_per_step
    if between_s < SHORTEST_BETWEEN_VERSIONS_S and resolved.publish_every * 20 < resolved.steps:
        detail = f"a version about every {between_s:.2g} seconds; the newest {resolved.publish_keep} stay"
        yield _warning("many_versions", "/publish/every_steps", detail)
    least, most = time.seconds_range.least, time.seconds_range.most
    if max(most / time.seconds, time.seconds / least) > ROUGH:
        asked, tried = resolved.batch_size, time.batch_size
        why = f"{tried} of {asked} images of a batch were tried" if tried < asked else "its steps took unlike times"
        yield _warning("rough_time", "", f"it would take {_duration(least)} to {_duration(most)}: {why}")
    if time.core_share < SMALL_CORE_SHARE:
        detail = f"the machine was busy: the measurement got {time.core_share:.0%} of its cores"
        yield _warning("busy_machine", "", f"{detail}; a run that has them to itself is faster")


def _warning(code: str, pointer: str, detail: str) -> WarningBody:
    return WarningBody(code=code, pointer=pointer, detail=detail)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.2g} hours" if seconds > 5400 else f"{seconds / 60:.2g} minutes"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
