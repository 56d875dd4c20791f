"""POST /train/validate: what a run would be and what it would take, without there being one. Knows no network."""

import contextlib
from typing import Annotated

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.errors import documented
from app.events.webhooks.asked import subscription
from app.http.hang_up import unless_gone
from app.http.routing import Router
from app.makers import AskerDep
from app.train.place import Place, about_the_place, place_of_training
from app.train.probes import Measurement
from app.train.route import resolve_request
from core.datasets.manifest import DatasetManifest
from core.errors import DatasetNotFound, InvalidRequest
from core.keys import Asker
from core.queue import QueueUnavailable
from core.resolved import ResolvedConfig
from core.runs.measured import Measured
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.validation import (
    ParametersBody,
    PlaceBody,
    RangeBody,
    TimeBody,
    ValidationBody,
    WarningBody,
)
from models.advice import of_the_estimate, of_the_numbers, of_the_patience
from models.device import has_gpu

DATASET_FACTS = ("name", "version", "count", "height", "width", "channels", "class_names")

router = Router(prefix="/train", tags=["train"], writes=KeyScope.TRAIN, needs_files=True)

Estimate = Annotated[bool, Query(description="false: nothing is measured, and the answer comes at once.")]


@router.post("/validate", responses=documented(InvalidRequest))
async def validate_run(
    request: Request, spec: RunSpec, services: ServicesDep, asker: AskerDep, estimate: Estimate = True
) -> ValidationBody:
    """What `POST /train` would make of this body: every number, what it would take, and what to think about.

    Nothing is created; what is wrong is told as `POST /train` tells it. Time and memory are those of a few real steps,
    made beside the API in a process of its own, which takes some seconds; what was measured lately is told at once.
    """
    resolved, dataset = await run_in_threadpool(_resolve, spec, services, asker)
    place = await run_in_threadpool(place_of_training, services)
    generator, discriminator, state = await run_in_threadpool(_sizes, resolved)
    probe = Measurement()
    if estimate:
        probe = await unless_gone(request, services.probes.get(resolved, dataset), "the measurement")
    memory, time = probe.known.memory if probe.known else None, _time(probe.known, resolved)
    warnings = [*of_the_numbers(resolved, dataset), *of_the_estimate(resolved, state, memory, time)]
    warnings += [*of_the_patience(spec.stop.patience, resolved, dataset)]
    warnings += about_the_place(spec, resolved, dataset, place)
    if estimate:
        warnings += await run_in_threadpool(_about_the_place, probe, place, services)
    return ValidationBody(
        recipe=resolved.recipe,
        recipe_reason=resolved.recipe_reason,
        dataset={name: getattr(dataset, name) for name in DATASET_FACTS},
        model=spec.model_name,
        device=place.device,
        config=spec.config.model_dump(mode="json", exclude_unset=True),
        resolved=resolved.to_json(),
        parameters=ParametersBody(generator=generator, discriminator=discriminator),
        memory=memory,
        time=time,
        measured=_place(probe, services.probes.host),
        warnings=warnings,
    )


def _resolve(spec: RunSpec, services: Services, asker: Asker) -> tuple[ResolvedConfig, DatasetManifest]:
    if spec.webhook is not None:
        subscription(spec.webhook, "/webhook", services, asker)
    try:
        dataset = services.datasets.get(spec.dataset).manifest
    except DatasetNotFound as error:
        raise InvalidRequest.field("/dataset", str(error)) from None
    resolved, _ = resolve_request(spec, dataset, services, asker)
    return resolved, dataset


def _time(known: Measured | None, resolved: ResolvedConfig) -> TimeBody | None:
    if known is None or known.step is None:
        return None
    step, steps, images = known.step, resolved.steps, resolved.images_per_step
    beside_s = -(-steps // resolved.sample_every) * known.sample_s
    beside_s += -(-steps // resolved.checkpoint_every) * (known.checkpoint_s or 0.0)
    return TimeBody(
        seconds=steps * step.step_s + beside_s,
        seconds_per_step=step.step_s,
        seconds_range=RangeBody(least=steps * step.least_step_s + beside_s, most=steps * step.most_step_s + beside_s),
        images_per_second=images / step.step_s,
        images_per_second_range=RangeBody(least=images / step.most_step_s, most=images / step.least_step_s),
        steps_measured=step.steps_measured,
        batch_size=step.batch_size,
        core_share=step.core_share,
    )


def _place(probe: Measurement, host: str) -> PlaceBody | None:
    if (known := probe.known) is None:
        return None
    return PlaceBody(host=host, at=probe.at, device=known.device, precision=known.precision, threads=known.threads)


def _sizes(resolved: ResolvedConfig) -> tuple[int, int, int]:
    """Return the parameters of both networks, and the bytes of the state they are trained with."""
    from models.networks import parameter_counts, state_bytes  # and torch, which few requests need

    return *parameter_counts(resolved), state_bytes(resolved)


def _about_the_place(probe: Measurement, place: Place, services: Services) -> list[WarningBody]:
    """Warn if nothing was measured, or workers train elsewhere."""
    warnings, known = [], probe.known
    if known is None or known.step is None:
        is_too_large = known is not None and known.memory.bytes > known.memory.machine_bytes / 2
        why = "it may not fit into memory" if is_too_large else "not in time: the machine may be busy"
        detail = f"no step was measured: {why}"
        warnings.append(WarningBody(code="not_measured", pointer="", detail=detail))
    hosts: set[str] = set()
    with contextlib.suppress(*QueueUnavailable):
        hosts = {worker.host for worker in services.queue.snapshot().workers if worker.is_alive}
    if known and hosts and services.probes.host not in hosts:
        detail = f"measured on {services.probes.host}, but the workers are on {', '.join(sorted(hosts))}"
        warnings.append(WarningBody(code="measured_elsewhere", pointer="", detail=detail))
    elif known and has_gpu(known.device) != has_gpu(place.device):
        detail = f"measured on {known.device}, but the workers train on {place.device}"
        warnings.append(WarningBody(code="measured_elsewhere", pointer="", detail=detail))
    return warnings
