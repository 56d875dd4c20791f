"""Weights that a run starts from: what a reference means, whether it fits, a copy for the run. Knows no HTTP, no loop.

A run that was asked for such has a folder `init/`: `generator/`, as a version holds it, and beside it, where the
reference names a checkpoint, the worker's own files of that.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from core.datasets.manifest import DatasetManifest
from core.errors import CheckpointNotFound, InvalidRequest, ModelNotFound, RunNotFound, StoreDamaged
from core.refs import parse_reference
from core.registry import Registry, VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.resolved import EVIDENCE, ResolvedConfig
from core.runs import INIT_FOLDER, RunStore
from core.runs.checkpoints import GENERATOR_FOLDER, find_checkpoint
from core.store import check_files, files
from ganymede.schemas.references import ModelRef, RunRef
from ganymede.schemas.runs import InitBody
from ganymede.schemas.specs import RunSpec
from models.choice import AUTO, Choice
from models.recipes import RECIPES
from models.resolution import resolve
from models.version import WEIGHTS_FILE

POINTER = "/init"
SHAPES = ("depth", "revision")  # that a run takes from them, where its architecture has several
SIZES = ("image_size", "channels", "latent_dim", "width")  # that weights have to agree in


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """What a reference meant when a run was made.

    reference: NAME@VERSION or run:ID@BRANCH-STEP. folder: of the version, or of the checkpoint. network: the sizes of
    its generator. counterpart: how the run of a checkpoint learnt; None: there is no counterpart.
    """

    reference: str
    folder: Path
    is_checkpoint: bool
    manifest: VersionManifest
    network: dict[str, int]
    learnt: ResolvedConfig | None

    def copy_to(self, folder: Path) -> None:
        """Copy the weights into `folder`, of a new run; InvalidRequest if they were deleted meanwhile."""
        target = folder / INIT_FOLDER
        with _at_init():
            try:
                shutil.copytree(self.folder, target if self.is_checkpoint else target / GENERATOR_FOLDER)
            except (FileNotFoundError, shutil.Error):
                if self.folder.exists():
                    raise
                raise CheckpointNotFound(f"{self.reference} was deleted while it was copied") from None
            check_files(target / GENERATOR_FOLDER, self.manifest.files)

    def facts(self, resolved: ResolvedConfig) -> InitBody:
        """Describe where the weights come from, and what of them the run keeps."""
        keeps_labels = self.network["num_classes"] == resolved.network.num_classes
        keeps_counterpart = self.learnt is not None and _kind(self.learnt) == _kind(resolved)
        return InitBody(
            reference=self.reference,
            digest=self.manifest.digest,
            counterpart="kept" if keeps_counterpart else "fresh",
            labels="kept" if keeps_labels else "fresh",
        )


def find_initial(asked: str, registry: Registry, runs: RunStore) -> InitialWeights:
    """Find the version or checkpoint that `asked` means; InvalidRequest at /init if it is missing or damaged."""
    with _at_init():
        ref = parse_reference(asked, POINTER)
        return _of_run(ref, runs) if isinstance(ref, RunRef) else _of_model(ref, registry)


def resolve_with(
    spec: RunSpec, dataset: DatasetManifest, device: str, initial: InitialWeights | None
) -> ResolvedConfig:
    """Resolve a run from `initial`, whose sizes replace "auto"; InvalidRequest if its weights do not fit."""
    if initial is None:
        return resolve(spec, dataset, device)
    choice = _recipe_of(initial) if spec.recipe == AUTO else Choice(spec.recipe)
    resolved = resolve(_adapted(spec, initial, choice.recipe), dataset, device, choice)
    wrong = list(_misfits(resolved, initial))
    if wrong:
        needed = ", ".join(f"{name} {getattr(resolved.network, name)}" for name in SIZES)
        rule = f"weights fit that are of architecture {resolved.architecture!r} and have {needed}"
        raise InvalidRequest.field(POINTER, f"{initial.reference} has {', '.join(wrong)}; {rule}")
    kept = {name: initial.network[name] for name in SHAPES if name in initial.network}
    return resolved.changed(init=initial.reference, network=resolved.network.changed(**kept))


def _of_model(ref: ModelRef, registry: Registry) -> InitialWeights:
    version = registry.resolve(ref)
    folder, manifest = registry.folder(ref.name, version), registry.manifest(ref.name, version)
    return InitialWeights(f"{ref.name}@{version}", folder, False, manifest, _sizes(folder, manifest), None)


def _of_run(ref: RunRef, runs: RunStore) -> InitialWeights:
    checkpoint = find_checkpoint(runs.get(ref.run), ref.step)
    manifest = checkpoint.manifest()
    try:
        learnt = checkpoint.resolved()
        sizes = _sizes(checkpoint.generator, manifest)
    except (FileNotFoundError, KeyError, ValueError):
        checkpoint.must_exist()
        raise StoreDamaged(f"checkpoint {checkpoint} of {ref.run} cannot be used") from None
    return InitialWeights(f"run:{ref.run}@{checkpoint}", checkpoint.folder, True, manifest, sizes, learnt)


def _sizes(folder: Path, manifest: VersionManifest) -> dict[str, int]:
    """Return the sizes of a version's network; StoreDamaged if its files are not those of the manifest."""
    if WEIGHTS_FILE not in manifest.files or not (folder / MANIFEST_FILE).exists():
        raise StoreDamaged(f"{files.shown(folder / MANIFEST_FILE)} does not describe a version")
    check_files(folder, manifest.files)
    from models.weights import load_version  # and torch, which few requests need

    return asdict(load_version(folder, manifest)[1])


