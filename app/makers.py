"""What a request is about to change, once it is known that it may: its own things, or with `admin` those of others.

Every route that changes a run, a model or a dataset takes it from here.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import Depends, Request

from app.catalog.body import ModelName
from app.datasets.body import DatasetName
from app.deps import Services, ServicesDep
from app.http.access import key_of
from app.train.body import RunId
from core.errors import GanymedeError
from core.keys import Asker
from core.keys.errors import ScopeMissing
from core.refs import check_model_name, check_name
from core.runs import Run
from core.runs.index import RunFacts
from ganymede.schemas.keys import KeyScope

NAMES_LOCK = "models/.names.lock"


async def asker_of(request: Request) -> Asker:
    """Return who asks, by the key that was shown."""
    return Asker.of(key_of(request.scope))


AskerDep = Annotated[Asker, Depends(asker_of)]


def own_run(run_id: RunId, asker: AskerDep, services: ServicesDep) -> Run:
    run = services.runs.get(run_id)
    asker.check(f"run {run_id}", run.spec().made_by)
    return run


def own_model(model: ModelName, asker: AskerDep, services: ServicesDep) -> str:
    """Return the name; that of no model yet is everyone's."""
    name = check_model_name(model, "model")
    asker.check(f"model {name!r}", services.registry.made_by(name))
    return name


def own_dataset(dataset: DatasetName, asker: AskerDep, services: ServicesDep) -> str:
    name = check_name(dataset, "dataset")
    services.datasets.check_maker(name, asker)
    return name


def check_model(name: str, asker: Asker, services: Services, run: str | None = None) -> None:
    """Raise ScopeMissing where a model is another key's, or will be: a run that has not ended holds a new name.

    `run`: one that holds no name against itself.
    """
    asker.check(f"model {name!r}", services.registry.made_by(name))
    if asker.is_admin or services.registry.versions(name):
        return
    for run_id, entry in sorted(services.runs.index.entries().items()):
        if run_id == run or entry.status is None or entry.status.is_terminal:
            continue
        facts = facts_of(run_id, services)
        if facts and name in facts.models and facts.made_by and not asker.may_change(facts.made_by):
            holder = f"{run_id} of another key, {facts.made_by.name} ({facts.made_by.id})"
            told = f"the name {name!r} of a model is held until it ends by {holder}: take another name; else"
            raise ScopeMissing(f"{told} {KeyScope.ADMIN} is needed", KeyScope.ADMIN)


def facts_of(run_id: str, services: Services) -> RunFacts | None:
    """Return what never changes about a run; None if it cannot be told."""
    with contextlib.suppress(GanymedeError):  # damaged, or deleted while we looked
        return services.runs.index.facts(run_id, lambda: RunFacts.of(Run(services.store, run_id).spec()))
    return None


@contextlib.contextmanager
def held_models(names: Sequence[str], asker: Asker, services: Services, run: str | None = None) -> Iterator[None]:
    """Check as check_model does, and let nobody else take one of the names within the block."""
    with services.store.locked(NAMES_LOCK):
        for name in names:
            check_model(name, asker, services, run)
        yield


OwnRun = Annotated[Run, Depends(own_run)]
OwnModel = Annotated[str, Depends(own_model)]
OwnDataset = Annotated[str, Depends(own_dataset)]
