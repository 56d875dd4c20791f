"""POST /complete with `method=search`: drafts by a generator that learnt to draw, not to complete. Knows no network.

A search asks the engine for many short things, which are queued and refused as any other: pictures of seeds, and slices
of the descent (models/search.py). It holds nothing between them, so it ends at once where the client hangs up.

Shape suffixes: N images, H height, W width, C channels, A channels, and whether a pixel is known.
"""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from app.deps import Services
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.errors import problem
from app.events.streams import EVENT_STREAM, STREAM_HEADERS
from app.events.streams import encode as event
from app.generate.formats import OTHER_S, encode, work_of
from app.generate.parameters import CompleteQuery
from app.generate.quota import counted
from app.generate.route import answer_of, caching_of, headers_of
from app.generate.sampling import MEDIA_TYPES, check
from app.generate.search_turn import Turn
from app.generate.sent_picture import CompletionParams, with_picture
from app.http.conditional import is_known
from app.http.fast_route import RawResponse
from app.http.hang_up import unless_gone
from app.http.negotiation import preferred
from app.http.proxy import address
from core.errors import GanymedeError, GenerationTimeout, InvalidRequest, NotReady, WrongTask
from core.media.images import Images
from ganymede.schemas.drawings import SearchProgress
from ganymede.schemas.references import Reference
from ganymede.schemas.tasks import Medium, VersionTask
from models.context import Descent, candidates, distances, with_known
from models.noise import Latents, default_labels, draw_noise

STEPS = 200
MAX_DRAFTS = 8
TRIED_AT_ONCE = 64  # candidates of one request to the engine
FORMS = dict[str, str](MEDIA_TYPES.items()) | {"stream": EVENT_STREAM}

T = TypeVar("T")


