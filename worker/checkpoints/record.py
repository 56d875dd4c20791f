"""training.json of a checkpoint: where training stood, beside its tensors. Knows no network."""

from pathlib import Path
from typing import Self

from core.runs.checkpoints import FACTS_FILE, CheckpointFacts
from core.store import SCHEMA, Listed, files
from ganymede.schemas.states import Best
from worker.training.state import Rollback, TrainState


class TrainingRecord(CheckpointFacts):
    """A field's default is what a checkpoint of an earlier build means without it."""

    branch: int
    step: int
    images_seen: int
    position: tuple[int, int]
    augmentation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lr_scale: float = 1.0
    rollbacks: tuple[Rollback, ...] = ()
    best: Best | None = None
    without_better: int = 0
    files: Listed

    @classmethod
    def of(cls, state: TrainState, listed: Listed) -> Self:
        """Record where `state` stands; `listed`: the files of its tensors."""
        p, total, count = state.augmentation.tolist()
        return cls(
            resolved=state.settled,
            branch=state.branch,
            step=state.step,
            images_seen=state.images_seen,
            position=state.position,
            augmentation=(p, total, count),
            lr_scale=state.lr_scale,
            rollbacks=tuple(state.rollbacks),
            best=state.best,
            without_better=state.without_better,
            files=listed,
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a checkpoint's record; FileNotFoundError, StoreDamaged or ValueError if it cannot be used."""
        return cls.model_validate(files.read_json(folder / FACTS_FILE, SCHEMA))

    def write(self, folder: Path) -> None:
        files.write_json(folder / FACTS_FILE, {"schema": SCHEMA, **self.model_dump(mode="json")})

    def best_beside(self, folder: Path) -> Best | None:
        """Return the run's best checkpoint beside `folder`; None if it is lost or damaged."""
        best = self.best
        return best if best and folder.with_name(f"{best.branch}-{best.step}").is_dir() else None
