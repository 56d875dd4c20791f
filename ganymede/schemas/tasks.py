"""What a version is for, and what it makes: the words of its manifest. Knows no network and no request."""

from enum import StrEnum


class VersionTask(StrEnum):
    """What a version is for. A newer build may know others."""

    GENERATION = "generation"
    COMPLETION = "completion"
    CLASSIFICATION = "classification"


class Medium(StrEnum):
    """What a version makes, or reads."""

    IMAGE = "image"
    AUDIO = "audio"


# Where a version of a task is used.
ROUTES: dict[str, str] = {
    VersionTask.GENERATION: "/generate",
    VersionTask.COMPLETION: "/complete",
    VersionTask.CLASSIFICATION: "/classify",
}
