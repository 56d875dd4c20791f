"""/train/{id}/metrics, /samples and /log: what a run leaves behind. Knows the answers' forms, not the files'."""

import csv
import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from app.deps import ServicesDep
from app.errors import documented
from app.http.conditional import IMMUTABLE, IfNoneMatch, is_known
from app.http.negotiation import preferred
from app.http.proxy import address
from app.http.routing import Router
from app.train.body import RunId, Step
from core.errors import InvalidRequest, NotAcceptable, RunNotFound, SampleNotFound
from core.machine.clock import timestamp
from core.runs import Run, metrics, samples, tail
from ganymede.schemas import VERSION
from ganymede.schemas.bodies import Page, StrictModel
from ganymede.schemas.references import parse_branch_step
from ganymede.schemas.runs import AttemptMark, BranchMark, Downsampled, MetricsBody, SampleBody

router = Router(prefix="/train", tags=["train"], needs_files=True)

X = Literal["step", "images_seen", "time"]
Form = Literal["json", "csv"]
MEDIA_TYPES: dict[Form, str] = {"json": "application/json", "csv": "text/csv"}
MARK_OF: dict[X, str] = {"step": "step", "images_seen": "images_seen", "time": "at"}
POINTS = 1000  # of a JSON answer that names no max_points
CSV_ROWS = 1000  # sent at once
KNOWN = {"description": "What you have is what you would get."}


class MetricsQuery(StrictModel):
    """The query parameters of `GET /train/{run_id}/metrics`."""

    x: X = Field("step", description="What the points are laid out along.")
    max_points: int | None = Field(
        None, ge=10, le=100_000, description="At most so many points. Default: 1000; of CSV: all there are."
    )
    columns: list[str] = Field(
        default_factory=list,
        max_length=metrics.MAX_COLUMNS,
        description="Metrics, comma-separated or repeated. Default: all.",
    )
    after_step: int | None = Field(None, ge=0, lt=metrics.LARGEST_STEP, description="Only points beyond this step.")
    branch: int | None = Field(
        None, ge=0, lt=metrics.LARGEST_STEP, description="All points of this branch. Default: of each step the newest."
    )
    format: Form | None = Field(None, description="Default: by Accept, or json.")


