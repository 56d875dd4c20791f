"""`python -m core.datasets STORE FOLDER`: one import, in a process of its own. Knows no HTTP.

What a stranger's file does to a decoder, it does not do to the service; and who hangs up can have it ended.

FOLDER holds order.json. The process says on stdout, in lines of JSON, how far it is, `{"phase", "done", "total"}`, and
at last what came of it: `{"dataset", "version", "change", "report"}`, `{"refused": {"detail", "problems"}}` or
`{"errno"}` of a disk that cannot be written. It ends at once when its stdin is closed.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

from core.datasets import DatasetStore, Origin
from core.datasets.build import build
from core.datasets.order import ImportOrder
from core.errors import InvalidRequest
from core.machine.lifeline import end_with_the_parent
from core.store import Store

ORDER_FILE, WORK_FOLDER = "order.json", "work"
NICENESS = 5  # beside an API that draws; somebody waits for this, too
SAID_EVERY_S = 0.2


def run(store: Store, folder: Path) -> dict[str, Any]:
    """Carry out order.json, and return the result."""
    order = ImportOrder.model_validate_json((folder / ORDER_FILE).read_bytes())
    work = folder / WORK_FOLDER
    work.mkdir()
    try:
        built = build(order, work, ProgressWriter())
        say(phase="storing", done=0, total=0)
        form = order.form
        source = form.source or f"upload of {', '.join(upload.filename for upload in order.files)}"
        dataset, change = DatasetStore(store).put(
            form.name,
            built.content,
            Origin(source, form.licence, form.attribution),
            images_file=built.images_file,
            options=form.model_dump(include={"size", "crop", "channels", "background"}),
        )
    except InvalidRequest as error:
        problems = [{"pointer": problem.pointer, "detail": problem.detail} for problem in error.problems]
        return {"refused": {"detail": str(error), "problems": problems}}
    except OSError as error:
        if error.errno is None:
            raise
        return {"errno": error.errno}
    version, report = dataset.manifest.version, built.report.to_body()
    return {"dataset": dataset.name, "version": version, "change": change, "report": report.model_dump(mode="json")}


class ProgressWriter:
    """Reports progress, a few times a second."""

    def __init__(self) -> None:
        self._due_at = 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + SAID_EVERY_S
            say(phase=phase, done=done, total=total)


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(root: str, folder: str) -> None:
    end_with_the_parent()
    os.nice(NICENESS)
    warnings.simplefilter("ignore")  # of decoders, about a stranger's file
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    order = ImportOrder.model_validate_json((Path(folder) / ORDER_FILE).read_bytes())
    Image.MAX_IMAGE_PIXELS = order.limits.pixels
    say(**run(Store(Path(root)), Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
