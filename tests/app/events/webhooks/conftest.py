"""What the tests of webhooks share: a receiver, a secret, runs that have a webhook, and a deliverer in a thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from app.events.webhooks.deliverer import Deliverer
from app.events.webhooks.sender import Sender
from app.http.telemetry import Telemetry
from core.network.webhooks.progress import RetryPace
from core.network.webhooks.signing import SecretsFile
from core.network.webhooks.subscription import Subscription
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec, WebhookSpec
from tests.app.events.webhooks.receiver import Receiver, receiving
from tests.manifests import dataset_manifest
from tests.records import numbers

HERE = ("127.0.0.1",)
QUICK = RetryPace(first_s=0.01, longest_s=0.05)

NewHooked = Callable[..., Run]
Delivering = Callable[[], AbstractContextManager[Deliverer]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Webhooks may be sent to this machine."""
    return settings.model_copy(update={"webhook_networks": HERE})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver()) as ready:
        yield ready


@pytest.fixture
def signing(settings: Settings) -> SecretsFile:
    return SecretsFile(settings.webhook_secrets_path)


@pytest.fixture
def secret(signing: SecretsFile) -> str:
    """The text of the secret `default`."""
    return signing.create("default", None).text.get_secret_value()


@pytest.fixture
def new_hooked(store: Store, receiver: Receiver, signing: SecretsFile, secret: str) -> NewHooked:
    """Makes a run, queued, whose events are sent to the receiver."""

    def make(**webhook: object) -> Run:
        spec = RunSpec.model_validate({"recipe": "cgan", "dataset": "shapes"})
        wanted = WebhookSpec.model_validate({"url": receiver.url, **webhook})
        told = Subscription.of(wanted, signing.get("default"), None)
        return RunStore(store).create(spec, numbers(100), dataset_manifest(), webhook=told)

    return make


@pytest.fixture
def delivering(store: Store, signing: SecretsFile) -> Delivering:
    """`with delivering():` sends what there is, with short pauses."""

    @contextmanager
    def deliver() -> Iterator[Deliverer]:
        deliverer = Deliverer(RunStore(store), Registry(store), signing, Sender(HERE), Telemetry(), QUICK)
        over = threading.Event()
        thread = threading.Thread(target=deliverer.run, args=(over.is_set,))
        thread.start()
        try:
            yield deliverer
        finally:
            over.set()
            thread.join()

    return deliver
