"""Where events go, and which: the record of a webhook, and those of models on disk. Knows no HTTP.

That of a run is part of its spec. That of a model is `webhooks/<model>.json`, which is replaced or removed as a whole.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import NotFound
from core.machine.clock import timestamp
from core.store import Record, Store
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.specs import WebhookSpec
from ganymede.schemas.webhooks import ModelWebhookSpec

if TYPE_CHECKING:  # workers read the record, and sign nothing
    from core.network.webhooks.signing import SigningSecret

FOLDER = "webhooks"


class Subscription(Record):
    """The record. `since`: nothing up to this place in the log is sent; `secret_id`: of the secret when it was made."""

    url: str
    secret: str
    secret_id: str
    events: list[str]
    since: int = 0
    made_by: KeyRef | None = None
    created_at: str = ""

    @classmethod
    def of(
        cls, spec: WebhookSpec | ModelWebhookSpec, secret: "SigningSecret", made_by: KeyRef | None, since: int = 0
    ) -> "Subscription":
        return cls(
            url=spec.url,
            secret=secret.name,
            secret_id=secret.id,
            events=list(dict.fromkeys(spec.events)),
            since=since,
            made_by=made_by,
            created_at=timestamp(),
        )


class ModelWebhooks:
    """Those of the models of one store."""

    def __init__(self, store: Store) -> None:
        self.store, self.folder = store, store.path(FOLDER)

    def names(self) -> list[str]:
        """The models that have one, sorted."""
        return sorted(path.name.removesuffix(".json") for path in self.folder.glob("[!.]*.json"))

    def path(self, model: str) -> Path:
        return self.folder / f"{model}.json"

    def get(self, model: str) -> Subscription:
        """NotFound for a model without one."""
        try:
            return Subscription.read(self.path(model))
        except FileNotFoundError:
            raise NotFound(f"the model {model!r} has no webhook; PUT /webhooks/models/{model} sets one") from None

    def set(self, model: str, subscription: Subscription) -> None:
        self.folder.mkdir(exist_ok=True)
        subscription.write(self.path(model))

    def remove(self, model: str) -> bool:
        """Remove that of a model; return whether there was one. What was not sent yet is not sent any more."""
        try:
            self.path(model).unlink()
        except FileNotFoundError:
            return False
        self.progress_path(model).unlink(missing_ok=True)
        return True

    def progress_path(self, model: str) -> Path:
        """Hidden, so that it is no webhook itself."""
        return self.folder / f".{model}.progress.json"
