"""The one tree of errors. A class carries its HTTP status and its stable code; nothing here knows how they are sent.

GanymedeError
 ├─ BadRequest 400              no request at all: its body cannot be read
 ├─ HostNotAllowed 400, OriginNotAllowed 403, MethodNotAllowed 405, BodyTooLarge 413, UrlTooLong 414: before any route
 ├─ InvalidRequest 422          a field is wrong: `pointer` names it
 │   └─ LabelNotSupported, WrongTask, IdempotencyKeyReused; of a picture: PictureInvalid, RecipeMissing, RecipeInvalid
 ├─ NotFound 404                ModelNotFound, RunNotFound, DatasetNotFound, SampleNotFound, CheckpointNotFound ...
 ├─ NotAcceptable 406, PreconditionFailed 412 (If-Match), UnsupportedMediaType 415, RangeNotSatisfiable 416 (of a file)
 ├─ Conflict 409                IllegalTransition (carries the current status and what is allowed), VersionInUse ...
 ├─ Overloaded 429              carries the seconds after which to try again; what a key forbids: core/keys/errors.py
 ├─ NotReady 503, RedisUnavailable 503, StoreUnavailable 503, StoreFull 507 (no room), NotOnObjects 501
 ├─ StoreDamaged 500            a file is missing, cut short or changed
 │   └─ ModelCollapsed 422      or whole, and a network of no use
 └─ TrainingFailed              ends a run, never a request: `code` is the run's failure code
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ganymede.schemas.problems import ProblemCode


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field: a JSON pointer (`/config/steps`) or query parameter (`seed`), and what is allowed there."""

    pointer: str
    detail: str


