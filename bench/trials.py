"""The runs of the table of recipes: a dataset, a recipe as it is asked for, a seed. Trains and measures nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bench.machine import revision
from bench.recipe_data import SUBJECTS, Subject
from core.datasets.manifest import DatasetManifest
from ganymede.schemas.specs import RunSpec
from models.recipes import RECIPES
from models.resolution import resolve

POINTS = 5  # versions of a run that are judged, evenly spaced; the last is the end
UNCONDITIONAL_VAE = "vae-unconditional"
ROWS: dict[str, tuple[str, dict[str, Any]]] = {  # of a table: a recipe, and what its config says beside the length
    **{name: (name, {}) for name in RECIPES if name != "ssgan"},  # which draws nothing that could be judged
    UNCONDITIONAL_VAE: ("vae", {"conditional": False}),  # dcgan, which knows no labels, is read against it
}
SPEED_PIXELS = 3_000 * 28 * 28  # of a training that is only timed
SPEED_REPORTS = 5  # at least


@dataclass(frozen=True)
class Trial:
    """A run, by what it learns from, a row of ROWS and a seed."""

    subject: Subject
    row: str
    seed: int

    @property
    def stem(self) -> str:
        """The name without the seed: of the grid."""
        return f"{self.subject.prefix}{self.row}"

    @property
    def name(self) -> str:
        """Of the model that it publishes, and of its result."""
        return f"{self.stem}-{self.seed}"

    def request(self, dataset: DatasetManifest, images: int) -> RunSpec:
        """All of the recipe's own numbers, as many steps as `images` are enough for, a version at each point."""
        resolved = resolve(self._spec(dataset), dataset)
        every = max(1, images // (POINTS * resolved.images_per_step))
        publish = {"every_steps": every, "keep": 100, "final": "last"}  # the end is compared with the best
        return self._spec(
            dataset,
            config={"steps": POINTS * every, "checkpoint_every": every // 4 or 1},
            model=self.name,
            publish=publish,
            stop={"action": "alert"},  # the recipe as it is, whatever becomes of it
            tags={"revision": revision()},
        )

    def timing(self, dataset: DatasetManifest) -> RunSpec:
        """The same recipe for a few steps, of which nothing is judged.

        A report has as many steps as it is from one penalty to the next, so that all take as long.
        """
        resolved = resolve(self._spec(dataset), dataset)
        report_every = max(2, resolved.penalty_every)
        images = SPEED_PIXELS // (dataset.height * dataset.width)
        reports = images // (report_every * resolved.images_per_step)
        steps = report_every * max(SPEED_REPORTS, reports)
        config = {"steps": steps, "report_every": report_every, "extractor": "none"}
        return self._spec(dataset, config=config, seed=0)

    def numbers(self, dataset: DatasetManifest) -> str:
        """Another one where the recipe is another one, or the dataset, so that its speed may be."""
        timed = [dataset.digest, resolve(self.timing(dataset), dataset).to_json()]
        return sha256(json.dumps(timed, sort_keys=True).encode()).hexdigest()[:12]

    def _spec(self, dataset: DatasetManifest, config: dict[str, Any] | None = None, **asked: Any) -> RunSpec:
        recipe, own = ROWS[self.row]
        spec = {"recipe": recipe, "dataset": dataset.name, "seed": self.seed, "config": {**own, **(config or {})}}
        return RunSpec.model_validate({**spec, **asked})


def trials() -> Iterator[Trial]:
    """All of them, dataset by dataset."""
    for subject in SUBJECTS.values():
        for seed in range(max(subject.seeds.values(), default=1)):
            for row in ROWS:
                if seed < subject.seeds.get(row, 1):
                    yield Trial(subject, row, seed)
