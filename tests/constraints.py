"""constraints.txt: the exact version of everything that Ganymede needs, and that its needs need.

`make constraints` writes it from what is installed, once pip has chosen the newest versions that pyproject.toml allows.
"""

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FILE = Path(__file__).parents[1] / "constraints.txt"
PROJECT = "ganymede-gan"
EXTRAS = frozenset({"server", "worker", "dev", "efficientnet-lite0", "object-store"})
HEAD = """\
# What `make`, CI and the containers install: every version exact, so that a build tomorrow is that of today.
# Made by `make constraints`; pyproject.toml says what is needed and why, and which versions would do.
"""


def needed(name: str, extras: frozenset[str] = frozenset(), seen: set[tuple[str, str]] | None = None) -> set[str]:
    """Names of the distributions that this one needs here, with these extras, down to the last."""
    seen, found = set() if seen is None else seen, {name}
    for extra in ("", *extras):
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in map(Requirement, distribution(name).requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found |= needed(canonicalize_name(requirement.name), frozenset(requirement.extras), seen)
    return found


def all_needed() -> list[str]:
    """Of the project with all extras, in alphabetical order."""
    return sorted(needed(PROJECT, EXTRAS) - {PROJECT})


def constraints() -> str:
    """The file, by what is installed; without the local part of a version, as in 2.13.0+cpu."""
    return HEAD + "".join(f"{name}=={installed(name)}\n" for name in all_needed())


def installed(name: str) -> str:
    return Version(distribution(name).version).public


if __name__ == "__main__":
    FILE.write_text(constraints(), encoding="utf-8")
