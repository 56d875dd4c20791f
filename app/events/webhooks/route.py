"""/webhooks: where events are sent, how far that is, a test, and the secrets that sign. Knows no event."""

import contextlib
import functools
import itertools
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import Depends, Path, Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app.catalog.body import ModelName
from app.deps import Services, ServicesDep
from app.errors import documented
from app.events.webhooks.asked import check_url, subscription, usable_secret
from app.http.routing import Router
from app.makers import AskerDep, OwnModel
from app.train.body import RunId
from core.errors import Conflict, GanymedeError, InvalidRequest, ModelNotFound, NotFound, RunNotFound
from core.machine.clock import timestamp
from core.network.webhooks.progress import DeliveryProgress
from core.network.webhooks.signing import SigningSecret
from core.network.webhooks.subscription import ModelWebhooks, Subscription
from core.refs import check_model_name, check_name
from core.runs import Run
from ganymede.schemas.bodies import Page, StrictModel
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.webhooks import (
    TEST,
    ModelWebhookSpec,
    NewSecretBody,
    SecretBody,
    SecretRotation,
    SecretWanted,
    WebhookBody,
    WebhookMessage,
    WebhookTest,
    WebhookTestBody,
    WebhookTestNews,
)

router = Router(prefix="/webhooks", tags=["webhooks"], writes=KeyScope.WEBHOOKS_WRITE, needs_files=True)

MODELS, RUNS = "models/", "runs/"
SecretName = Annotated[str, Path(max_length=100, description="Name of a secret.", examples=["default"])]


class WebhooksQuery(StrictModel):
    """The query parameters of `GET /webhooks`."""

    limit: int = Field(50, ge=1, le=200, description="Webhooks a page.")
    cursor: str | None = Field(
        None,
        pattern=r"^(models|runs)/[a-z0-9][a-z0-9._-]{0,63}$",
        description="`next_cursor` of the page before.",
        examples=["models/digits"],
    )


def own_secret(secret: SecretName, asker: AskerDep, services: ServicesDep) -> str:
    """Return the name of a secret that this key may change."""
    found = services.signing.get(check_name(secret, "secret"))
    asker.check(f"secret {found.name!r}", found.made_by)
    return found.name


OwnSecret = Annotated[str, Depends(own_secret)]


@router.get("")
def list_webhooks(services: ServicesDep, query: Annotated[WebhooksQuery, Query()]) -> Page[WebhookBody]:
    """The webhooks of models by name, then those of runs, newest first; of each the newest attempt."""
    found = list(itertools.islice(_all(services, query.cursor or ""), query.limit + 1))
    page = [body.model_copy(update={"attempts": body.attempts[:1]}) for body in found[: query.limit]]
    return Page(data=page, next_cursor=page[-1].about if len(found) > query.limit else None)


@router.get("/runs/{run_id}", responses=documented(RunNotFound, NotFound))
def read_run_webhook(run_id: RunId, services: ServicesDep) -> WebhookBody:
    """The webhook of a run: how far it is, and the newest 100 attempts."""
    body = _of_run(services.runs.get(run_id))
    if body is None:
        raise NotFound(f"the run {run_id} has no webhook; `webhook` of POST /train sets one")
    return body


@router.get("/models/{model}", responses=documented(NotFound))
def read_model_webhook(model: ModelName, services: ServicesDep) -> WebhookBody:
    """The webhook of a model: how far it is, and the newest 100 attempts."""
    return _of_model(ModelWebhooks(services.store), check_model_name(model, "model"))


@router.put("/models/{model}", responses=documented(ModelNotFound, InvalidRequest))
def set_model_webhook(name: OwnModel, wanted: ModelWebhookSpec, asker: AskerDep, services: ServicesDep) -> WebhookBody:
    """Send what is published and promoted of a model from now on. It takes the place of the webhook before."""
    if not services.registry.versions(name):
        raise ModelNotFound(f"there is no model {name!r}")
    hooks, since = ModelWebhooks(services.store), services.registry.pointers(name).newest_move
    hooks.set(name, subscription(wanted, "", services, asker, since))
    return _of_model(hooks, name)


@router.delete("/models/{model}", status_code=204, responses=documented(NotFound))
def remove_model_webhook(name: OwnModel, services: ServicesDep) -> None:
    """Send nothing of a model any more."""
    if not ModelWebhooks(services.store).remove(name):
        raise NotFound(f"the model {name!r} has no webhook")


