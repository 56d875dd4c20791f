"""A folder with a generator to a version of a model. Loads no torch."""

import shutil
from dataclasses import replace
from pathlib import Path

from core.keys import ANYONE, Asker
from core.registry import Registry
from core.registry.manifest import MANIFEST_FILE
from core.store import check_files
from models.version import read_manifest


def publish_folder(
    registry: Registry,
    model: str,
    folder: Path,
    *,
    by_hand: bool = False,
    move: bool = False,
    again: bool = False,
    asker: Asker = ANYONE,
) -> tuple[int, bool]:
    """Publish a folder that write_generator filled; returns the version and whether it is new.

    by_hand, asker: see Registry.publish. move: the folder is given up, its files are not copied. again: see PublishKey.

    Raises:
        StoreDamaged: the folder's files do not match its manifest; nothing is published.
        Conflict: by hand, under the name of a model whose versions are for another task, or of another medium.
    """
    manifest = read_manifest(folder / MANIFEST_FILE)
    check_files(folder, manifest.files)

    def fill(target: Path) -> None:
        for name in (*manifest.files, MANIFEST_FILE):
            if move:
                (folder / name).rename(target / name)
            else:
                shutil.copyfile(folder / name, target / name)  # a link would share every later damage

    key = replace(manifest.key, again=again)
    kind = (manifest.task, manifest.medium) if by_hand else None  # a run was asked when it began
    return registry.publish(model, key, fill, by_hand=by_hand, asker=asker, kind=kind)
