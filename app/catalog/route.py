"""/models: what can be drawn from. Knows the registry, and what is loaded here."""

import contextlib
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.deps import Services, ServicesDep
from core.answers import Page
from core.answers.models import ModelBody, ModelSummary, VersionBody
from core.errors import ModelNotFound, StoreDamaged
from core.refs import ModelRef, check_model_name

router = APIRouter(prefix="/models", tags=["models"])

log = logging.getLogger(__name__)


@router.get("")
def list_models(services: ServicesDep) -> Page[ModelSummary]:
    """All models by name."""
    return Page(data=[_summary(name, services) for name in services.registry.names()], next_cursor=None)


@router.get("/{model}", responses={404: {"description": "`model_not_found`"}})
def read_model(model: Annotated[str, Path(max_length=100)], services: ServicesDep) -> ModelBody:
    """One model: aliases, versions, what is loaded here, what cannot be."""
    name = check_model_name(model, "model")
    numbers = services.registry.versions(name)
    if not numbers:
        raise ModelNotFound(f"there is no model {name!r}")
    loaded = set(services.models.loaded(name))
    versions, damaged = [], {}
    for number in reversed(numbers):
        failure = services.models.failures.get((name, number))
        try:
            manifest = services.registry.manifest(name, number)
            versions.append(_version(name, number, manifest, number in loaded, failure.reason if failure else None))
        except ModelNotFound:
            continue  # pruned while we looked
        except StoreDamaged as error:
            damaged[number] = str(error)
        except (KeyError, TypeError, AttributeError, ValueError) as error:  # JSON, but none of ours
            log.warning("the manifest of %s@%d cannot be used: %s", name, number, error)
            damaged[number] = "its manifest.json does not describe a model"
    return ModelBody(**_summary(name, services).model_dump(), versions=versions, damaged_versions=damaged)


def _summary(name: str, services: Services) -> ModelSummary:
    aliases: dict[str, int] = {}
    with contextlib.suppress(StoreDamaged):
        aliases = services.registry.pointers(name)["aliases"]
    served = services.models.served.get(ModelRef(name))
    return ModelSummary(
        name=name,
        aliases=aliases,
        newest_version=services.registry.versions(name)[-1],
        served_version=served.version if served else None,
    )


def _version(name: str, number: int, manifest: dict[str, Any], is_loaded: bool, problem: str | None) -> VersionBody:
    size = sum(facts["bytes"] for facts in manifest["files"].values())
    facts = {key: value for key, value in manifest.items() if key in VersionBody.model_fields}
    links = {"self": f"/models/{name}/versions/{number}"}
    return VersionBody(**facts, version=number, bytes=size, is_loaded=is_loaded, problem=problem, links=links)
