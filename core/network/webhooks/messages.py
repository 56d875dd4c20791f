"""What is sent about one event, and what came of sending it. Knows no HTTP and no file.

The body is that of Standard Webhooks 1.0: `type`, `timestamp`, `data`. It is a function of the event alone: sent again,
a message has the same id and the same bytes.
"""

from dataclasses import dataclass

from core.registry.pointers import Move
from core.runs.events import Event
from ganymede.schemas.references import LATEST, PRODUCTION
from ganymede.schemas.runs import EventBody
from ganymede.schemas.webhooks import MODEL_TOLD, RUN_TOLD, ModelNews, RunNews, WebhookMessage


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One event, ready to be sent. `place`: its number in the log it is from; `event`: its type there."""

    place: int
    id: str
    event: str
    type: str
    at: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """What a receiver said. `status` None: it said nothing, and `detail` has why."""

    status: int | None
    detail: str | None
    took_s: float
    text: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more: 410, by the standard."""
        return self.status == 410


def run_message(run_id: str, model: str, event: Event) -> OutgoingMessage:
    """That of an event of a run."""
    told = EventBody.model_validate(event.model_dump())
    body = WebhookMessage[RunNews](
        type=f"{RUN_TOLD}.{event.type}", timestamp=event.at, data=RunNews(run=run_id, model=model, event=told)
    )
    return OutgoingMessage(
        event.id, f"msg_{run_id}_{event.id}", event.type, body.type, event.at, body.model_dump_json().encode()
    )


def model_message(model: str, move: Move) -> OutgoingMessage | None:
    """That of a move of an alias: a version was published, or promoted; None for any other."""
    kind = {LATEST: "published", PRODUCTION: "promoted"}.get(move.alias)
    if kind is None or move.to is None:
        return None
    told = ModelNews(model=model, version=move.to, previous=move.before, alias=move.alias, reason=move.reason)
    body = WebhookMessage[ModelNews](type=f"{MODEL_TOLD}.{kind}", timestamp=move.at, data=told)
    id_ = f"msg_{model.replace('.', '~')}_{move.id}"  # a dot would part what is signed
    return OutgoingMessage(move.id, id_, kind, body.type, move.at, body.model_dump_json().encode())
