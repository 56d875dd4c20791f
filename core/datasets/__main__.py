"""`python -m core.datasets STORE FOLDER`: one import, in a process of its own. Knows no HTTP.

What a stranger's file does to a decoder, it does not do to the service; and who hangs up can have it ended.

FOLDER holds order.json. The process says on stdout, in lines of JSON, how far it is (ImportProgress), and at last what
came of it (ImportEnd). It ends at once when its stdin is closed.
"""

import os
import sys
import time
import warnings
from pathlib import Path

from PIL import Image

from core.datasets import DatasetStore, Origin
from core.datasets.build import build
from core.datasets.order import (
    OF_PICTURES,
    OF_SOUNDS,
    DiskFailed,
    Imported,
    ImportEnd,
    ImportForbidden,
    ImportOrder,
    ImportProgress,
    ImportRefused,
)
from core.errors import InvalidRequest
from core.keys.errors import ScopeMissing
from core.machine.lifeline import end_with_the_parent
from core.store import Store

ORDER_FILE, WORK_FOLDER = "order.json", "work"
NICENESS = 5  # beside an API that draws; somebody waits for this, too
SAID_EVERY_S = 0.2


def run(store: Store, folder: Path) -> ImportEnd:
    """Carry out order.json, and return the result."""
    order = ImportOrder.model_validate_json((folder / ORDER_FILE).read_bytes())
    work = folder / WORK_FOLDER
    work.mkdir()
    try:
        built = build(order, work, ProgressWriter())
        say(ImportProgress(phase="storing", done=0, total=0))
        form = order.form
        source = form.source or f"upload of {', '.join(upload.filename for upload in order.files)}"
        dataset, change = DatasetStore(store).put(
            form.name,
            built.content,
            Origin(source, form.licence, form.attribution),
            images_file=built.images_file,
            options=form.model_dump(include={*(OF_SOUNDS if built.content.audio else OF_PICTURES)}),
            asker=order.asker,
        )
    except InvalidRequest as error:
        return ImportRefused(detail=str(error), problems=error.problems)
    except ScopeMissing as error:
        return ImportForbidden(forbidden=str(error))
    except OSError as error:
        if error.errno is None:
            raise
        return DiskFailed(errno=error.errno)
    version, report = dataset.manifest.version, built.report.to_body()
    return Imported(dataset=dataset.name, version=version, change=change, report=report)


class ProgressWriter:
    """Reports progress, a few times a second."""

    def __init__(self) -> None:
        self._due_at = 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + SAID_EVERY_S
            say(ImportProgress(phase=phase, done=done, total=total))


def say(said: ImportProgress | ImportEnd) -> None:
    sys.stdout.write(said.model_dump_json() + "\n")
    sys.stdout.flush()


def main(root: str, folder: str) -> None:
    end_with_the_parent()
    os.nice(NICENESS)
    warnings.simplefilter("ignore")  # of decoders, about a stranger's file
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    order = ImportOrder.model_validate_json((Path(folder) / ORDER_FILE).read_bytes())
    Image.MAX_IMAGE_PIXELS = order.limits.pixels
    say(run(Store(Path(root)), Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
