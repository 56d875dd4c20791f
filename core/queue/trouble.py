"""What keeps Redis from being a queue: that it does not answer, or that it answers and refuses. Knows no run.

A server that answers PING may still take nothing: its memory or disk is full, it is a replica, its replicas are away,
the user has no permission, the key belongs to another node. So the probe does what enqueuing does, to keys of its own.
"""

import re
from dataclasses import dataclass

PROBE = "ganymede-probe"
# The commands of RQ's own script for enqueuing, as a script: a user may be denied each of them.
PROBE_SCRIPT = """
redis.call('HSET', KEYS[1], 'probe', ARGV[1])
redis.call('EXPIRE', KEYS[1], 60)
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1], KEYS[2])
"""

_PLACE_IN_SCRIPT = re.compile(r",? script: (?:[0-9a-f]{40}, )?on @user_script.*")


@dataclass(frozen=True, slots=True)
class RedisTrouble:
    """Why nothing can be put into the queue. No reason: the server does not answer at all."""

    reason: str | None = None

    @classmethod
    def of_answer(cls, text: str, code: str | None) -> "RedisTrouble":
        """Quote the server's own words in one line, without the place in our script."""
        text = _PLACE_IN_SCRIPT.sub("", " ".join(text.split()))
        return cls(text if code in (None, "ERR") or text.startswith(code) else f"{code} {text}")

    def __str__(self) -> str:
        return "redis" if self.reason is None else f"redis: {self.reason}"

    @property
    def sentence(self) -> str:
        return "Redis does not answer" if self.reason is None else f"Redis refuses: {self.reason}"
