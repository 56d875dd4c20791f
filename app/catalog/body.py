"""Models and versions as a client sees them. Knows the registry and what is loaded here, no request."""

import logging
from typing import Annotated

from fastapi import Path

from app.deps import Services
from app.engine.engine import Engine
from app.http.proxy import address
from core.errors import StoreDamaged
from ganymede.schemas.models import EngineFacts, VersionBody

ModelName = Annotated[str, Path(max_length=100, description="Name of a model.", examples=["digits"])]
VersionNumber = Annotated[int, Path(ge=1, lt=10**9, description="Number of a version.", examples=[1])]

log = logging.getLogger(__name__)


def version_body(name: str, version: int, services: Services) -> VersionBody:
    """One version.

    Raises:
        ModelNotFound: there is no such version.
        StoreDamaged: its manifest does not describe one.
    """
    manifest = services.registry.manifest(name, version)
    failure = services.models.failures.get((name, version))
    engine = services.models.cache.get((name, version))
    path = address(f"/models/{name}/versions/{version}")
    try:
        size = sum(facts["bytes"] for facts in manifest["files"].values())
        facts = {key: value for key, value in manifest.items() if key in VersionBody.model_fields}
        links = {
            "self": path,
            "model": address(f"/models/{name}"),
            "generate": address(f"/generate?model={name}@{version}"),
        }
        links |= {part: f"{path}/{part}" for part in ("samples", "weights", "manifest")}
        own = {
            "model": name,
            "version": version,
            "bytes": size,
            "is_loaded": engine is not None,
            "loaded": engine and engine_facts(engine),
            "problem": failure.reason if failure else None,
            "links": links,
        }
        return VersionBody(**{**facts, **own})
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # JSON, but none of ours
        log.warning("the manifest of %s@%d cannot be used: %s", name, version, error)
        raise StoreDamaged(f"the manifest.json of {name}@{version} does not describe a model") from None


def engine_facts(engine: Engine) -> EngineFacts:
    """How an engine draws."""
    return EngineFacts(**engine.described())
