"""Webhooks: what is sent, what came of it, and the secrets that sign. Knows no HTTP.

What is sent has the form of Standard Webhooks 1.0 (https://www.standardwebhooks.com).
"""

from typing import Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, Field

from ganymede.schemas.bodies import BodyModel
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.runs import EventBody
from ganymede.schemas.specs import DEFAULT_SECRET, Name, WebhookUrl

T = TypeVar("T")

RUN_TOLD, MODEL_TOLD = "run", "model"  # what the type of a message begins with
TEST = "webhook.test"

ModelEvent = Literal["published", "promoted"]
MODEL_EVENTS: tuple[ModelEvent, ...] = ("published", "promoted")
Outcome = Literal["delivered", "failed", "given_up"]


class ModelWebhookSpec(BodyModel):
    """The body of `PUT /webhooks/models/{model}`: where its versions are told of."""

    url: WebhookUrl
    secret: Name = Field(DEFAULT_SECRET, description="Name of the secret that signs (POST /webhooks/secrets).")
    events: list[ModelEvent] = Field(
        default_factory=lambda: [*MODEL_EVENTS],
        min_length=1,
        max_length=20,
        description="Which events. Left out: both.",
    )


class RunNews(BaseModel):
    """Something that happened to a run."""

    run: str
    model: str = Field(description="The model it publishes under.")
    event: EventBody


class ModelNews(BaseModel):
    """A version that was published or promoted."""

    model: str
    version: int
    previous: int | None = Field(description="What the alias pointed to before.")
    alias: str = Field(examples=["latest", "production"])
    reason: str | None


class WebhookTestNews(BaseModel):
    """What a test sends."""

    message: str


class WebhookMessage(BaseModel, Generic[T]):
    """The body of what is sent."""

    type: str = Field(examples=["run.published", "model.promoted"])
    timestamp: str = Field(description="When it happened.")
    data: T


class AttemptBody(BaseModel):
    """One attempt to send an event."""

    at: str
    message: str = Field(description="The header `webhook-id`: the same each time that an event is sent.")
    type: str
    attempt: int = Field(description="1 for the first of this event.")
    outcome: Outcome = Field(description="failed: it will be tried again; given_up: it will not.")
    status: int | None = Field(description="What the receiver answered; null: it did not.")
    detail: str | None = Field(description="Why not.")
    took_s: float


class WebhookBody(BaseModel):
    """A webhook, and how far it is."""

    about: str = Field(description="`runs/RUN` or `models/MODEL`.", examples=["models/digits"])
    url: str
    secret: str = Field(description="Name of the secret that signs.")
    events: list[str]
    made_by: KeyRef | None = None
    created_at: str
    cursor: int = Field(description="Number of the last event that is done with.")
    tried: int = Field(description="Attempts of the next event so far; 0: none waits, or none was made.")
    next_at: str | None = Field(description="When it is tried again; null: nothing failed.")
    is_gone: bool = Field(description="The receiver answered 410: nothing more is sent.")
    attempts: list[AttemptBody] = Field(description="The newest 100, newest first; in a list of webhooks the newest.")


class WebhookTest(BodyModel):
    """The body of `POST /webhooks/test`."""

    url: WebhookUrl
    secret: Name = Field(DEFAULT_SECRET, description="Name of the secret that signs.")


class WebhookTestBody(BaseModel):
    """What the receiver of a test said."""

    is_delivered: bool = Field(description="Whether it answered 2xx.")
    message: str = Field(description="The header `webhook-id`.")
    status: int | None
    detail: str | None = Field(description="Why nothing was sent, or nothing answered.")
    text: str = Field(description="The beginning of its answer.")
    took_s: float


class SecretWanted(BodyModel):
    """The body of `POST /webhooks/secrets`."""

    name: Name = Field(DEFAULT_SECRET, description="Its name; that of no other.")


class SecretRotation(BodyModel):
    """The body of `POST /webhooks/secrets/{secret}/rotate`."""

    old_for: float = Field(
        86_400, ge=0, le=365 * 86_400, allow_inf_nan=False, description="Seconds for which the one before signs, too."
    )


class SecretBody(BaseModel):
    """A secret that signs webhooks, without its text."""

    name: str
    made_by: KeyRef | None = None
    created_at: AwareDatetime
    old_until: AwareDatetime | None = Field(None, description="Until when the one before it signs, too.")


class NewSecretBody(SecretBody):
    """A secret that was just made: its text is shown this once."""

    secret: str = Field(
        description="What a receiver verifies with.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
