"""The engine that answers a route: the one of the reference, if its version is for what the route does."""

from app.deps import Services
from app.engine.engine import Engine
from core.errors import WrongTask
from ganymede.schemas.references import Reference
from ganymede.schemas.tasks import ROUTES, VersionTask


async def engine_for(task: VersionTask, ref: Reference, services: Services, pointer: str = "model") -> Engine:
    """Return the engine that answers to `ref`.

    Raises:
        WrongTask: its version is for another task, and belongs to another route; `pointer` names it.
        What ServedModels.engine raises.
    """
    engine = await services.models.engine(ref)
    found = engine.manifest.task
    if found != task:
        where = f"send this to {ROUTES[found]}" if found in ROUTES else "nothing here serves that"
        if (found, task) == (VersionTask.GENERATION, VersionTask.COMPLETION):
            where += ", or add method=search"
        raise WrongTask.field(pointer, f"{ref} is for {found}, and {ROUTES[task]} is for {task}: {where}")
    return engine
