"""Models and versions as a client sees them. Knows the registry and what is loaded here, no request."""

from typing import Annotated

from fastapi import Path

from app.deps import Services
from app.http.proxy import address
from ganymede.schemas.models import VersionBody
from ganymede.schemas.tasks import ROUTES

ModelName = Annotated[str, Path(max_length=100, description="Name of a model.", examples=["digits"])]
VersionNumber = Annotated[int, Path(ge=1, lt=10**9, description="Number of a version.", examples=[1])]


def version_body(name: str, version: int, services: Services) -> VersionBody:
    """Describe one version; ModelNotFound if there is none, StoreDamaged if its manifest cannot be used."""
    manifest = services.registry.manifest(name, version)
    failure = services.models.failures.get((name, version))
    engine = services.models.cache.get((name, version))
    path = address(f"/models/{name}/versions/{version}")
    links = {
        "self": path,
        "model": address(f"/models/{name}"),
    }
    route = ROUTES.get(manifest.task)
    links |= {route.strip("/"): address(f"{route}?model={name}@{version}")} if route else {}
    links |= {part: f"{path}/{part}" for part in ("samples", "weights", "manifest")}
    return VersionBody(
        model=name,
        version=version,
        step=manifest.step,
        run=manifest.run,
        recipe=manifest.recipe,
        task=manifest.task,
        medium=manifest.medium,
        audio=manifest.audio,
        dataset=manifest.dataset.model_dump(),
        labels=manifest.labels,
        default_labels=manifest.default_labels,
        image_size=manifest.image_size,
        channels=manifest.channels,
        latent_dim=manifest.latent_dim,
        metrics=manifest.metrics,
        confusion=manifest.confusion,
        init=manifest.init and manifest.init.model_dump(),
        digest=manifest.digest,
        bytes=sum(facts.bytes for facts in manifest.files.values()),
        made_by=manifest.made_by,
        created_at=manifest.created_at,
        is_loaded=engine is not None,
        loaded=engine and engine.described(),
        problem=failure.reason if failure else None,
        links=links,
    )
