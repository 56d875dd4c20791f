"""Examples in the OpenAPI document, by schema and name; a test holds each to its schema. Knows no route."""

from typing import TypedDict

from core.errors import GanymedeError, IllegalTransition, InvalidRequest
from core.keys.errors import ScopeMissing
from ganymede.schemas.problems import FieldProblemBody, Problem
from ganymede.schemas.runs import RUN_ID


class BodyExample(TypedDict, total=False):
    """A body as JSON, and what it shows."""

    summary: str
    value: object


REQUEST_ID = "3f2a9c1d5e7b8a60"
DIGEST = "sha256:6399af1e41c983e4f9ff4882bbb259792a7cc914d3b2e6ccad5a1d36a30674de"
CONFIG = {"steps": 2000, "batch_size": 128, "generator_lr": 0.0001}
METRICS = {"g_loss": 0.94, "d_loss": 1.27, "images_per_second": 512.0}

RUN_BODY: object = {
    "id": RUN_ID,
    "name": "a short one",
    "tags": {"team": "a"},
    "notes": None,
    "recipe": "cgan",
    "dataset": "mnist-10k",
    "model": "mine",
    "status": "running",
    "is_terminal": False,
    "phase": "training",
    "attempt": 1,
    "queue": {"position": None},
    "config": CONFIG,
    "resolved": {**CONFIG, "seed": 3, "precision": "float32"},
    "execution": {"device": "cpu", "precision": "float32", "threads": 2},
    "progress": {"step": 500, "total": 2000, "fraction": 0.25, "images_seen": 64000, "images_per_second": 512.0},
    "eta_at": "2026-03-01T12:06:15Z",
    "latest": {
        "metrics": METRICS,
        "evaluation_step": 500,
        "sample_step": 500,
        "sample_url": f"/train/{RUN_ID}/samples/500",
        "checkpoint_step": 500,
    },
    "diagnosis": {
        "verdict": "healthy",
        "summary": "both networks learn: the discriminator is right on 64 % of real and 71 % of drawn pictures",
        "numbers": {"d_real_accuracy": 0.64, "d_fake_accuracy": 0.71},
        "advice": [],
        "branch": 0,
        "step": 500,
        "since_step": 200,
        "action": None,
    },
    "stop": {"action": "pause", "on": ["mode_collapse", "exploding"]},
    "failure": None,
    "published": [{"model": "mine", "version": 1, "step": 500, "at": "2026-03-01T12:00:00.000Z"}],
    "created_at": "2026-03-01T11:57:50.000Z",
    "started_at": "2026-03-01T11:57:52.000Z",
    "finished_at": None,
    "last_heartbeat_at": "2026-03-01T12:00:01.000Z",
    "links": {"self": f"/train/{RUN_ID}", "cancel": f"/train/{RUN_ID}/cancel", "model": "/models/mine"},
}
VERSION_BODY = {
    "model": "mine",
    "version": 1,
    "step": 500,
    "run": RUN_ID,
    "recipe": "cgan",
    "dataset": {"name": "mnist-10k", "version": "1", "digest": DIGEST},
    "labels": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "image_size": 28,
    "channels": 1,
    "latent_dim": 100,
    "metrics": METRICS,
    "digest": DIGEST,
    "bytes": 5_400_000,
    "created_at": "2026-03-01T12:00:00.000Z",
    "is_loaded": True,
    "problem": None,
    "links": {"self": "/models/mine/versions/1"},
}

DRAWN = {"model": "digits", "version": 1, "digest": DIGEST}
FORM = {"truncation": 1.0, "scale": 1}
DRAWING_RECIPE = {**DRAWN, "seed": 42, "label": 7, "z": None, **FORM}
SEVEN = {"seed": 42, "label": 7, "label_name": "7"}
FACTS = {**DRAWN, **FORM, "height": 28, "width": 28, "channels": 1}

EXAMPLES: dict[str, dict[str, BodyExample]] = {
    "GenerateBody": {
        "one": {"summary": "One seven", "value": {"seed": 42, "label": 7}},
        "many": {
            "summary": "Ten digits as an array, from a version that stays",
            "value": {"model": "digits@1", "seed": 0, "n": 10, "label": list(range(10)), "format": "npy"},
        },
        "chosen": {
            "summary": "A large contact sheet of chosen seeds that tells how it was drawn",
            "value": {"seeds": "0,1,4-6", "truncation": 0.7, "scale": 4, "metadata": True},
        },
    },
    "DrawnImages": {"one": {"summary": "One seven", "value": {**FACTS, "images": [{**SEVEN, "png": "iVBORw0KGgo="}]}}},
    "InspectionBody": {
        "verified": {
            "summary": "A seven that was drawn here",
            "value": {"recipe": DRAWING_RECIPE, "width": 28, "height": 28, "verified": True, "reason": None},
        }
    },
    "RunSpec": {
        "short": {
            "summary": "The least that is needed; all else is decided for you",
            "value": {"dataset": "mnist-10k", "model": "mine"},
        },
        "full": {
            "summary": "Length, learning rate and publishing chosen",
            "value": {
                "recipe": "dcgan",
                "dataset": "mnist-10k",
                "model": "plain",
                "name": "a short one",
                "seed": 3,
                "config": CONFIG,
                "publish": {"every_steps": 500, "keep": 3},
                "stop": {"on": ["mode_collapse", "exploding"], "action": "pause"},
                "tags": {"team": "a"},
            },
        },
    },
    "RunBody": {"running": {"summary": "A run that learns", "value": RUN_BODY}},
    "ModelBody": {
        "one": {
            "summary": "A model with one version",
            "value": {
                "name": "mine",
                "aliases": {"latest": 1},
                "newest_version": 1,
                "served_version": 1,
                "versions": [VERSION_BODY],
                "damaged_versions": {},
            },
        }
    },
    "Readiness": {
        "ready": {
            "summary": "Ready, but Redis is away",
            "value": {"status": "ready", "reason": None, "model": "digits@1", "degraded": ["redis"]},
        }
    },
}


def problem_example(error: type[GanymedeError]) -> BodyExample:
    """Make an example of this error as it is sent."""
    body = Problem(
        type=f"urn:ganymede:problem:{error.code}",
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.title,
        instance="/train",
        request_id=REQUEST_ID,
    )
    if issubclass(error, InvalidRequest):
        field = FieldProblemBody(pointer="/config/stepz", detail="this field does not exist")
        body.detail, body.errors = f"{field.pointer}: {field.detail}", [field]
    if issubclass(error, ScopeMissing):
        body.scope = "train"
    if issubclass(error, IllegalTransition):
        body.current_status, body.allowed = "succeeded", []
    return {"value": body.model_dump(exclude_unset=True)}
