"""Every option of a run as it is used: the numbers that training goes by. Knows no network, no loop and no files.

models/resolution.py makes it, spec.json keeps it, and a checkpoint has a copy. A default is what a run of an earlier
build means that has no such number; such runs are read, and written again, without it.
"""

from collections.abc import Iterable
from typing import Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from ganymede.schemas.diagnosis import Remedy
from ganymede.schemas.tasks import Medium

Conditioning = Literal["none", "concat", "projection", "classifier"]  # how a discriminator learns of the label

ADA, DIFFAUGMENT = "ada", "diffaugment"  # kinds of augmentation
EVIDENCE, WASSERSTEIN = "evidence", "wasserstein"  # objectives: of a VAE, and one whose scores have no zero
SEMI_SUPERVISED = "semi_supervised"  # objective: of a classifier that learns from pictures without labels too
NEVER = 2**62  # steps: no run has as many


def _is_none(value: object) -> bool:
    return value is None


class Numbers(BaseModel):
    """Read from a file; what a newer build added is kept, and written again."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="constants")  # a NaN is refused, not hidden

    def to_json(self) -> dict[str, Any]:
        """Return what is written: what was read or given, in the order of the fields."""
        return self.model_dump(mode="json", exclude_unset=True)

    def changed(self, **changes: Any) -> Self:
        """Return a copy with other values of some fields; ValueError if one does not fit."""
        assert changes.keys() <= type(self).model_fields.keys()
        return self._with(**changes)

    def _with(self, **changes: Any) -> Self:
        return self.model_validate({**self.model_dump(exclude_unset=True), **changes}) if changes else self


class NetworkSizes(Numbers):
    """The fields of the architecture's config; those of its own are left out where it has none."""

    image_size: int
    channels: int
    latent_dim: int
    width: int
    num_classes: int
    depth: int = 0
    revision: int = 1


class ResolvedConfig(Numbers):
    """The options of ganymede/schemas/specs.py without "auto", and what the recipe decides."""

    recipe: str
    recipe_reason: str | None = Field(None, exclude_if=_is_none)  # why this recipe; none where it was asked for
    medium: str = Field(Medium.IMAGE, exclude_if=lambda medium: medium == Medium.IMAGE)
    architecture: str
    objective: str
    regulariser: str
    conditional: bool
    conditioning: Conditioning
    seed: int
    steps: int
    batch_size: int
    n_critic: int
    generator_lr: float
    discriminator_lr: float
    lr_schedule: str
    annealing: str = "none"
    beta1: float
    beta2: float
    penalty_weight: float | None
    penalty_every: int = 1
    mode_seeking: float = 0.0
    likelihood: str | None = None
    labels_per_class: int | None = Field(None, exclude_if=_is_none)  # that are learnt from; none: all
    augment: str = "none"
    augment_policy: tuple[str, ...] = ()
    augment_ramp: int | None = None
    latent_dim: int
    width: int
    ema_half_life: int
    precision: str
    extractor: str = "none"
    evaluate_images: int = 0
    report_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int = NEVER
    publish_every: int
    processes: int = 1
    publish_keep: int
    publish_final: str = "last"
    publish_classifier: str | None = Field(None, exclude_if=_is_none)  # the model of a discriminator that names classes
    network: NetworkSizes
    init: str | None = Field(None, exclude_if=_is_none)  # the weights that it starts from

    @property
    def holds_out(self) -> bool:
        """Whether pictures are kept from a run: what classifies is tested with them."""
        return self.objective == SEMI_SUPERVISED or self.publish_classifier is not None

    @property
    def learning_rates(self) -> tuple[float, float]:
        """Of generator and discriminator."""
        return self.generator_lr, self.discriminator_lr

    @property
    def images_per_step(self) -> int:
        """Real images of a step."""
        return self.batch_size * self.n_critic

    def after(self, remedies: Iterable[Remedy]) -> Self:
        """Apply remedies, the oldest first."""
        return self._with(**{each.field: each.after for remedy in remedies for each in remedy.changes})


# ---- parts of it that one rule makes -------------------------------------------------------------------------------


class Optimisation(TypedDict):
    generator_lr: float
    discriminator_lr: float
    lr_schedule: str
    annealing: str
    beta1: float
    beta2: float


class Penalties(TypedDict):
    penalty_weight: float | None
    penalty_every: int
    mode_seeking: float


class AugmentationNumbers(TypedDict):
    augment: str
    augment_policy: tuple[str, ...]
    augment_ramp: int | None


class Cadence(TypedDict):
    report_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int
    publish_every: int