@router.get(
    "/{run_id}/metrics",
    response_class=Response,
    responses={
        200: {"model": MetricsBody, "content": {"application/json": {}, "text/csv": {}}, "description": "The history."},
        304: KNOWN,
        **documented(RunNotFound, NotAcceptable, InvalidRequest),
    },
)
def read_metrics(
    run_id: RunId,
    query: Annotated[MetricsQuery, Query()],
    request: Request,
    services: ServicesDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The metric history in columns, thinned such that spikes stay visible; as JSON or CSV."""
    run = services.runs.get(run_id)
    form = query.format or preferred(request.headers.get("accept", ""), MEDIA_TYPES)
    headers = {"ETag": _metrics_etag(run, query, form), "Cache-Control": "no-cache", "Vary": "Accept"}
    if is_known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    history = services.histories.read(run.metrics_file)
    if not len(history):
        run.must_exist()
    names = _chosen(query.columns, history)
    rows = metrics.ordered(history, MARK_OF[query.x], query.after_step, query.branch)
    columns = [history.columns[name][rows] for name in (MARK_OF[query.x], *names)]
    limit = query.max_points or (POINTS if form == "json" else len(rows))
    kept = metrics.thinned(np.array(columns[1:] or columns), max(limit, 1))
    columns = [column[kept] for column in columns]
    if form == "csv":
        lines = _csv([query.x, *names], columns, has_whole_x=query.x != "time")
        return StreamingResponse(lines, headers=headers, media_type="text/csv")
    body = MetricsBody(
        x=query.x,
        columns=names,
        data=[_nullable(column) for column in columns],
        attempts=[AttemptMark(attempt=attempt, first_step=step) for attempt, step in metrics.attempts(history)],
        branches=[BranchMark(**asdict(span)) for span in metrics.branches(history)],
        downsampled=None if len(kept) == len(rows) else Downsampled(points=len(rows), kept=len(kept)),
    )
    return Response(body.model_dump_json(), headers=headers, media_type="application/json")


def _metrics_etag(run: Run, query: MetricsQuery, form: Form) -> str:
    """Return a weak ETag of the file's size and time, and the query."""
    try:
        facts = run.metrics_file.stat()
        state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    except FileNotFoundError:
        state = (0, 0, 0)
    identity = repr((VERSION, run.id, state, form, query.model_dump()))
    return f'W/"{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'


def _chosen(asked: list[str], history: metrics.History) -> list[str]:
    """Return the columns to send. Before the first point nobody knows the columns: then there are none."""
    names = list(dict.fromkeys(name for part in asked for name in part.split(",") if name))
    unknown = [name for name in names if name not in history.names]
    if unknown and len(history):
        known = ", ".join(history.names) or "none"
        raise InvalidRequest.field("columns", f"there is no metric {unknown[0][:80]!r}; this run reports: {known}")
    return [name for name in names or history.names if name in history.names]


def _nullable(column: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]


def _csv(names: list[str], columns: list[npt.NDArray[np.float64]], *, has_whole_x: bool) -> Iterator[str]:
    """Yield RFC 4180: a header row, CRLF, an empty cell for a missing value."""
    xs = columns[0].astype(np.int64).tolist() if has_whole_x else columns[0].tolist()
    rows: Iterator[tuple[Any, ...]] = zip(xs, *map(_nullable, columns[1:]), strict=True)
    yield _csv_lines([tuple(names)])
    while some := list(islice(rows, CSV_ROWS)):
        yield _csv_lines(some)


def _csv_lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


class SamplesQuery(StrictModel):
    """The query parameters of `GET /train/{run_id}/samples`."""

    limit: int = Field(200, ge=1, le=500, description="Grids a page.")
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of the page before.")


@router.get("/{run_id}/samples", responses=documented(RunNotFound, InvalidRequest))
def list_samples(run_id: RunId, query: Annotated[SamplesQuery, Query()], services: ServicesDep) -> Page[SampleBody]:
    """All grids of a run, oldest first."""
    run = services.runs.get(run_id)
    begin = parse_branch_step(query.cursor) if query.cursor is not None else None
    if query.cursor is not None and begin is None:
        raise InvalidRequest.field("cursor", "not a cursor of this list")
    grids = samples.list_grids(run.samples)
    if begin is not None:
        grids = [grid for grid in grids if (grid.branch, grid.step) > (begin.branch, begin.step)]
    page = grids[: query.limit]
    data = [SampleBody(**asdict(grid), url=_sample_url(run, grid), at=timestamp(grid.written_at)) for grid in page]
    return Page(data=data, next_cursor=str(page[-1]) if len(grids) > len(page) else None)


@router.get(
    "/{run_id}/samples/{step}",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {}}, "description": "The grid."},
        304: KNOWN,
        **documented(RunNotFound, SampleNotFound, InvalidRequest),
    },
)
def read_sample(run_id: RunId, step: Step, services: ServicesDep, if_none_match: IfNoneMatch = None) -> Response:
    """One grid of samples. BRANCH-STEP names the same one for ever; a step alone is that of the newest branch."""
    run = services.runs.get(run_id)
    grid = samples.find(samples.list_grids(run.samples), step)
    try:
        content = (run.samples / f"{grid}.webp").read_bytes()
    except FileNotFoundError:  # dropped meanwhile, or the run with it
        run.must_exist()
        raise SampleNotFound(f"the samples {grid} are no longer kept") from None
    return answer_of_step(content, "image/webp", step, _sample_url(run, grid), if_none_match)


def answer_of_step(
    content: bytes, media_type: str, step: str, url: str, if_none_match: str | None, **more: str
) -> Response:
    """Send what is kept of a step, or 304; under BRANCH-STEP it never changes. `url`: its address under that name."""
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Cache-Control": IMMUTABLE if parse_branch_step(step) else "no-cache",
        "Content-Location": url,
        **more,
    }
    if is_known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _sample_url(run: Run, grid: samples.Grid) -> str:
    return address(f"/train/{run.id}/samples/{grid}")


class LogQuery(StrictModel):
    """The query parameters of `GET /train/{run_id}/log`."""

    tail: int | None = Field(None, ge=1, le=100_000, description="The last so many lines. Default: 1000.")
    after: int | None = Field(
        None, ge=0, lt=2**53, description="Instead of `tail`: what came after this offset in bytes; see `Next-Offset`."
    )


@router.get(
    "/{run_id}/log",
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {}},
            "description": "A part of the log.",
            "headers": {"Next-Offset": {"description": "Where the next part begins.", "schema": {"type": "integer"}}},
        },
        **documented(RunNotFound, InvalidRequest),
    },
)
def read_log(run_id: RunId, query: Annotated[LogQuery, Query()], services: ServicesDep) -> Response:
    """The end of a run's log, or what was added to it since an offset. Empty before there is one."""
    if query.tail is not None and query.after is not None:
        raise InvalidRequest.field("after", "give `tail` or `after`, not both")
    run = services.runs.get(run_id)
    try:
        if query.after is None:
            part = tail.last_lines(run.log_file, query.tail or 1000)
        else:
            part = tail.after(run.log_file, query.after)
    except FileNotFoundError:
        run.must_exist()
        part = tail.LogChunk("", 0)
    headers = {"Next-Offset": str(part.next_offset), "Cache-Control": "no-store"}
    return Response(part.text, headers=headers, media_type="text/plain")
