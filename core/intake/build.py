"""An upload of any kind to a checked ImageSet. Knows no store, and nothing of who sent it.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from core.errors import FieldProblem, InvalidRequest
from core.idx import GZIP_MAGIC
from core.image_set import ImageSet, check_class_names
from core.images import Images
from core.intake.archive import open_archive, read_entry
from core.intake.conversion import Tell, check_bytes, convert, plan_for
from core.intake.idx_files import read_idx_files
from core.intake.layout import Entry, class_order, list_pictures
from core.intake.looking import look_at_all, notes_of
from core.intake.npz import NPY_MAGIC, read_npy_files, read_npz
from core.intake.order import Order
from core.intake.picture import Shape, decode, fit
from core.intake.report import Report

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty one
IDX_MAGIC = b"\0\0"
MAX_PACKED_PICTURE = 1 << 26  # bytes
MAX_IMAGES = 2_000_000  # of arrays: each is looked at, and tiny ones are many in few bytes
KINDS = "a zip of pictures, an .npz, or IDX files (plain or gzipped)"


@dataclass(frozen=True, slots=True)
class Built:
    """What an upload became. `images_file`: the .npy that the images lie in, if they lie in one by themselves."""

    content: ImageSet
    report: Report
    images_file: Path | None = None


def build(order: Order, folder: Path, tell: Tell) -> Built:
    """Read an upload; all that is written goes into `folder`, which is there and empty.

    Raises:
        InvalidRequest: nothing can be made of it. Single bad files are told in the report instead.
    """
    heads = [_head(upload.path) for upload in order.files]
    if all(head.startswith((IDX_MAGIC, GZIP_MAGIC)) for head in heads):
        return _from_arrays(read_idx_files(order.files, order.limits.bytes), Report("idx"), order, folder, tell)
    if all(head == NPY_MAGIC[:4] for head in heads):
        report = Report("npy")
        try:
            return _from_arrays(read_npy_files(order.files, folder, report.note), report, order, folder, tell)
        except InvalidRequest as error:
            raise _located(error) from None
    if len(heads) > 1:
        raise InvalidRequest.field("/file", "of several files each has to be an IDX file; else send one file")
    if not heads[0].startswith(ZIP_MAGICS):
        raise InvalidRequest.field("/file", f"{order.files[0].filename}: expected {KINDS}")
    try:
        return _from_zip(order, folder, tell)
    except InvalidRequest as error:
        raise _located(error) from None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _located(error: InvalidRequest) -> InvalidRequest:
    """With pointers into the upload: `labels` becomes /file/labels."""

    if all(problem.pointer.startswith("/") for problem in error.problems):
        return error

    def located(pointer: str) -> str:
        return "/file" if pointer == "file" else f"/file/{pointer}"

    problems = [FieldProblem(located(problem.pointer), problem.detail) for problem in error.problems]
    return InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems) or str(error), problems)


def _from_zip(order: Order, folder: Path, tell: Tell) -> Built:
    path, limits, report = order.files[0].path, order.limits, Report("pictures")
    with open_archive(path, limits.bytes, limits.files) as archive:
        is_npz = any(name.endswith(".npy") and "/" not in name for name in archive.namelist())
        entries = [] if is_npz else list_pictures(archive, report)
        if not is_npz:
            return _from_pictures(archive, entries, report, order, folder, tell)
    report = Report("npz")
    return _from_arrays(read_npz(path, folder, limits.bytes, report.note), report, order, folder, tell)


def _from_pictures(
    archive: ZipFile, entries: Sequence[Entry], report: Report, order: Order, folder: Path, tell: Tell
) -> Built:
    limits, target = order.limits, folder / "images.npy"
    found = {entry.class_name for entry in entries} - {None}
    if found:
        check_class_names(class_order({str(name) for name in found}))

    def packed(i: int) -> bytes:
        return read_entry(archive, entries[i].info, MAX_PACKED_PICTURE)

    shapes = look_at_all(len(entries), packed, order, tell)
    plan = plan_for(order.form, shapes)
    for note in notes_of(plan, shapes):
        report.note(note)
    check_bytes(len(entries), plan, limits.bytes)
    names = [entry.name for entry in entries]
    taken = convert(names, lambda i: decode(packed(i), plan, limits.pixels), plan, target, report, tell)
    report.check_taken()
    images_NHWC = np.lib.format.open_memmap(target, mode="r")
    if not found:
        return Built(ImageSet(images_NHWC), report, target)
    labelled = [str(entries[i].class_name) for i in taken]
    class_names = class_order(set(labelled))
    labels_N = np.array([class_names.index(name) for name in labelled], np.int64)
    return Built(ImageSet(images_NHWC, labels_N, class_names), report, target)


def _from_arrays(content: ImageSet, report: Report, order: Order, folder: Path, tell: Tell) -> Built:
    """Arrays of images, which all have one size; where it is the one that is asked for, they stay as they are."""
    count, height, width, channels = content.images_NHWC.shape
    if count > MAX_IMAGES:
        raise InvalidRequest.field("/file", f"has {count} images; arrays may have {MAX_IMAGES}")
    target = folder / "images.npy"
    plan = plan_for(order.form, [Shape(width, height, channels == 1)])
    check_bytes(count, plan, order.limits.bytes)
    report.taken = count
    if (height, width, channels) == (plan.size, plan.size, plan.channels):
        return Built(content, report)

    def converted(i: int) -> tuple[Images, bool]:
        image_HWC = np.asarray(content.images_NHWC[i])
        return fit(Image.fromarray(image_HWC[..., 0] if channels == 1 else image_HWC), plan)

    convert([str(i) for i in range(count)], converted, plan, target, report, tell)
    images_NHWC = np.lib.format.open_memmap(target, mode="r")
    return Built(ImageSet(images_NHWC, content.labels_N, content.class_names), report, target)
