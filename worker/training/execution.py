"""How a run is computed: device, number format, threads. Format and threads, once decided, are obeyed on resume.

Knows no run.
"""

import os
from dataclasses import dataclass

import torch

from core.errors import TrainingFailed
from core.machine.cores import available_cores
from models.device import choose_device
from models.precision import has_bfloat16
from worker.training.distributed import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """device: "cpu" or "cuda[:N]"; precision: "float32" or "bfloat16" (of the passes; weights stay float32).

    processes: how many train together, on how many hosts.
    """

    device: str
    precision: str
    threads: int
    processes: int = 1
    hosts: int = 1

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    def autocast(self, *, allowed: bool = True) -> torch.autocast:
        """Use bfloat16 if that is the run's format, unless it is not `allowed`."""
        enabled = allowed and self.precision == "bfloat16"
        return torch.autocast(self.torch_device.type, torch.bfloat16, enabled=enabled, cache_enabled=True)

    def apply(self) -> None:
        """Set this process up; beside a serving API on the same CPU it steps back."""
        torch.set_num_threads(self.threads)
        if self.torch_device.type == "cpu":
            os.nice(10)
        else:
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True

    def changes_since(
        self, device: str | None, threads: int | None, processes: int | None = None
    ) -> dict[str, dict[str, int | str]]:
        """What the attempt before had otherwise, for which sums are made in another order: fewer cores, another device,
        more or fewer processes. Each as `before` and `now`; nothing where nothing was decided before (None)."""
        found: dict[str, dict[str, int | str]] = {}
        if threads is not None and threads != self.threads:
            found["threads"] = {"before": threads, "now": self.threads}
        if device is not None and torch.device(device).type != self.torch_device.type:  # not another GPU of the machine
            found["device"] = {"before": device, "now": self.device}
        if processes is not None and processes != self.processes:
            found["processes"] = {"before": processes, "now": self.processes}
        return found


def decide(device: str, precision: str, threads: int | None = None, world: World = ALONE) -> Execution:
    """Settle "auto": the GPU where there is one, bfloat16 where the hardware computes in it.

    `threads` is what an attempt before this one had: with another number sums are made in another order. The processes
    of `world` train together, on a CPU each with its share of the cores of its host.
    """
    device = choose_device(device)
    if torch.device(device).type == "cuda" and torch.device(device).index is not None:
        torch.cuda.set_device(device)
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16(torch.device(device)) else "float32"
    cores = max(1, available_cores() // world.local_size)
    chosen = min(threads or cores, cores)
    return Execution(device=device, precision=precision, threads=chosen, processes=world.size, hosts=world.hosts)


def devices_of(device: str, processes: int) -> list[str]:
    """Choose a GPU for each process, or the CPU for all; TrainingFailed if there are too few GPUs."""
    settled = torch.device(choose_device(device))
    if settled.type != "cuda":
        return [str(settled)] * processes
    there_are = torch.cuda.device_count() if settled.index is None else 1
    if processes > there_are:
        given = f"GANYMEDE_DEVICE={device} gives it {there_are}"
        message = f"{processes} processes need {processes} GPUs, and this worker has fewer: {given}"
        raise TrainingFailed("too_few_devices", message, retryable=True)
    return [f"cuda:{index}" for index in range(processes)]
