"""Which device the options of a run are settled for: that of the workers, wherever the API itself is. Knows no run."""

import contextlib
from typing import NamedTuple

from app.deps import Services
from core.answers.validation import WarningBody
from core.queue import QueueUnavailable
from core.specs import RunSpec
from models.device import has_gpu
from models.recipes import RECIPES


class Place(NamedTuple):
    """`device`: "cpu" or "cuda"; `doubt`: why that may not be what a run is trained on, or nothing."""

    device: str
    doubt: str


def place_of_training(services: Services) -> Place:
    """That of the workers that are alive; the API's own where none is, or where they differ."""
    told: set[str] = set()
    with contextlib.suppress(*QueueUnavailable):
        told = set(services.queue.devices())
    if len(told) == 1 and "" not in told:
        return Place(told.pop(), "")
    own = "cuda" if has_gpu(services.settings.device) else "cpu"
    if not told:
        return Place(own, "no worker is alive")
    return Place(
        own, "a worker does not tell what it trains on" if "" in told else "some workers train on a GPU, some do not"
    )


def about_the_place(spec: RunSpec, place: Place) -> list[WarningBody]:
    """A warning where the width would be another one on another device."""
    recipe = RECIPES[spec.recipe]
    if not place.doubt or spec.config.width != "auto" or recipe.width == recipe.gpu_width:
        return []
    detail = f"{place.doubt}, so the width is that for {place.device}, as the API has it; config.width decides"
    return [WarningBody(code="device_unknown", pointer="/config/width", detail=detail)]
