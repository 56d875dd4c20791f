"""The files behind an engine: of a published version, or of a run's checkpoint. Runs on threads. Knows no queue."""

from app.engine.batch import Backend, PrecisionChoice
from app.engine.engine import Engine, load_engine
from app.engine.model_cache import Key
from core.errors import GanymedeError, ModelNotFound, StoreDamaged
from core.registry import Registry
from core.runs import RunStore
from core.runs.checkpoints import Checkpoint, find_checkpoint
from core.store import check_files
from ganymede.schemas.references import RUN, BranchStep, RunRef


class Source:
    """Reads engines for one backend."""

    def __init__(self, registry: Registry, runs: RunStore, backend: Backend, precision: PrecisionChoice) -> None:
        self.registry, self.runs, self.backend, self.precision = registry, runs, backend, precision

    def read(self, key: Key) -> Engine:
        """Read the engine of a version or checkpoint.

        Raises:
            ModelNotFound, RunNotFound, CheckpointNotFound: it is not there, or was deleted meanwhile.
            StoreDamaged: its files cannot be used.
        """
        name, version = key
        try:
            if isinstance(version, BranchStep):
                checkpoint = self._checkpoint(name, version)
                folder, manifest = checkpoint.generator, checkpoint.manifest()
            else:
                folder, manifest = self.registry.folder(name, version), self.registry.manifest(name, version)
            return load_engine(name, version, folder, manifest, self.backend, self.precision)
        except (StoreDamaged, FileNotFoundError):
            self.must_exist(key)
            raise

    def find(self, ref: RunRef) -> Key:
        """Find the checkpoint that `ref` means now; RunNotFound or CheckpointNotFound if there is none."""
        place = find_checkpoint(self.runs.get(ref.run), ref.step)
        return f"{RUN}:{ref.run}", BranchStep(place.branch, place.step)

    def must_exist(self, key: Key) -> None:
        """Raise ModelNotFound, RunNotFound or CheckpointNotFound if its folder is gone."""
        name, version = key
        if isinstance(version, BranchStep):
            self._checkpoint(name, version).must_exist()
        elif version not in self.registry.versions(name):
            raise ModelNotFound(f"model {name!r} has no version {version}")

    def gone(self, keys: list[Key]) -> list[Key]:
        """Return those of `keys` that are not there any more."""
        there = {name: set(self.registry.versions(name)) for name, version in keys if isinstance(version, int)}
        return [key for key in keys if (key[1] not in there[key[0]] if key[0] in there else self._is_gone(key))]

    def check_files(self, name: str, version: int) -> None:
        """Raise StoreDamaged if a file of a version is missing or changed."""
        check_files(self.registry.folder(name, version), self.registry.manifest(name, version).files)

    def _is_gone(self, key: Key) -> bool:
        try:
            self.must_exist(key)
        except GanymedeError:
            return True
        return False

    def _checkpoint(self, name: str, place: BranchStep) -> Checkpoint:
        return Checkpoint(place.branch, place.step, self.runs.get(name.removeprefix(f"{RUN}:")))