def _recipe_of(initial: InitialWeights) -> Choice:
    """Return the recipe that made these weights; for foreign weights, our first with such networks."""
    architecture, has_classes = initial.manifest.architecture, initial.network["num_classes"] > 0
    fitting = [
        name
        for name, recipe in RECIPES.items()
        if recipe.architecture == architecture and recipe.conditional in (None, has_classes)
    ]
    if not fitting:
        kind = f"networks of architecture {architecture!r} {'with' if has_classes else 'without'} classes"
        raise InvalidRequest.field(POINTER, f"{initial.reference} has {kind}, and no recipe trains such")
    if (made_with := initial.manifest.recipe) in fitting:
        return Choice(made_with, f"{initial.reference} was made with it")
    return Choice(fitting[0], f"it has the networks of {initial.reference}")


def _adapted(spec: RunSpec, initial: InitialWeights, name: str) -> RunSpec:
    """Replace "auto" by the sizes of `initial`, and by its conditioning if the recipe allows both."""
    recipe, config = RECIPES.get(name), spec.config
    changes = {name: initial.network[name] for name in ("latent_dim", "width") if getattr(config, name) == "auto"}
    if recipe is not None and recipe.conditional is None and config.conditional == "auto":
        changes["conditional"] = initial.network["num_classes"] > 0
    return spec.model_copy(update={"config": config.model_copy(update=changes)})


def _misfits(resolved: ResolvedConfig, initial: InitialWeights) -> Iterator[str]:
    if initial.manifest.architecture != resolved.architecture:
        yield f"architecture {initial.manifest.architecture!r}"
    for name in SIZES:
        if initial.network[name] != getattr(resolved.network, name):
            yield f"{name} {initial.network[name]}"
    has, needs = bool(initial.network["num_classes"]), resolved.network.num_classes > 0
    if has != needs:
        yield "classes, and this run learns none" if has else "no classes, and this run learns some"


def _kind(resolved: ResolvedConfig) -> tuple[bool, str, bool]:
    """Return what two counterparts must share so that their weights fit."""
    return resolved.objective == EVIDENCE, resolved.conditioning, resolved.regulariser == "spectral_norm"


@contextmanager
def _at_init() -> Iterator[None]:
    """Blame whatever cannot be found or used on the field /init."""
    try:
        yield
    except (ModelNotFound, RunNotFound, CheckpointNotFound, StoreDamaged) as error:
        raise InvalidRequest.field(POINTER, str(error)) from None
