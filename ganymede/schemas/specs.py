"""What a client may ask of a training run: the only list of training options. Knows no recipe and no default value.

API, command line, web form and docs derive from the JSON Schema of RunSpec. Every option of `config` may be "auto";
models/resolution.py says what that becomes.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ganymede.schemas.bodies import BodyModel
from ganymede.schemas.diagnosis import Action, Trouble
from ganymede.schemas.references import NAME_PATTERN, NAME_RULE

Auto = Literal["auto"]
Name = Annotated[str, Field(pattern=NAME_PATTERN, description=f"A name: {NAME_RULE}.")]
TAG_KEY = r"[a-z0-9][a-z0-9._-]{0,63}"
TagKey = Annotated[str, Field(pattern=rf"^{TAG_KEY}$")]
TagValue = Annotated[str, Field(max_length=200)]
MAX_TAGS = 32

# What is remedied by default: scores prove it, and what is drawn then is of no use. A discriminator that is too strong
# is judged by losses alone, and a generator may learn from it all the same; against a label that is ignored no change
# helps that leaves the networks as they are.
ACTED_ON: tuple[Trouble, ...] = ("mode_collapse",)


def _with_any_key(schema: dict[str, Any]) -> None:
    """The same said of all keys, which generators of clients know, not of those of a pattern, which they do not."""
    [(pattern, values)] = schema.pop("patternProperties").items()
    schema |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}


Tags = Annotated[dict[TagKey, TagValue], Field(max_length=MAX_TAGS, json_schema_extra=_with_any_key)]
Transform = Literal["translation", "geometry", "colour", "cutout", "flip", "time"]
LearningRate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
RunEvent = Literal["status", "diagnosis", "sample", "checkpoint", "published", "action", "end"]
WebhookUrl = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description="Where to: https at a public address, or what GANYMEDE_WEBHOOK_NETWORKS allows besides.",
        examples=["https://hooks.example/ganymede"],
    ),
]
DEFAULT_SECRET = "default"
USUAL_EVENTS: tuple[RunEvent, ...] = ("status", "diagnosis", "published", "action", "end")


class TrainConfig(BodyModel):
    """Hyperparameters. "auto" is resolved from recipe, dataset and device, and shown in the answer as `resolved`."""

    steps: Auto | Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        "auto", description="Run length in generator updates."
    )
    batch_size: Auto | Annotated[int, Field(ge=2, le=4096)] = Field("auto", description="Real images per update.")
    conditional: Auto | bool = Field(
        "auto",
        description="Whether labels are learnt, where the recipe leaves it open; auto: if there are any.",
    )
    architecture: Literal["auto", "mlp", "dcgan"] = Field(
        "auto",
        description="The networks of a recipe that has several: mlp, fully connected, or dcgan, convolutional.",
    )
    labels_per_class: Auto | Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        "auto",
        description="So many pictures of each class have a label that is learnt from, drawn once by the run's seed; of "
        "all others the pictures alone are. auto: every label is.",
    )
    n_critic: Auto | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto", description="Updates of the discriminator for each of the generator, on a batch of its own each."
    )
    penalty_weight: Auto | Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        "auto", description="Weight of the gradient penalty: lambda of wgan-gp, gamma of r3gan."
    )
    penalty_every: Auto | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto",
        description="Updates of the discriminator from one with the penalty to the next, whose weight is as many times "
        "larger.",
    )
    mode_seeking: Auto | Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = Field(
        "auto",
        description="Weight of what the generator pays where pictures of a class are nearer to each other than half as "
        "far as real ones; 0: nothing.",
    )
    likelihood: Literal["auto", "bernoulli", "gaussian"] = Field(
        "auto", description="Of a pixel, in a vae; auto: bernoulli for grey pictures, gaussian for colour."
    )
    augment: Literal["auto", "none", "diffaugment", "ada"] = Field(
        "auto",
        description="Pictures are changed at random before the discriminator sees them: all of them, or (ada) as many "
        "as keep it from learning them by heart; auto: ada where there are few pictures.",
    )
    augment_policy: Auto | Annotated[tuple[Transform, ...], Field(min_length=1, max_length=5, strict=False)] = Field(
        "auto",
        description="The kinds of change; auto: colour, translation and cutout for diffaugment, translation, geometry "
        "and colour for ada, of sounds time, which moves them to and fro. geometry is ada's alone. flip mirrors: not "
        "for digits or letters.",
    )
    generator_lr: Auto | LearningRate = Field("auto", description="Learning rate of the generator.")
    discriminator_lr: Auto | LearningRate = Field(
        "auto", description="Learning rate of the discriminator; in a vae, of the encoder."
    )
    lr_schedule: Literal["auto", "constant", "linear", "cosine"] = Field(
        "auto", description="Both rates over the run; linear: down to nothing, cosine: down to a quarter."
    )
    annealing: Literal["auto", "none", "cosine"] = Field(
        "auto",
        description="What else moves over the run; cosine: the penalty's weight down to a tenth, beta2 from 0.9 up, "
        "ema_half_life from 0 up (not in a run with init), as in R3GAN.",
    )
    beta1: Auto | Annotated[float, Field(ge=0, lt=1)] = Field("auto", description="Adam's first-moment decay.")
    beta2: Auto | Annotated[float, Field(ge=0, lt=1)] = Field("auto", description="Adam's second-moment decay.")
    latent_dim: Auto | Annotated[int, Field(ge=1, le=1024)] = Field("auto", description="Size of the noise vector.")
    width: Auto | Annotated[int, Field(ge=16, le=1024)] = Field(
        "auto",
        description="Feature maps at the coarsest level; they halve with every doubling of the size, down to 16.",
    )
    ema_half_life: Auto | Annotated[int, Field(ge=0, le=100_000_000)] = Field(
        "auto", description="Half-life, in images, of the averaged generator that is sampled and published; 0: none."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of the forward and backward pass; weights stay float32."
    )
    report_every: Auto | Annotated[int, Field(ge=1, le=1000)] = Field(
        "auto", description="Steps between metric points."
    )
    sample_every: Auto | Annotated[int, Field(ge=1)] = Field("auto", description="Steps between sample grids.")
    checkpoint_every: Auto | Annotated[int, Field(ge=1)] = Field("auto", description="Steps between checkpoints.")
    extractor: Literal["auto", "classifier", "efficientnet-lite0", "inception", "none"] = Field(
        "auto",
        description="Features by which fakes are compared with reals (docs/metrics.md); auto: classifier where there "
        "are classes, else efficientnet-lite0 where that is installed, else none.",
    )
    evaluate_every: Auto | Annotated[int, Field(ge=1)] = Field(
        "auto",
        description="Steps between evaluations, each with a checkpoint; auto: at as many checkpoints as a twentieth "
        "of the time is enough for, settled at the first of them, and at the end.",
    )
    evaluate_images: Auto | Annotated[int, Field(ge=8, le=50_000)] = Field(
        "auto",
        description="Fakes of one evaluation; auto: 2,000, or half as many as the dataset has images.",
    )


class WebhookSpec(BodyModel):
    """Where the events of a run are sent, in their order."""

    url: WebhookUrl
    secret: Name = Field(DEFAULT_SECRET, description="Name of the secret that signs (POST /webhooks/secrets).")
    events: list[RunEvent] = Field(
        default_factory=lambda: [*USUAL_EVENTS],
        min_length=1,
        max_length=20,
        description="Which events. Left out: all but sample and checkpoint.",
    )


class PublishSpec(BodyModel):
    """When a checkpoint becomes a version of the model."""

    every_steps: Auto | Annotated[int, Field(ge=1)] = Field(
        "auto", description="Steps between published versions; the end is always published."
    )
    final: Literal["best", "last"] = Field(
        "best",
        description="What the version of the end is made of: the checkpoint with the lowest kid (else fd; of a "
        "classifier the highest accuracy), or the last. Without such a metric both are the last.",
    )
    keep: int = Field(5, ge=1, le=1000, description="Newest versions of this run that stay; aliased ones stay too.")
    classifier: Name | None = Field(
        None,
        description="Model under which, with each version, the discriminator is published that names classes: for "
        "/classify, of acgan alone. The run then learns from all but a fifth of the pictures, 4,000 at most: by these "
        "its temperature is fitted, and it is tested.",
    )


class StopSpec(BodyModel):
    """What is done when the diagnosis of a run becomes one of some verdicts: once, each time it does; and for how long
    a run goes on that does not get better."""

    action: Action = Field(
        "remedy",
        description="remedy: back to the best checkpoint from before it, and on with one change that may help, twice "
        "at most; then the run ends with its best version. alert: it is told as an event, as every verdict is. pause: "
        "the run waits, with a checkpoint. rollback: back to an earlier checkpoint, with lower learning rates. stop: "
        "the run ends as failed.",
    )
    on: list[Trouble] = Field(
        default_factory=lambda given: [*ACTED_ON] if given.get("action") == "remedy" else [],
        max_length=20,
        validate_default=True,
        description="Verdicts to act on. Left out: mode_collapse for remedy.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Evaluations in a row without a better score (a lower kid, else fd; a higher accuracy) after which "
        "the run ends, as if the last of them were its last step: its best is published. null: it makes all its steps.",
    )

    @field_validator("on")
    @classmethod
    def _is_something(cls, on: list[Trouble], info: ValidationInfo) -> list[Trouble]:
        action = info.data.get("action", "alert")
        if action not in ("alert", "remedy") and not on:
            raise PydanticCustomError("nothing_to_act_on", f"{action} on which verdicts? Say, mode_collapse")
        return list(dict.fromkeys(on))


class LimitSpec(BodyModel):
    """Where a run ends at the latest, as if that step were its last: with its best version, and told why."""

    max_images: int | None = Field(None, ge=1, le=2**53, description="Real images that it sees.")
    max_duration: float | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Seconds of work, over all attempts; time in the queue or paused does not count.",
    )


class ResourceSpec(BodyModel):
    """What a run is computed with."""

    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that share each batch: each on a GPU of its own, or all on the CPU.",
    )


class RunSpec(BodyModel):
    """The body of `POST /train`."""

    recipe: str = Field(
        "auto",
        min_length=1,
        max_length=64,
        description="Name of a recipe; auto: the one that suits the pictures and the device. The run tells which, and "
        "why; the rule is in GET /train/schema.",
        examples=["cgan"],
    )
    dataset: Name = Field(examples=["mnist-10k"])
    model: Name | None = Field(None, description="Model to publish under. Default: the dataset's name.")
    name: str | None = Field(None, max_length=200, description="A title for people.")
    init: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Weights to start from: NAME, NAME@VERSION or NAME:ALIAS of a model (its generator), or "
        "run:RUN@STEP (both networks of a checkpoint).",
        examples=["digits@1"],
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of initial weights, batches and noise.")
    config: TrainConfig = TrainConfig()
    publish: PublishSpec = PublishSpec()
    stop: StopSpec = StopSpec()
    limits: LimitSpec = LimitSpec()
    resources: ResourceSpec = ResourceSpec()
    webhook: WebhookSpec | None = Field(None, description="Where to send its events; null: nowhere.")
    tags: Tags = Field(default_factory=dict, description="Up to 32 labels of your own.", examples=[{"team": "a"}])

    @property
    def model_name(self) -> str:
        return self.model or self.dataset


class RunPatch(BodyModel):
    """The body of `PATCH /train/{id}`: what is left out stays as it is, null removes."""

    name: str | None = Field(None, max_length=200, description="A title for people.")
    tags: dict[TagKey, TagValue | None] = Field(
        default_factory=dict,
        max_length=2 * MAX_TAGS,
        description="Merged into the run's tags; null removes one.",
        json_schema_extra=_with_any_key,
    )
    notes: str | None = Field(None, max_length=20_000, description="Free text.")


class AliasChange(BodyModel):
    """The body of `PUT /models/{model}/aliases/{alias}`."""

    version: int = Field(ge=1, lt=10**9)
    reason: str | None = Field(None, max_length=500, description="Kept in the alias's history.")


class PublishRequest(BodyModel):
    """The body of `POST /train/{id}/checkpoints/{step}/publish`."""

    model: Name | None = Field(None, description="Model to publish under. Default: the run's own.")
