"""The hosts of a training group on this machine: a torchrun each, as people start it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import Settings
from ganymede.supervisor import free_port
from tests.fixtures import until
from tests.processes import command_line, descendants, lives


@dataclass
class Hosts:
    """Each has a core, and writes what it says to a file of `folder`. within: a command before it, by host."""

    settings: Settings
    folder: Path
    address: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    within: Sequence[Sequence[str]] = ((), ())
    variables: dict[str, str] = field(default_factory=dict)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, rank: int) -> "subprocess.Popen[bytes]":
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--rdzv-backend", "static", "--nnodes", "2"]
        torchrun += ["--nproc-per-node", "1", "--node-rank", str(rank), "--master-addr", self.address]
        torchrun += ["--master-port", str(self.port), "-m", "worker"]
        environment = {
            **os.environ,
            "GANYMEDE_HOME": str(self.settings.home),
            "GANYMEDE_REDIS_URL": str(self.settings.redis_url),
            "GANYMEDE_DEVICE": "cpu",
            "OMP_WAIT_POLICY": "PASSIVE",
            **self.variables,
        }
        with self.said_by(rank).open("ab") as output:
            cores = sorted(os.sched_getaffinity(0))
            own = ["taskset", "--cpu-list", str(cores[rank % len(cores)])]
            command = [*self.within[rank], *own, *torchrun]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def start_both(self) -> None:
        self.processes = []
        for rank in range(2):
            self.start(rank)

    def said_by(self, rank: int) -> Path:
        return self.folder / f"host-{rank}.log"

    @property
    def said(self) -> str:
        return "\n".join(self.said_by(rank).read_text() for rank in range(2))

    def one(self, rank: int, module: str) -> int | None:
        """The process of this host that runs `module`; None: there is none."""
        found = (pid for pid in descendants(self.processes[rank].pid) if f"-m {module} " in command_line(pid))
        return next(found, None)

    def horse(self) -> int | None:
        """The process of the first host that trains."""
        first = self.one(0, "worker.processes.first")
        return next(iter(descendants(first)), None) if first else None

    def kill_host(self, rank: int) -> None:
        """Everything of it at once, as when a machine is gone."""
        torchrun = self.processes[rank].pid
        for pid in [torchrun, *descendants(torchrun)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ended(self, within_s: float = 120.0) -> list[int]:
        """The exit statuses of both, and nothing of them is left."""
        everything = [pid for process in self.processes for pid in descendants(process.pid)]
        ended = [process.wait(within_s) for process in self.processes]
        until(lambda: not any(map(lives, everything)), 30)
        return ended

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
        for rank in range(len(self.processes)):
            self.kill_host(rank)


@contextlib.contextmanager
def namespaces() -> Iterator[tuple[str, list[list[str]]]]:
    """Two networks with a cable between them, and nothing else; each with a name of a host of its own.

    Yields the address of the first, and for each host the command that puts another one there. CalledProcessError: the
    machine does not allow it.
    """
    names = [f"gan{os.getpid()}{side}" for side in "ab"]
    words = 'echo "$0" > /proc/sys/kernel/hostname; exec "$@"'
    within = [["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", words, name] for name in names]
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", names[0], "netns", names[0], "type", "veth", "peer", names[1], "netns", names[1])
        for number, name in enumerate(names):
            _ip("-n", name, "address", "add", f"10.213.7.{number + 1}/30", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        subprocess.run([*within[0], "true"], check=True, capture_output=True)
        yield "10.213.7.1", within
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
