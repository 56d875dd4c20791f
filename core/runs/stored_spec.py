"""spec.json of a run: what was asked for, what that resolved to, on which dataset. Written once. Knows no folder."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from core.datasets.manifest import DatasetManifest
from core.errors import StoreDamaged
from core.network.webhooks.subscription import Subscription
from core.resolved import ResolvedConfig
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.runs import InitBody
from ganymede.schemas.specs import LimitSpec, PublishSpec, RunSpec, StopSpec, WebhookSpec


class StoredSpec(BaseModel):
    """The record. Of another build `request` and `resolved_as_stored` may have other options: they are told unread."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    request: dict[str, Any]
    resolved_as_stored: dict[str, Any] = Field(alias="resolved")
    stop: StopSpec
    limits: LimitSpec = LimitSpec()
    publish: PublishSpec
    model: str
    dataset: Annotated[DatasetManifest, PlainSerializer(DatasetManifest.to_json)]
    init: InitBody | None = None
    made_by: KeyRef | None = Field(None, exclude_if=lambda key: key is None)
    webhook: Subscription | None = Field(None, exclude_if=lambda webhook: webhook is None)

    @classmethod
    def of(
        cls,
        request: RunSpec,
        resolved: ResolvedConfig,
        dataset: DatasetManifest,
        init: InitBody | None,
        made_by: KeyRef | None = None,
        webhook: Subscription | None = None,
    ) -> "StoredSpec":
        """That of a new run."""
        return cls(
            request=request.model_dump(mode="json", exclude_unset=True),
            resolved=resolved.to_json(),
            stop=request.stop,
            limits=request.limits,
            publish=request.publish,
            model=request.model_name,
            dataset=dataset,
            init=init,
            made_by=made_by,
            webhook=webhook,
        )

    @model_validator(mode="before")
    @classmethod
    def _describes_a_run(cls, stored: object) -> object:
        match stored:
            case {"request": {"dataset": str()} as request, "resolved": {"steps": int()} as resolved, **rest}:
                parts = (request.get(name, {}) for name in ("config", "stop", "publish"))
                is_whole = all(isinstance(part, dict) for part in parts)
                if is_whole and isinstance(resolved.get("recipe", request.get("recipe")), str):
                    # a run of an earlier build has no `stop`, and keeps what was the default then: nothing is done
                    stop = rest.get("stop") or {"action": "alert", **request.get("stop", {})}
                    usual = {"final": resolved.get("publish_final", "last"), "keep": resolved.get("publish_keep", 5)}
                    publish = rest.get("publish") or {**usual, **request.get("publish", {})}
                    return {**rest, "request": request, "resolved": resolved, "stop": stop, "publish": publish}
        raise ValueError("it does not describe a run")

    @cached_property
    def resolved(self) -> ResolvedConfig:
        """What the run is trained by; StoreDamaged names what this build needs, and it lacks."""
        try:
            return ResolvedConfig.model_validate(self.resolved_as_stored)
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            raise StoreDamaged(f"spec.json does not say all that a run is trained by: {fields}") from None

    @property
    def recipe(self) -> str:
        """Never "auto": what the request left open is settled. A run of an early build has it in the request alone."""
        return str(self.resolved_as_stored.get("recipe", self.request.get("recipe")))

    @property
    def recipe_reason(self) -> str | None:
        return self.resolved_as_stored.get("recipe_reason")

    @property
    def models(self) -> tuple[str, ...]:
        """The names that it publishes under."""
        return (self.model,) if self.publish.classifier is None else (self.model, self.publish.classifier)

    @property
    def asked_for(self) -> str:
        """The name of the dataset, as it was asked for."""
        return str(self.request["dataset"])

    @property
    def webhook_spec(self) -> WebhookSpec | None:
        """Where its events are sent, as it was asked for."""
        told = self.webhook
        if told is None:
            return None
        return WebhookSpec.model_construct(None, **told.model_dump(include={"url", "secret", "events"}))

    @property
    def options(self) -> dict[str, Any]:
        """The options that were asked for, without those that were left out."""
        return dict(self.request.get("config", {}))