class Search:
    """The search for the drafts of one request, one after the other; `labels`: those that were asked for."""

    def __init__(
        self, params: CompletionParams, labels: list[int] | None, engine: Engine, turn: Turn, services: Services
    ) -> None:
        assert params.steps is not None
        self.params, self.labels, self.engine, self.services, self.turn = params, labels, engine, services, turn
        self.steps = params.steps
        self.found: list[Descent] = []

    async def progress(self) -> AsyncGenerator[SearchProgress, None]:
        """Yield how far it is; `found` has the drafts then.

        Raises:
            GenerationTimeout: its turn is over.
            NotReady: the service is shutting down.
            Overloaded: the engine has too much to do.
        """
        for place, seed in enumerate(self.params.seeds):
            now = await self._best(place, seed)
            yield self._told(place, now)
            while now.step < self.steps:
                now = await self._within(self.engine.runner.refine(now, self.params.picture_HWA, self.steps))
                yield self._told(place, now)
            self.found.append(now)

    async def content(self) -> bytes:
        """Draw the drafts that were found, with the known pixels as they were, as one file."""
        labels = [draft.label for draft in self.found if draft.label is not None] or None
        params = replace(self.params, labels=labels)
        rows = Rows.of(Latents((), 1.0, np.concatenate([draft.noise for draft in self.found])), labels)
        write = functools.partial(_completed, params=params, engine=self.engine)
        drawing = self.services.batcher.draw(self.engine, rows, write, work_of(params, self.engine))
        return (await self._within(drawing)).content

    async def whole(self) -> bytes:
        async for _ in self.progress():
            pass
        return await self.content()

    async def _best(self, place: int, seed: int) -> Descent:
        """Return the candidate whose known pixels are nearest."""
        seeds = candidates(seed)
        labels = self._labels(place, seeds)
        compare = functools.partial(distances, picture_HWA=self.params.picture_HWA)
        work_s = TRIED_AT_ONCE * self.engine.image_bytes * OTHER_S
        found = []
        for start in range(0, len(seeds), TRIED_AT_ONCE):
            part = slice(start, start + TRIED_AT_ONCE)
            rows = Rows.of(Latents(seeds[part]), labels and labels[part])
            found.append((await self._within(self.services.batcher.draw(self.engine, rows, compare, work_s))).content)
        far = np.concatenate(found)
        best = int(far[:, 0].argmin())
        noise = draw_noise([seeds[best]], self.engine.latent_dim)
        return Descent.begin(noise, None if labels is None else labels[best], float(far[best, 1]))

    def _labels(self, place: int, seeds: list[int]) -> list[int] | None:
        """Return the class of each candidate: the one that was asked for, or all in turn."""
        if not self.engine.labels:
            return None
        if self.labels is not None:
            return [self.labels[place]] * len(seeds)
        return default_labels(seeds, len(self.engine.labels), self.engine.default_labels)

    async def _within(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of some work, if it is there while this search has its turn."""
        if self.services.draining.is_set():
            work.close()
            raise NotReady("the service is shutting down")
        try:
            async with asyncio.timeout(max(0.0, self.turn.ends_by - time.monotonic())):
                return await work
        except TimeoutError:
            limit_s = self.turn.ends_by - self.turn.began_at
            raise GenerationTimeout(
                f"not found within {limit_s:g} s; {self.turn.done:.0%} was done: ask for fewer drafts or steps"
            ) from None

    def _told(self, place: int, now: Descent) -> SearchProgress:
        drafts = len(self.params.seeds)
        self.turn.done = (place + (now.step + 1) / (self.steps + 1)) / drafts
        return SearchProgress(
            draft=place, drafts=drafts, step=now.step, steps=self.steps, distance=now.distance, label=now.label
        )


def _completed(drawn_NHWC: Images, params: CompletionParams, engine: Engine) -> bytes:
    return encode(with_known(drawn_NHWC, params.picture_HWA), params, engine)


async def complete_by_search(
    query: CompleteQuery, ref: Reference, request: Request, services: Services, known: str | None
) -> Response:
    engine = await services.models.engine(ref)
    if engine.manifest.task != VersionTask.GENERATION:
        raise WrongTask.field("method", f"{ref} is for {engine.manifest.task}, and no model that draws: leave it out")
    if engine.manifest.medium != Medium.IMAGE:
        raise WrongTask.field("model", f"{ref} makes {engine.manifest.medium}, and only pictures can be completed")
    is_stream = _is_stream(query, request)
    accept = MEDIA_TYPES["json"] if is_stream else request.headers.get("accept", "")
    asked = check(query, engine, accept, min(services.settings.max_images, MAX_DRAFTS))
    steps = STEPS if query.steps is None else query.steps
    params = await with_picture(asked, engine, request, services, steps)
    etag, labels = params.etag(engine), params.labels if query.label else None
    headers = headers_of(engine, etag, caching_of(params, ref), params.seeds, labels)
    if not params.is_random and not is_stream and is_known(known, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, headers)
    content, began = services.response_cache.find(etag), time.perf_counter()
    if is_stream and content is not None:
        return StreamingResponse(iter((_done(content),)), headers=STREAM_HEADERS, media_type=EVENT_STREAM)
    with contextlib.ExitStack() as held:
        if content is None:
            services.batcher.check_room()
            held.enter_context(counted(len(params.latents), request, services))
            search = Search(params, labels, engine, held.enter_context(services.searches.taken()), services)
            if is_stream:
                events = _events(search, etag, held.pop_all(), request)
                return StreamingResponse(events, headers=STREAM_HEADERS, media_type=EVENT_STREAM)
            content = await unless_gone(request, search.whole(), "its search")
            services.response_cache.keep(etag, content)
    timing = f"search;dur={(time.perf_counter() - began) * 1000:.2f}"
    return answer_of(content, timing, MEDIA_TYPES[params.form], headers)


def _is_stream(query: CompleteQuery, request: Request) -> bool:
    """Return whether events are asked for; InvalidRequest names what does not go with a search."""
    if query.truncation != 1:
        raise InvalidRequest.field("truncation", "a search finds its noise: leave it out")
    if preferred(request.headers.get("accept", ""), FORMS) != "stream":
        return False
    if query.format not in (None, "json"):
        raise InvalidRequest.field("format", f"events end with json; leave it out, got {query.format}")
    return True


async def _events(search: Search, etag: str, held: contextlib.ExitStack, request: Request) -> AsyncIterator[bytes]:
    """Yield `progress` again and again, then `done` with the drafts, or `failed` with what a refusal would say."""
    try:
        with held:
            async with aclosing(search.progress()) as progress:
                async for now in progress:
                    yield event("progress", now.model_dump())
            content = await search.content()
            search.services.response_cache.keep(etag, content)
            yield _done(content)
    except GanymedeError as error:
        told = problem(error, address(request.scope["path"]), request.scope["state"]["request_id"])
        yield event("failed", json.loads(bytes(told.body)))


def _done(content: bytes) -> bytes:
    return b"event: done\ndata: " + content + b"\n\n"
