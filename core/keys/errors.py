"""Why a key does not open what was asked for. Part of the tree of core/errors.py."""

from core.errors import GanymedeError, Overloaded
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.problems import ProblemCode


class KeyInvalid(GanymedeError, status=401, code=ProblemCode.KEY_INVALID, title="Key needed"):
    """No key was shown, or one that opens nothing."""


class ScopeMissing(GanymedeError, status=403, code=ProblemCode.SCOPE_MISSING, title="Not allowed with this key"):
    """The key may be used for other things, but not for this."""

    def __init__(self, detail: str, scope: KeyScope = KeyScope.ADMIN) -> None:
        super().__init__(detail)
        self.scope = scope


class RateLimited(Overloaded, code=ProblemCode.RATE_LIMITED, title="Too many requests with this key"):
    """The key has sent as many requests as it may in a minute."""


class QuotaExceeded(Overloaded, code=ProblemCode.QUOTA_EXCEEDED, title="Quota of this key used up"):
    """The key has drawn or trained as much as it may today, or has as many runs waiting as it may."""


class KeysUnusable(GanymedeError, status=503, code=ProblemCode.KEYS_UNUSABLE, title="File of keys damaged"):
    """The file of keys is damaged: nobody can be let in."""
