"""What a run may start from, as its folder sees it. Knows no weights: models/initial.py does."""

from pathlib import Path
from typing import Protocol

from core.resolved import ResolvedConfig
from ganymede.schemas.runs import InitBody


class Initial(Protocol):
    """Weights that a run starts from."""

    def facts(self, resolved: ResolvedConfig) -> InitBody: ...

    def copy_to(self, folder: Path) -> None:
        """Into the folder of the run, before anyone sees it."""
