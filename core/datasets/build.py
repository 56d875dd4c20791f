"""An upload of any kind to a checked ImageSet. Knows no store, and nothing of who sent it.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets import sniff
from core.datasets.archive import zip_members
from core.datasets.clip import Trait, read_clip
from core.datasets.conversion import OnProgress, check_bytes, convert, plan_for
from core.datasets.idx_files import idx_uploads, read_idx_files
from core.datasets.image_set import ImageSet, check_class_names
from core.datasets.layout import NO_PICTURE, Entry, Picture, by_folders, class_order, list_entries
from core.datasets.looking import notes_of, read_shapes
from core.datasets.members import Member, head, read
from core.datasets.metadata import is_metadata, labelled, read_metadata
from core.datasets.names import shown
from core.datasets.npz import array_entries, read_npy_files, read_npz
from core.datasets.order import AUTO, OF_PICTURES, ImportForm, ImportOrder
from core.datasets.picture import SUFFIXES, Shape, decode, fit
from core.datasets.report import SOUNDS, Report
from core.datasets.tars import tar_members
from core.datasets.uploads import Kind, is_idx, kind_of
from core.errors import FieldProblem, InvalidRequest
from core.media.images import Images
from core.media.sound import LOG_MEL
from ganymede.schemas.sound import AudioFormat

MAX_PACKED_PICTURE = 1 << 26  # bytes, also of sounds and metadata
MAX_IMAGES = 2_000_000  # of arrays: each is looked at, and tiny ones are many in few bytes


@dataclass(frozen=True, slots=True)
class Built:
    """The result of an upload; `images_file`: the .npy that holds only these images, if there is one."""

    content: ImageSet
    report: Report
    images_file: Path | None = None


def build(order: ImportOrder, folder: Path, on_progress: OnProgress) -> Built:
    """Read an upload, and write only into the empty `folder`; InvalidRequest if nothing can be made of it."""
    kinds = {kind_of(upload) for upload in order.files} if len(order.files) == 1 else _kinds_of_several(order)
    (kind,) = kinds
    report = Report(kind)
    if kind == "idx":
        return _from_arrays(read_idx_files(order.files, order.limits.bytes), report, order, folder, on_progress)
    try:
        if kind == "npy":
            return _from_arrays(read_npy_files(order.files, folder, report.note), report, order, folder, on_progress)
        with _members(order, folder, on_progress, is_zip=kind == "zip") as members:
            if kind == "zip" and _holds_arrays([member.name for member in members]):
                report = Report("npz")
                content = read_npz(order.files[0].path, folder, order.limits.bytes, report.note)
                return _from_arrays(content, report, order, folder, on_progress)
            return _from_archive(members, order, folder, on_progress)
    except InvalidRequest as error:
        raise _located(error) from None


def _kinds_of_several(order: ImportOrder) -> set[Kind]:
    rule = "of several files each has to be an IDX file, or each an .npy; else send one file"
    try:
        kinds = {kind_of(upload) for upload in order.files}
    except InvalidRequest as error:
        raise InvalidRequest.field("/file", f"{rule}. {error.problems[0].detail}") from None
    if kinds not in ({"idx"}, {"npy"}):
        raise InvalidRequest.field("/file", rule)
    return kinds


def _members(
    order: ImportOrder, folder: Path, on_progress: OnProgress, *, is_zip: bool
) -> AbstractContextManager[list[Member]]:
    path, limits, encoding = order.files[0].path, order.limits, order.form.encoding
    if is_zip:
        return zip_members(path, limits.bytes, limits.files, encoding)
    return tar_members(path, folder, limits, encoding, on_progress)


def _holds_arrays(names: Sequence[str]) -> bool:
    """Return whether a zip is an .npz: arrays outside all folders, or without pictures beside them."""
    entries = array_entries(names)
    is_beside_pictures = any(name.lower().endswith(tuple(SUFFIXES)) for name in names)
    return any("/" not in entry or not is_beside_pictures for entry in entries.values())


def _located(error: InvalidRequest) -> InvalidRequest:
    """Point into the upload, as /file/labels for `labels`, and escape unprintable names."""

    def located(pointer: str) -> str:
        return pointer if pointer.startswith("/") else "/file" if pointer == "file" else f"/file/{shown(pointer)}"

    problems = [FieldProblem(located(problem.pointer), shown(problem.detail)) for problem in error.problems]
    if all(problem.pointer.startswith("/") for problem in error.problems):
        return InvalidRequest(shown(str(error)), problems)
    return InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems), problems)


def _from_archive(members: Sequence[Member], order: ImportOrder, folder: Path, on_progress: OnProgress) -> Built:
    """Build from pictures or sounds, of which there are more; from IDX files if there are neither."""
    report = Report("pictures")
    listed = list_entries(members, report)
    if sum(entry.is_sound for entry in listed) > sum(map(_is_picture, listed)):
        report.kind = SOUNDS
        clips = _classified(list(_among_sounds(listed, report)), order, report)
        return _from_sounds(clips, report, order, folder, on_progress)
    entries = list(_by_content(listed))
    if not any(map(_is_picture, entries)):
        if uploads := idx_uploads([entry for entry in entries if is_idx(head(entry.member))], folder, order.limits):
            return _from_arrays(read_idx_files(uploads, order.limits.bytes), Report("idx"), order, folder, on_progress)
        if any(entry.parts[-1] == "data.pkl" for entry in entries):
            raise InvalidRequest.field(
                "file", "is a PyTorch file (.pt): a pickle, which can run code and is never opened"
            )
    return _from_pictures(_classified(entries, order, report), report, order, folder, on_progress)


def _is_picture(entry: Entry) -> bool:
    return entry.name.lower().endswith(tuple(SUFFIXES))


def _classified(entries: Sequence[Entry], order: ImportOrder, report: Report) -> list[Picture]:
    """Find the class of each picture: by metadata beside them, else by folders."""
    pictures = [entry for entry in entries if entry.refusal is None]
    tables = [entry for entry in entries if entry.refusal is not None and is_metadata(entry)]
    for entry in entries:
        if entry.refusal is not None and not is_metadata(entry):
            report.refuse(entry.name, entry.refusal)
    labels = read_metadata(
        pictures, tables, lambda entry: read(entry.member, MAX_PACKED_PICTURE), order.form.encoding, report
    )
    return labelled(pictures, labels, report) if labels.used else by_folders(pictures, report)


def _from_pictures(
    pictures: Sequence[Picture], report: Report, order: ImportOrder, folder: Path, on_progress: OnProgress
) -> Built:
    limits, target = order.limits, folder / "images.npy"
    _check_classes(pictures)

    def packed(i: int) -> bytes:
        return read(pictures[i].member, MAX_PACKED_PICTURE)

    shapes = read_shapes(len(pictures), packed, order, on_progress)
    plan = plan_for(order.form, shapes)
    for note in notes_of(plan, shapes):
        report.note(note)
    check_bytes(len(pictures), plan.shape, limits.bytes)
    names = [picture.name for picture in pictures]
    shape_HWC = plan.shape
    taken = convert(names, lambda i: decode(packed(i), plan, limits.pixels), shape_HWC, target, report, on_progress)
    report.check_taken()
    return Built(_image_set(pictures, taken, target), report, target)


def _from_sounds(
    clips: Sequence[Picture], report: Report, order: ImportOrder, folder: Path, on_progress: OnProgress
) -> Built:
    limits, target = order.limits, folder / "images.npy"
    _check_form(order.form)
    _check_classes(clips)
    audio = LOG_MEL.model_copy(update={"seconds": int(order.form.seconds)})
    shape_HWC = (audio.bands, audio.frames, 1)
    check_bytes(len(clips), shape_HWC, limits.bytes, "/file")
    traits: dict[int, frozenset[Trait]] = {}

    def converted(i: int) -> tuple[Images, bool]:
        clip = read_clip(read(clips[i].member, MAX_PACKED_PICTURE), audio, limits.seconds)
        traits[i] = clip.traits
        return clip.picture_HWC, False

    taken = convert([clip.name for clip in clips], converted, shape_HWC, target, report, on_progress)
    report.check_taken()
    for trait in Trait:
        if count := sum(trait in traits[i] for i in taken):
            report.note(f"{count} of {len(taken)} sounds {'is' if count == 1 else 'are'} {trait}")
    return Built(_image_set(clips, taken, target, audio), report, target)


def _check_classes(files: Sequence[Picture]) -> None:
    if found := {file.class_name for file in files} - {None}:
        check_class_names(class_order({str(name) for name in found}))


def _check_form(form: ImportForm) -> None:
    """Refuse options of pictures; those that have their default were not meant."""
    for name in OF_PICTURES:
        if getattr(form, name) != ImportForm.model_fields[name].default:
            raise InvalidRequest.field(f"/{name}", "is an option of pictures, and these are sounds; leave it out")


def _image_set(
    files: Sequence[Picture], taken: Sequence[int], target: Path, audio: AudioFormat | None = None
) -> ImageSet:
    """Return what was written to `target`, with the classes of the files that were taken."""
    images_NHWC = np.lib.format.open_memmap(target, mode="r")
    labelled = [files[i].class_name for i in taken]
    if None in labelled:
        return ImageSet(images_NHWC, audio=audio)
    class_names = class_order({str(name) for name in labelled})
    labels_N = np.array([class_names.index(str(name)) for name in labelled], np.int64)
    return ImageSet(images_NHWC, labels_N, class_names, audio)


def _from_arrays(content: ImageSet, report: Report, order: ImportOrder, folder: Path, on_progress: OnProgress) -> Built:
    """Build from arrays of images, which have one size; they stay as they are if it is the requested one."""
    count, height, width, channels = content.images_NHWC.shape
    if count > MAX_IMAGES:
        raise InvalidRequest.field("/file", f"has {count} images; arrays may have {MAX_IMAGES}")
    target = folder / "images.npy"
    plan = plan_for(order.form, [Shape(width, height, order.form.channels == AUTO and content.is_grey)])
    check_bytes(count, plan.shape, order.limits.bytes)
    report.taken = count
    if (height, width, channels) == (plan.size, plan.size, plan.channels):
        return Built(content, report)

    def converted(i: int) -> tuple[Images, bool]:
        image_HWC = np.asarray(content.images_NHWC[i])
        return fit(Image.fromarray(image_HWC[..., 0] if channels == 1 else image_HWC), plan)

    convert([str(i) for i in range(count)], converted, plan.shape, target, report, on_progress)
    images_NHWC = np.lib.format.open_memmap(target, mode="r")
    return Built(ImageSet(images_NHWC, content.labels_N, content.class_names), report, target)


def _by_content(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Accept a file with a foreign name if it begins like a picture; else let its refusal say what it is."""
    for entry in entries:
        if entry.refusal is None or is_metadata(entry):
            yield entry
            continue
        kind = sniff.kind_of(head(entry.member)[: sniff.HEAD])
        if kind and kind.is_picture:
            yield replace(entry, refusal=None)
        else:
            is_known = kind and kind.advice and entry.refusal == NO_PICTURE
            yield replace(entry, refusal=str(kind)) if is_known else entry


def _among_sounds(entries: Iterable[Entry], report: Report) -> Iterator[Entry]:
    """Accept sounds, keep metadata, and let the refusal of all else say what it is."""
    num_pictures = 0
    for entry in entries:
        if entry.is_sound:
            yield replace(entry, refusal=None)
        elif entry.refusal is None:
            num_pictures += 1
            yield replace(entry, refusal="is no sound by its name; pictures go into a zip of their own")
        elif is_metadata(entry) or entry.refusal != NO_PICTURE:
            yield entry
        else:
            kind = sniff.kind_of(head(entry.member)[: sniff.HEAD])
            yield replace(entry, refusal=str(kind) if kind and kind.advice else "does not have the name of a sound")
    if num_pictures:
        report.note(f"there are more sounds in it than pictures: the sounds were taken, and {num_pictures} others not")
