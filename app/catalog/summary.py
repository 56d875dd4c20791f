"""A model in a line, for lists and for the stream of all that happens. Knows no request."""

from app.engine.hot_reload import ServedModels
from ganymede.schemas.models import ModelSummary
from ganymede.schemas.references import ModelRef


def summary(models: ServedModels, name: str) -> ModelSummary | None:
    """List a model's aliases and what its bare name draws from here; None if there is no such model."""
    model, served = models.registry.cached(name), models.served.get(ModelRef(name))
    if model.newest is None:
        return None
    version = served.version if served else None
    return ModelSummary(
        name=name,
        aliases=model.aliases,
        newest_version=model.newest,
        served_version=version if isinstance(version, int) else None,
        task=model.task,
        medium=model.medium,
    )
