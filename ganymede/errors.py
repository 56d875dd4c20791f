"""What can go wrong for a client. Knows HTTP status codes as numbers, and nothing of how answers are fetched.

ClientError
 ├─ ApiError        the service refused: carries the fields of its problem document
 ├─ Unreachable     nothing answers there
 │   └─ Timeout     it does not answer in time
 ├─ Misconfigured   a proxy or certificate that the environment names cannot be used, or one is not trusted
 └─ NotUnderstood   what answers there does not speak as a Ganymede service does
"""

from collections.abc import Sequence

from ganymede.schemas.problems import FieldProblemBody, Problem


class ClientError(Exception):
    """Anything that keeps a call from its answer; `str(error)` can be shown to people."""


class ApiError(ClientError):
    """The service refused; `code` is stable: a ProblemCode (ganymede.schemas.problems), or one of a newer service."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem, self.retry_after_s = problem, retry_after_s
        self.status, self.code, self.title, self.detail = problem.status, problem.code, problem.title, problem.detail
        self.errors: Sequence[FieldProblemBody] = problem.errors or ()  # the fields that are wrong
        self.request_id = problem.request_id


class Unreachable(ClientError):
    """Nothing answers at the address, or the connection broke."""


class Timeout(Unreachable):
    """The service did not answer in time; what was asked of it may have happened all the same."""


class Misconfigured(ClientError):
    """Nobody can be asked as the environment says: a proxy, a certificate; the text names the variable."""


class NotUnderstood(ClientError):
    """An answer that is not one of Ganymede's: another program listens there, or a build that differs too much."""