@router.post("/test", responses=documented(InvalidRequest))
async def test_webhook(wanted: WebhookTest, asker: AskerDep, services: ServicesDep) -> WebhookTestBody:
    """Send a test event once, and tell what the receiver said. Nothing is kept of it."""
    secret = await run_in_threadpool(usable_secret, wanted.secret, "/secret", services, asker)
    await run_in_threadpool(check_url, wanted.url, "/url", services)
    told = WebhookTestNews(message="a test of a webhook: nothing has happened")
    body = WebhookMessage[WebhookTestNews](type=TEST, timestamp=timestamp(), data=told)
    message = f"msg_test_{secrets.token_hex(8)}"
    answer = await services.sender.send(wanted.url, secret, message, body.model_dump_json().encode())
    return WebhookTestBody(
        is_delivered=answer.is_taken,
        message=message,
        status=answer.status,
        detail=answer.detail,
        text=answer.text,
        took_s=round(answer.took_s, 3),
    )


@router.get("/secrets")
def list_secrets(services: ServicesDep) -> Page[SecretBody]:
    """The secrets that sign webhooks, oldest first, without their texts."""
    return Page(data=[_facts(secret) for secret in services.signing.all()], next_cursor=None)


@router.post("/secrets", status_code=201, responses=documented(InvalidRequest, Conflict))
def create_secret(
    response: Response, asker: AskerDep, services: ServicesDep, wanted: SecretWanted | None = None
) -> NewSecretBody:
    """Make a secret that signs webhooks. Its text is shown this once; receivers verify with it."""
    return _shown_once(services.signing.create((wanted or SecretWanted()).name, asker.key), response)


@router.post("/secrets/{secret}/rotate", responses=documented(NotFound, InvalidRequest))
def rotate_secret(
    name: OwnSecret, response: Response, services: ServicesDep, wanted: SecretRotation | None = None
) -> NewSecretBody:
    """Give a secret another text, shown this once. For `old_for` seconds both sign each message."""
    old_for = timedelta(seconds=(wanted or SecretRotation()).old_for)
    return _shown_once(services.signing.rotate(name, old_for), response)


@router.delete("/secrets/{secret}", status_code=204, responses=documented(NotFound, InvalidRequest))
def delete_secret(name: OwnSecret, services: ServicesDep) -> None:
    """Delete a secret. What it would have signed is not sent any more; the attempts say why."""
    services.signing.delete(name)


def _shown_once(secret: SigningSecret, response: Response) -> NewSecretBody:
    response.headers["Cache-Control"] = "no-store"
    return NewSecretBody(**_facts(secret).model_dump(), secret=secret.text.get_secret_value())


def _facts(secret: SigningSecret) -> SecretBody:
    return SecretBody(
        name=secret.name, made_by=secret.made_by, created_at=secret.created_at, old_until=secret.old_until
    )


def _all(services: Services, cursor: str) -> Iterator[WebhookBody]:
    """Every webhook behind `cursor`, which is empty or names one."""
    hooks, is_among_runs = ModelWebhooks(services.store), cursor.startswith(RUNS)
    looks: list[Callable[[], WebhookBody | None]] = [
        functools.partial(_of_model, hooks, name)
        for name in hooks.names()
        if not is_among_runs and f"{MODELS}{name}" > cursor
    ]
    runs = (Run(services.store, run_id) for run_id in services.runs.index.ids())
    behind = (run for run in runs if not is_among_runs or f"{RUNS}{run.id}" < cursor)
    of_runs: Iterator[Callable[[], WebhookBody | None]] = (
        functools.partial(_of_run, run) for run in behind if run.webhook_file.exists()
    )
    for look in itertools.chain(looks, of_runs):
        with contextlib.suppress(GanymedeError):  # damaged, or removed while we looked
            if (body := look()) is not None:
                yield body


def _of_model(hooks: ModelWebhooks, name: str) -> WebhookBody:
    return _body(f"{MODELS}{name}", hooks.get(name), hooks.progress_path(name))


def _of_run(run: Run) -> WebhookBody | None:
    told = run.spec().webhook
    return None if told is None else _body(f"{RUNS}{run.id}", told, run.webhook_file)


def _body(about: str, told: Subscription, path: FilePath) -> WebhookBody:
    progress = DeliveryProgress.find(path, told.created_at, told.since)
    return WebhookBody(
        about=about,
        url=told.url,
        secret=told.secret,
        events=told.events,
        made_by=told.made_by,
        created_at=told.created_at,
        cursor=progress.cursor,
        tried=progress.tried,
        next_at=timestamp(progress.next_at) if progress.tried else None,
        is_gone=progress.is_gone,
        attempts=progress.attempts[::-1],
    )
