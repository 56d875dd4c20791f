"""A webhook as it is asked for: its key, its secret, its address. Knows no route."""

from app.deps import Services
from core.errors import InvalidRequest, NotFound
from core.keys import Asker
from core.network.targets import Target, TargetRefused, resolve
from core.network.webhooks.signing import SigningSecret
from core.network.webhooks.subscription import Subscription
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.specs import WebhookSpec
from ganymede.schemas.webhooks import ModelWebhookSpec


def subscription(
    spec: WebhookSpec | ModelWebhookSpec, pointer: str, services: Services, asker: Asker, since: int = 0
) -> Subscription:
    """The record of a webhook; waits for the name service. `pointer`: of the webhook in the body.

    Raises:
        InvalidRequest: names `url` or `secret`.
        ScopeMissing: the key may have no webhooks, or the secret is another key's.
    """
    asker.check_scope(KeyScope.WEBHOOKS_WRITE)
    secret = usable_secret(spec.secret, f"{pointer}/secret", services, asker)
    check_url(spec.url, f"{pointer}/url", services)
    return Subscription.of(spec, secret, asker.key, since)


def usable_secret(name: str, pointer: str, services: Services, asker: Asker) -> SigningSecret:
    try:
        found = services.signing.get(name)
    except NotFound as error:
        raise InvalidRequest.field(pointer, str(error)) from None
    asker.check(f"secret {name!r}", found.made_by)
    return found


def check_url(url: str, pointer: str, services: Services) -> None:
    try:
        resolve(Target.of(url), services.sender.allowed)
    except TargetRefused as error:
        raise InvalidRequest.field(pointer, str(error)) from None
