"""What a store holds, beside what retention allows it to hold. Knows the folders, and nothing of a service.

Allowed are: of each run its two newest checkpoints, the best one, and one that is being written or deleted; of each
model the versions that its runs keep, or that the operator leaves, and those with an alias; all else as it is.
"""

from dataclasses import dataclass
from pathlib import Path

from core.store.files import folder_size

CHECKPOINTS = 3 + 1


@dataclass(frozen=True)
class StoreSize:
    """Bytes and counts."""

    held_bytes: int
    allowed_bytes: int
    runs: int
    most_checkpoints: int  # of a run
    versions: int  # of all models
    allowed_versions: int
    being_written: int  # folders in tmp/

    @property
    def is_within(self) -> bool:
        return self.held_bytes <= self.allowed_bytes and self.versions <= self.allowed_versions


def measure(root: Path, keep: int, left: int) -> StoreSize:
    """`keep`: versions that a run keeps; `left`: those that the operator leaves of a model, of whatever run."""
    runs = [folder for folder in (root / "runs").iterdir() if folder.name.startswith("run_")]
    held = folder_size(root)
    checkpoints = [_folders(run / "checkpoints") for run in runs]
    models = [_folders(model) for model in _folders(root / "models")]
    allowed_versions = sum(left + keep * 2 for _ in models)  # of the run that ended last, and of the one that trains
    surplus = sum(_largest(found) * max(0, len(found) - CHECKPOINTS) for found in checkpoints)
    surplus += sum(_largest(found) * max(0, len(found) - left - 2 * keep) for found in models)
    return StoreSize(
        held_bytes=held,
        allowed_bytes=held - surplus,
        runs=len(runs),
        most_checkpoints=max(map(len, checkpoints), default=0),
        versions=sum(map(len, models)),
        allowed_versions=allowed_versions,
        being_written=len(_folders(root / "tmp")),
    )


def _folders(path: Path) -> list[Path]:
    try:
        return [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    except OSError:  # deleted meanwhile
        return []


def _largest(folders: list[Path]) -> int:
    return max(map(folder_size, folders), default=0)
