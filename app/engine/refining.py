"""Slices of a search for noise (models/search.py), where the networks are: in the engine process, or on a thread.

A slice is short, so that who hangs up, or what is drawn meanwhile, waits for no search. Knows no queue.

Shape suffixes: H height, W width, A channels of a picture, and whether a pixel is known.
"""

import threading
from pathlib import Path

import torch
from torch import nn

from app.engine.forward import alone_on
from core.media.images import Images
from models.context import Descent
from models.search import descend
from models.version import WEIGHTS_FILE
from models.weights import load_generator

SLICE_S = 0.2


class Refiner:
    """Keeps the network of the last search: in the form it was trained in, as those that draw have no gradient."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._network: nn.Module | None = None

    def advance(self, folder: Path, now: Descent, picture_HWA: Images, steps: int) -> Descent:
        """Make some more steps, up to `steps` in all, with the network in a folder; StoreDamaged if it is not there."""
        with alone_on(self.device):
            return descend(self._loaded(folder), now, picture_HWA, steps, SLICE_S)

    def _loaded(self, folder: Path) -> nn.Module:
        with self._lock:
            if self._network is None or folder != self._folder:
                self._folder = self._network = None
                network, _ = load_generator(folder / WEIGHTS_FILE)
                self._folder, self._network = folder, network.requires_grad_(False).to(self.device)
            return self._network