class GanymedeError(Exception):
    """An error with a text for the caller, `str(error)`. A subclass names what differs from its base."""

    status: ClassVar[int] = 500
    code: str = ProblemCode.INTERNAL
    title: ClassVar[str] = "Internal error"

    def __init_subclass__(cls, status: int | None = None, code: str | None = None, title: str | None = None) -> None:
        cls.status, cls.code, cls.title = status or cls.status, code or cls.code, title or cls.title

    def __init__(self, detail: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class BadRequest(GanymedeError, status=400, code=ProblemCode.BAD_REQUEST, title="Bad request"):
    """An address, or a body, that cannot be read as what it says it is."""


class HostNotAllowed(GanymedeError, status=400, code=ProblemCode.HOST_NOT_ALLOWED, title="Host not allowed"):
    """The Host header is none of ours: perhaps DNS rebinding."""


class OriginNotAllowed(GanymedeError, status=403, code=ProblemCode.ORIGIN_NOT_ALLOWED, title="Origin not allowed"):
    """A page of another site may not change anything here."""


class MethodNotAllowed(GanymedeError, status=405, code=ProblemCode.METHOD_NOT_ALLOWED, title="Method not allowed"):
    pass


class BodyTooLarge(GanymedeError, status=413, code=ProblemCode.BODY_TOO_LARGE, title="Body too large"):
    pass


class UrlTooLong(GanymedeError, status=414, code=ProblemCode.URL_TOO_LONG, title="Address too long"):
    pass


class InvalidRequest(GanymedeError, status=422, code=ProblemCode.INVALID_REQUEST, title="Invalid request"):
    """A request that can never work as it is."""

    @classmethod
    def field(cls, pointer: str, detail: str) -> "InvalidRequest":
        return cls(f"{pointer}: {detail}", [FieldProblem(pointer, detail)])


class LabelNotSupported(InvalidRequest, code=ProblemCode.LABEL_NOT_SUPPORTED, title="Label not supported"):
    """A label was given to a model that knows none."""


class WrongTask(InvalidRequest, code=ProblemCode.WRONG_TASK, title="Model is for another task"):
    """A model was asked to do what it is not for; another route may serve it."""


class PictureInvalid(InvalidRequest, code=ProblemCode.PICTURE_INVALID, title="Picture cannot be read"):
    """A picture that was sent cannot be read, or not safely."""


class RecipeMissing(InvalidRequest, code=ProblemCode.RECIPE_MISSING, title="No recipe in this picture"):
    """A picture that was sent does not tell how it was drawn."""


class RecipeInvalid(InvalidRequest, code=ProblemCode.RECIPE_INVALID, title="Recipe cannot be read"):
    """The recipe in a picture that was sent is none of this service."""


class NotFound(GanymedeError, status=404, code=ProblemCode.NOT_FOUND, title="Not found"):
    pass


class ModelNotFound(NotFound, code=ProblemCode.MODEL_NOT_FOUND, title="Model not found"):
    pass


class RunNotFound(NotFound, code=ProblemCode.RUN_NOT_FOUND, title="Run not found"):
    pass


class DatasetNotFound(NotFound, code=ProblemCode.DATASET_NOT_FOUND, title="Dataset not found"):
    pass


class SampleNotFound(NotFound, code=ProblemCode.SAMPLE_NOT_FOUND, title="Sample not found"):
    pass


class NearestNotFound(NotFound, code=ProblemCode.NEAREST_NOT_FOUND, title="Nearest pictures not found"):
    """Fakes of that step were never held beside real pictures, or the sheet is no longer kept."""


class CheckpointNotFound(NotFound, code=ProblemCode.CHECKPOINT_NOT_FOUND, title="Checkpoint not found"):
    pass


class AliasNotFound(NotFound, code=ProblemCode.ALIAS_NOT_FOUND, title="Alias not found"):
    pass


class NotAcceptable(GanymedeError, status=406, code=ProblemCode.NOT_ACCEPTABLE, title="Not acceptable"):
    pass


class Conflict(GanymedeError, status=409, code=ProblemCode.CONFLICT, title="Conflict"):
    pass


class IllegalTransition(Conflict, code=ProblemCode.ILLEGAL_TRANSITION, title="Not possible in this status"):
    """A run cannot go from the status it has to the one asked for."""

    def __init__(self, current_status: str, asked: str, allowed: Sequence[str], detail: str | None = None) -> None:
        super().__init__(detail or f"a run that is {current_status} cannot become {asked}")
        self.current_status = current_status
        self.allowed = tuple(allowed)


class VersionInUse(Conflict, code=ProblemCode.VERSION_IN_USE, title="Version in use"):
    """A version that an alias points to cannot be deleted."""


class DatasetInUse(Conflict, code=ProblemCode.DATASET_IN_USE, title="Dataset in use"):
    pass


class IdempotencyKeyInFlight(Conflict, code=ProblemCode.IDEMPOTENCY_KEY_IN_FLIGHT, title="Being answered"):
    """A request with the same Idempotency-Key is being answered."""


class IdempotencyKeyReused(InvalidRequest, code=ProblemCode.IDEMPOTENCY_KEY_REUSED, title="Key used before"):
    """An Idempotency-Key was used before, with another body."""


class PreconditionFailed(GanymedeError, status=412, code=ProblemCode.PRECONDITION_FAILED, title="Changed meanwhile"):
    """If-Match named another state than the one there is."""


class UnsupportedMediaType(
    GanymedeError, status=415, code=ProblemCode.UNSUPPORTED_MEDIA_TYPE, title="Unsupported media type"
):
    pass


class RangeNotSatisfiable(
    GanymedeError, status=416, code=ProblemCode.RANGE_NOT_SATISFIABLE, title="Range not satisfiable"
):
    """No byte of a file of `size` bytes is in the range that was asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(f"Range: this file has {size} bytes, the last of them is {size - 1}")
        self.size = size


class Overloaded(GanymedeError, status=429, code=ProblemCode.OVERLOADED, title="Overloaded"):
    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ClientGone(
    GanymedeError, status=499, code="client_gone", title="Client gone"
):  # of no answer: the log and the metrics have it
    """The client has closed the connection. The status is nginx's."""


class GenerationTimeout(GanymedeError, status=504, code=ProblemCode.TIMEOUT, title="Timeout"):
    """A picture was not there in time: queue, forward pass and encoding together."""


class NotReady(GanymedeError, status=503, code=ProblemCode.NOT_READY, title="Not ready"):
    pass


class RedisUnavailable(GanymedeError, status=503, code=ProblemCode.REDIS_UNAVAILABLE, title="Redis does not answer"):
    """Only Redis knows the answer, and it does not reply."""


class StoreDamaged(GanymedeError, code=ProblemCode.STORE_DAMAGED, title="Stored file damaged"):
    """A file of the store is missing, cut short, changed or of a newer format."""


class ModelCollapsed(StoreDamaged, status=422, code=ProblemCode.MODEL_COLLAPSED, title="Model has collapsed"):
    """A version, or a checkpoint, whose pictures are all the same. It never gets better; a later one may be."""


class StoreFull(GanymedeError, status=507, code=ProblemCode.STORE_FULL, title="Disk full"):
    """There is no room on the disk of the store for what should be written."""


class StoreUnavailable(GanymedeError, status=503, code=ProblemCode.STORE_UNAVAILABLE, title="Store does not answer"):
    """An object store does not answer, or not to this service."""


class NotOnObjects(GanymedeError, status=501, code=ProblemCode.NOT_ON_OBJECTS, title="Not with an object store"):
    """What was asked for needs files, and the store of this service is an object store."""


class TrainingFailed(GanymedeError, title="Training failed"):
    """Ends a run as failed; `code` is one of the failure codes of the run body."""

    def __init__(self, code: str, detail: str, *, retryable: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.retryable = retryable
