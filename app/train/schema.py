"""GET /train/schema: what can be asked of a training, for whoever makes a form of it. Knows no run."""

import hashlib
import json
from functools import cache

from fastapi import Response

from app.deps import ServicesDep
from app.http.conditional import IfNoneMatch, is_known
from app.http.routing import Router
from app.train.place import place_of_training
from models.auto import request_schema
from models.device import has_gpu

MEDIA_TYPE = "application/schema+json"
CACHING = "no-cache"  # asked again each time, and mostly answered by 304

router = Router(prefix="/train", tags=["train"])


@router.get(
    "/schema",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}, "description": "A JSON Schema (2020-12)."},
        304: {"description": "You have it."},
    },
)
def read_train_schema(services: ServicesDep, if_none_match: IfNoneMatch = None) -> Response:
    """The JSON Schema of the body of `POST /train`, with all recipes and their numbers.

    Two keywords are our own. `recipes`: of each recipe `what` it is, its `source`, what to `expect`, whether it is
    `conditional` (null: as asked), and `defaults` of the options that mean something to it. `auto`: what the recipe,
    or an option of `config`, becomes whose default is "auto", in words.
    """
    content, etag = _document(has_gpu(place_of_training(services).device))
    headers = {"ETag": etag, "Cache-Control": CACHING}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPE)


@cache
def _document(on_gpu: bool) -> tuple[bytes, str]:
    """Return the schema and its ETag."""
    content = json.dumps(request_schema(on_gpu=on_gpu), separators=(",", ":")).encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'
