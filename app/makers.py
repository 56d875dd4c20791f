"""What a request is about to change, once it is known that it may: its own things, or with `admin` those of others.

Every route that changes a run, a model or a dataset takes it from here.
"""

from typing import Annotated

from fastapi import Depends, Request

from app.catalog.body import ModelName
from app.datasets.body import DatasetName
from app.deps import ServicesDep
from app.http.access import key_of
from app.train.body import RunId
from core.keys import Asker
from core.refs import check_model_name, check_name
from core.runs import Run


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
    asker.check(f"dataset {name!r}", services.datasets.made_by(name))
    return name


OwnRun = Annotated[Run, Depends(own_run)]
OwnModel = Annotated[str, Depends(own_model)]
OwnDataset = Annotated[str, Depends(own_dataset)]
