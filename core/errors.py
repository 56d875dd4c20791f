"""The one tree of errors. A class carries its HTTP status and its stable code; nothing here knows how they are sent.

GanymedeError
 ├─ BadRequest 400              no request at all: its body cannot be read
 ├─ HostNotAllowed 400, OriginNotAllowed 403, MethodNotAllowed 405, BodyTooLarge 413, UrlTooLong 414: before any route
 ├─ InvalidRequest 422          a field is wrong: `pointer` names it
 │   └─ LabelNotSupported, IdempotencyKeyReused; of a picture: PictureInvalid, RecipeMissing, RecipeInvalid
 ├─ NotFound 404                ModelNotFound, RunNotFound, DatasetNotFound, SampleNotFound, CheckpointNotFound ...
 ├─ NotAcceptable 406, PreconditionFailed 412 (If-Match), UnsupportedMediaType 415, RangeNotSatisfiable 416 (of a file)
 ├─ Conflict 409                IllegalTransition (carries the current status and what is allowed), VersionInUse ...
 ├─ Overloaded 429              carries the seconds after which to try again
 ├─ NotReady 503, RedisUnavailable 503, StoreDamaged 500 (a file missing, cut short or changed), StoreFull 507 (no room)
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
    """Something a caller can be told about; `str(error)` is the text they see."""

    status: ClassVar[int] = 500
    code: str = ProblemCode.INTERNAL
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class BadRequest(GanymedeError):
    """An address, or a body, that cannot be read as what it says it is."""

    status = 400
    code = ProblemCode.BAD_REQUEST
    title = "Bad request"


class HostNotAllowed(GanymedeError):
    """The Host header is none of ours: perhaps DNS rebinding."""

    status = 400
    code = ProblemCode.HOST_NOT_ALLOWED
    title = "Host not allowed"


class OriginNotAllowed(GanymedeError):
    """A page of another site may not change anything here."""

    status = 403
    code = ProblemCode.ORIGIN_NOT_ALLOWED
    title = "Origin not allowed"


class MethodNotAllowed(GanymedeError):
    status = 405
    code = ProblemCode.METHOD_NOT_ALLOWED
    title = "Method not allowed"


class BodyTooLarge(GanymedeError):
    status = 413
    code = ProblemCode.BODY_TOO_LARGE
    title = "Body too large"


class UrlTooLong(GanymedeError):
    status = 414
    code = ProblemCode.URL_TOO_LONG
    title = "Address too long"


class InvalidRequest(GanymedeError):
    """A request that can never work as it is."""

    status = 422
    code = ProblemCode.INVALID_REQUEST
    title = "Invalid request"

    @classmethod
    def field(cls, pointer: str, detail: str) -> "InvalidRequest":
        return cls(f"{pointer}: {detail}", [FieldProblem(pointer, detail)])


class LabelNotSupported(InvalidRequest):
    """A label was given to a model that knows none."""

    code = ProblemCode.LABEL_NOT_SUPPORTED
    title = "Label not supported"


class PictureInvalid(InvalidRequest):
    """A picture that was sent cannot be read, or not safely."""

    code = ProblemCode.PICTURE_INVALID
    title = "Picture cannot be read"


class RecipeMissing(InvalidRequest):
    """A picture that was sent does not tell how it was drawn."""

    code = ProblemCode.RECIPE_MISSING
    title = "No recipe in this picture"


class RecipeInvalid(InvalidRequest):
    """What a picture that was sent tells of itself is no recipe of this service."""

    code = ProblemCode.RECIPE_INVALID
    title = "Recipe cannot be read"


class NotFound(GanymedeError):
    status = 404
    code = ProblemCode.NOT_FOUND
    title = "Not found"


class ModelNotFound(NotFound):
    code = ProblemCode.MODEL_NOT_FOUND
    title = "Model not found"


class RunNotFound(NotFound):
    code = ProblemCode.RUN_NOT_FOUND
    title = "Run not found"


class DatasetNotFound(NotFound):
    code = ProblemCode.DATASET_NOT_FOUND
    title = "Dataset not found"


class SampleNotFound(NotFound):
    code = ProblemCode.SAMPLE_NOT_FOUND
    title = "Sample not found"


class CheckpointNotFound(NotFound):
    code = ProblemCode.CHECKPOINT_NOT_FOUND
    title = "Checkpoint not found"


class AliasNotFound(NotFound):
    code = ProblemCode.ALIAS_NOT_FOUND
    title = "Alias not found"


class NotAcceptable(GanymedeError):
    status = 406
    code = ProblemCode.NOT_ACCEPTABLE
    title = "Not acceptable"


class Conflict(GanymedeError):
    status = 409
    code = ProblemCode.CONFLICT
    title = "Conflict"


class IllegalTransition(Conflict):
    """A run cannot go from the status it has to the one asked for."""

    code = ProblemCode.ILLEGAL_TRANSITION
    title = "Not possible in this status"

    def __init__(self, current_status: str, asked: str, allowed: Sequence[str], detail: str | None = None) -> None:
        super().__init__(detail or f"a run that is {current_status} cannot become {asked}")
        self.current_status = current_status
        self.allowed = tuple(allowed)


class VersionInUse(Conflict):
    """A version that an alias points to cannot be deleted."""

    code = ProblemCode.VERSION_IN_USE
    title = "Version in use"


class DatasetInUse(Conflict):
    code = ProblemCode.DATASET_IN_USE
    title = "Dataset in use"


class IdempotencyKeyInFlight(Conflict):
    """A request with the same Idempotency-Key is being answered."""

    code = ProblemCode.IDEMPOTENCY_KEY_IN_FLIGHT
    title = "Being answered"


class IdempotencyKeyReused(InvalidRequest):
    """An Idempotency-Key was used before, with another body."""

    code = ProblemCode.IDEMPOTENCY_KEY_REUSED
    title = "Key used before"


class PreconditionFailed(GanymedeError):
    """If-Match named another state than the one there is."""

    status = 412
    code = ProblemCode.PRECONDITION_FAILED
    title = "Changed meanwhile"


class UnsupportedMediaType(GanymedeError):
    status = 415
    code = ProblemCode.UNSUPPORTED_MEDIA_TYPE
    title = "Unsupported media type"


class RangeNotSatisfiable(GanymedeError):
    """No byte of a file of `size` bytes is in the range that was asked for."""

    status = 416
    code = ProblemCode.RANGE_NOT_SATISFIABLE
    title = "Range not satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"Range: this file has {size} bytes, the last of them is {size - 1}")
        self.size = size


class Overloaded(GanymedeError):
    status = 429
    code = ProblemCode.OVERLOADED
    title = "Overloaded"

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ClientGone(GanymedeError):
    """Who asked has closed the connection: the answer reaches nobody. nginx's status for it, well known."""

    status = 499
    code = "client_gone"  # of no answer: the log and the metrics have it
    title = "Client gone"


class GenerationTimeout(GanymedeError):
    """A picture was not there in time: queue, forward pass and encoding together."""

    status = 504
    code = ProblemCode.TIMEOUT
    title = "Timeout"


class NotReady(GanymedeError):
    status = 503
    code = ProblemCode.NOT_READY
    title = "Not ready"


class RedisUnavailable(GanymedeError):
    """Redis does not answer, and this cannot be told without it."""

    status = 503
    code = ProblemCode.REDIS_UNAVAILABLE
    title = "Redis does not answer"


class StoreDamaged(GanymedeError):
    """A file of the store is missing, cut short, changed or of a newer format."""

    code = ProblemCode.STORE_DAMAGED
    title = "Stored file damaged"


class StoreFull(GanymedeError):
    """There is no room on the disk of the store for what should be written."""

    status = 507
    code = ProblemCode.STORE_FULL
    title = "Disk full"


class TrainingFailed(GanymedeError):
    """Ends a run as failed; `code` is one of the failure codes of the run body."""

    title = "Training failed"

    def __init__(self, code: str, detail: str, *, retryable: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.retryable = retryable
