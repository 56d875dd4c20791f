"""Which device the options of a run are settled for: that of the workers, wherever the API itself is. Knows no run."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from app.deps import Services
from core.datasets.manifest import DatasetManifest
from core.queue import QueueUnavailable
from core.resolved import ResolvedConfig
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.validation import WarningBody
from models.choice import AUTO, choose
from models.device import has_gpu
from models.recipes import RECIPES
from models.resolution import situation


class Place(NamedTuple):
    """`device`: "cpu" or "cuda"; `doubt`: why a run may train elsewhere, or nothing."""

    device: str
    doubt: str


def place_of_training(services: Services) -> Place:
    """Return the place of the live workers; the API's own if there are none, or they differ."""
    devices: set[str] = set()
    with contextlib.suppress(*QueueUnavailable):
        devices = set(services.queue.devices())
    if len(devices) == 1 and "" not in devices:
        return Place(devices.pop(), "")
    own = "cuda" if has_gpu(services.settings.device) else "cpu"
    if not devices:
        return Place(own, "no worker is alive")
    return Place(
        own, "a worker does not tell what it trains on" if "" in devices else "some workers train on a GPU, some do not"
    )


def about_the_place(
    spec: RunSpec, resolved: ResolvedConfig, dataset: DatasetManifest, place: Place
) -> Iterator[WarningBody]:
    """Warn if the recipe or the width would differ on another device."""
    if not place.doubt or spec.init is not None:  # weights decide both
        return
    recipe = RECIPES[resolved.recipe]
    if spec.recipe == AUTO:
        cpu, gpu = (choose(situation(spec.config, dataset, on_gpu)).recipe for on_gpu in (False, True))
        if cpu != gpu:
            yield _warning("recipe", "/recipe", place)
    if spec.config.width == "auto" and recipe.width != recipe.gpu_width:
        yield _warning("width", "/config/width", place)


def _warning(what: str, pointer: str, place: Place) -> WarningBody:
    decides = pointer.removeprefix("/").replace("/", ".")
    detail = f"{place.doubt}, so the {what} is that for {place.device}, as the API has it; {decides} decides"
    return WarningBody(code="device_unknown", pointer=pointer, detail=detail)
