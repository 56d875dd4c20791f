"""How many bytes autograd keeps for the way back: most of what a step needs beside the weights. Knows no network."""

import weakref

import torch
from torch import Tensor


class SavedTensors(torch.autograd.graph.saved_tensors_hooks):
    """Counts saved bytes within the block, each storage once; `peak_bytes` is their maximum."""

    def __init__(self) -> None:
        super().__init__(self._pack, self._unpack)
        self.peak_bytes = 0
        self._bytes = 0
        self._owners: dict[int, int] = {}  # how many saved tensors are in the storage at that address

    def _pack(self, tensor: Tensor) -> "_Kept":
        kept = _Kept(tensor)
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        self._owners[address] = self._owners.get(address, 0) + 1
        if self._owners[address] == 1:
            self._bytes += size
            self.peak_bytes = max(self.peak_bytes, self._bytes)
        weakref.finalize(kept, self._let_go, address, size)
        return kept

    def _let_go(self, address: int, size: int) -> None:
        self._owners[address] -= 1
        if not self._owners[address]:
            self._bytes -= size

    @staticmethod
    def _unpack(kept: "_Kept") -> Tensor:
        return kept.tensor


class _Kept:
    """One saved tensor, as long as autograd holds it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
