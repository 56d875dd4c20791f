"""Which arrays of a file are images, labels and names of classes: by what they are called, else by their shape.

Opens none of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import InvalidRequest

IMAGES = frozenset({"image", "images", "img", "imgs", "x", "data", "pictures", "samples", "features"})
LABELS = frozenset({"label", "labels", "y", "target", "targets"})
CLASS_NAMES = ("class_names", "label_names", "target_names")
SPLITS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2}
_WORDS = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[A-Z])")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """Shape and type of an array that is not read yet."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))[:60]} {self.dtype}".strip()


@dataclass(frozen=True, slots=True)
class LabelledArray:
    """Names of an array of images and of its labels, if any."""

    images: str
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """The parts, in the order train, validation, test; and the array that names the classes."""

    parts: tuple[LabelledArray, ...]
    class_names: str | None = None


def assign(headers: Mapping[str, ArrayHeader]) -> Roles:
    """Assign roles to arrays; InvalidRequest at `images`, with a list of the arrays, where they are in doubt."""
    class_names = next((name for name in CLASS_NAMES if name in headers), None)
    others = {name: header for name, header in headers.items() if name != class_names}
    parts = _by_name(others) or _by_shape(others)
    if len({part.labels is None for part in parts}) > 1:
        raise refused("some images have labels, and others have none", headers)
    return Roles(parts, class_names)


def refused(detail: str, headers: Mapping[str, ArrayHeader]) -> InvalidRequest:
    """Refuse arrays, and list them."""
    listed = [f"{name[:60]} ({header})" for name, header in headers.items()]
    more = f" and {len(listed) - SHOWN} more" if listed[SHOWN:] else ""
    there = ", ".join(listed[:SHOWN]) + more or "none"
    advice = "name them images and labels, or x_train, y_train, x_test and y_test"
    return InvalidRequest.field("images", f"{detail}; {advice}. Arrays: {there}")


def _by_name(headers: Mapping[str, ArrayHeader]) -> tuple[LabelledArray, ...]:
    """Find the parts by the arrays' names; none if nothing is named as images are."""
    found: dict[int | None, dict[str, list[str]]] = {}
    for name in headers:
        if role := _role(name):
            found.setdefault(role[1], {"images": [], "labels": []})[role[0]].append(name)
    if "images" in headers:  # whatever there is beside it
        labels = found[None]["labels"]
        return (LabelledArray("images", "labels" if "labels" in labels else _only(labels, headers)),)
    if not any(roles["images"] for roles in found.values()):
        return ()
    if None in found and len(found) > 1:
        raise refused("some arrays are called as parts of a set, and others as all of it", headers)
    parts = []
    for split in sorted(found, key=lambda split: split or 0):
        images = _only(found[split]["images"], headers)
        if images is None:
            raise refused(f"{found[split]['labels'][0]} has no images", headers)
        parts.append(LabelledArray(images, _only(found[split]["labels"], headers)))
    return tuple(parts)


def _role(name: str) -> tuple[str, int | None] | None:
    """Find what an array's name says about it, and of which split; None: nothing."""
    words = [word.lower() for word in _WORDS.split(name) if word]
    splits = [SPLITS[word] for word in words if word in SPLITS]
    rest = [word for word in words if word not in SPLITS]
    if len(rest) != 1 or len(splits) > 1:
        return None
    role = "images" if rest[0] in IMAGES else "labels" if rest[0] in LABELS else None
    return (role, splits[0] if splits else None) if role else None


def _by_shape(headers: Mapping[str, ArrayHeader]) -> tuple[LabelledArray, ...]:
    """Find the parts by shape: arrays of three or four dimensions, each with the one other array of equal length."""
    images = [name for name, header in headers.items() if len(header.shape) in (3, 4)]
    if not images:
        raise refused("there are no images in it", headers)
    if len({headers[name].shape[1:] for name in images}) > 1:
        raise refused("nobody knows which of its arrays are the images", headers)
    rest = [name for name in headers if name not in images and len(headers[name].shape) in (1, 2)]
    parts = []
    for name in images:
        fitting = [other for other in rest if headers[other].shape[0] == headers[name].shape[0]]
        parts.append(LabelledArray(name, _only(fitting, headers)))
    labels = [part.labels for part in parts if part.labels]
    if len(set(labels)) < len(labels):
        raise refused("nobody knows which labels are those of which images", headers)
    return tuple(parts)


def _only(names: Sequence[str], headers: Mapping[str, ArrayHeader]) -> str | None:
    if len(names) > 1:
        raise refused(f"nobody knows which of these to take: {', '.join(names)[:200]}", headers)
    return names[0] if names else None


def unused(roles: Roles, names: Iterable[str]) -> list[str]:
    taken = {roles.class_names, *(part.images for part in roles.parts), *(part.labels for part in roles.parts)}
    return [name for name in names if name not in taken]
