"""What GET /train is asked for, and which runs fit. Reads no more of a run than the question needs."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field, model_validator

from app.train.body import RunFiles
from core.errors import InvalidRequest, RunNotFound, StoreDamaged
from core.refs import check_name
from core.runs import Run, RunStore, is_run_id
from core.runs.index import RunFacts
from ganymede.schemas.bodies import StrictModel
from ganymede.schemas.specs import MAX_TAGS, TAG_KEY, Name
from ganymede.schemas.states import Status

TAG, TAG_OF = "tag", "tag."  # tag=team=a, which every client can send, or tag.team=a
Tag = Annotated[str, Field(pattern=rf"^{TAG_KEY}=", max_length=300, examples=["team=a"])]


Values = str | list[str]  # of a parameter


class ListQuery(StrictModel):
    """The query parameters of `GET /train`, of which `tag.K` is not told: a parameter needs a fixed name."""

    status: list[Status] = Field([], description="Only runs in this status; repeat it for one of several.")
    dataset: Name | None = Field(None, description="Only runs that train on this dataset.")
    recipe: str | None = Field(None, min_length=1, max_length=64, description="Only runs of this recipe.")
    model: Name | None = Field(None, description="Only runs that publish under this name.")
    tag: list[Tag] = Field(
        [], max_length=MAX_TAGS, description="K=V: only runs whose tag K has the value V; repeat it for several tags."
    )
    limit: int = Field(50, ge=1, le=200, description="Runs a page.")
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of the page before.")

    @model_validator(mode="before")
    @classmethod
    def _without_tags(cls, parameters: dict[str, Values]) -> dict[str, Values]:
        """Remove the parameters that wanted_tags() reads, or they would be unknown."""
        return {name: value for name, value in parameters.items() if not name.startswith(TAG_OF)}


def wanted_tags(request: Request) -> dict[str, str]:
    """Return the values of the parameters `tag.K` and `tag`, by K."""
    wanted: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        key = name.removeprefix(TAG_OF)
        if name == TAG:
            key, _, value = value.partition("=")
        elif key == name:
            continue
        key = check_name(key, name[:100])
        if wanted.setdefault(key, value) != value:
            raise InvalidRequest.field(name, "a run has one value for a tag; give it once")
    return wanted


WantedTags = Annotated[dict[str, str], Depends(wanted_tags)]


def fitting(runs: RunStore, query: ListQuery, tags: dict[str, str]) -> Iterator[RunFiles]:
    """Yield the requested runs, newest first; deleted and damaged ones are skipped."""
    if query.cursor is not None and not is_run_id(query.cursor):
        raise InvalidRequest.field("cursor", "not a cursor of this list")
    entries = runs.index.entries() if query.status else {}
    for run_id in runs.index.ids():
        if query.cursor is not None and run_id >= query.cursor:
            continue
        if query.status and run_id in entries and entries[run_id].status not in query.status:
            continue
        with contextlib.suppress(RunNotFound, StoreDamaged):
            files = _read_if_fitting(runs, Run(runs.store, run_id), query, tags)
            if files is not None:
                yield files


def _read_if_fitting(runs: RunStore, run: Run, query: ListQuery, tags: dict[str, str]) -> RunFiles | None:
    state = run.state() if query.status else None
    if state is not None and state.status not in query.status:
        return None
    if query.dataset or query.recipe or query.model:
        facts = runs.index.facts(run.id, lambda: RunFacts.of(run.spec()))
        if query.dataset not in (None, facts.dataset) or query.recipe not in (None, facts.recipe):
            return None
        if query.model is not None and query.model not in facts.models:
            return None
    spec = run.spec()
    notes = run.notes(spec)
    if not tags.items() <= notes.tags.items():
        return None
    return RunFiles(run, spec, state or run.state(), notes, run.execution())
