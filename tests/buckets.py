"""S3 servers for tests, on this machine: SeaweedFS, which heeds conditions, rclone, which does not, moto if installed.

obstore reads its keys from the environment of the process, as in production.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from core.errors import StoreUnavailable
from core.network.bucket_url import BucketUrl
from core.store.objects.bucket import BucketClient
from tests.fixtures import PLAIN, until

BUCKET, REGION = "pictures", "us-east-1"
KEY_ID, SECRET = "testkey", "testsecret0123456789"
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


@dataclass(frozen=True)
class S3Server:
    """A running server, and its process."""

    endpoint: str
    process: "subprocess.Popen[bytes]"

    def open(self, prefix: str) -> BucketClient:
        return BucketClient.open(BucketUrl(BUCKET, prefix), self.endpoint)


def program(name: str) -> str | None:
    """Return the path of a program of this environment."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[S3Server]:
    """A SeaweedFS whose parts listen on loopback alone."""
    master, volume, filer, s3, *grpc = free_ports(8)
    command = [
        *(program("weed") or "weed", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(
            f"-master.port={master}",
            f"-master.port.grpc={grpc[0]}",
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
        ),
        *(f"-volume.port={volume}", f"-volume.port.grpc={grpc[1]}", "-volume.max=20"),
        *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={grpc[2]}"),
        *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={grpc[3]}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]
    with _running(command, folder, s3) as server:
        yield server


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[S3Server]:
    (port,) = free_ports(1)
    (folder / BUCKET).mkdir()
    command = [
        *(program("rclone") or "rclone", "serve", "s3", str(folder), "--config", os.devnull),
        *("--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}"),
    ]
    with _running(command, folder, port) as server:
        yield server


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[S3Server]:
    (port,) = free_ports(1)
    with _running([program("moto_server") or "moto_server", "-p", str(port)], folder, port) as server:
        yield server


def _make_bucket(endpoint: str) -> bool:
    """As moto wants it, which asks for no signature; SeaweedFS makes the bucket when something is written."""
    try:
        return httpx.put(f"{endpoint}/{BUCKET}", **PLAIN).status_code == 200
    except httpx.HTTPError:
        return False


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[S3Server]:
    """Start a server, make its bucket, and end it; what it says is in server.log."""
    with (folder / "server.log").open("wb") as said:
        environment = os.environ | KEYS
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT)
    server = S3Server(f"http://127.0.0.1:{port}", process)
    try:
        until(lambda: process.poll() is not None or _make_bucket(server.endpoint) or _answers(server), every_s=0.1)
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        yield server
    finally:
        process.kill()  # asked to end, SeaweedFS takes 25 s
        process.wait(60)


def _answers(server: S3Server) -> bool:
    """Write to the bucket: a server may listen before it can do that."""
    try:
        server.open("ready").create(os.urandom(8).hex(), b"")
    except StoreUnavailable:
        return False
    return True
