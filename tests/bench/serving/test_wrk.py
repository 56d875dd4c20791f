"""What wrk printed, read: figures, and loud failures. The last test drives the real wrk where there is one."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from bench.serving import wrk

LINE = (
    'RESULT {"requests":500,"duration_us":2000000,"bytes":50000,"p50_us":1500,"p90_us":2000,"p99_us":9000,'
    '"max_us":12000,"connect":0,"read":0,"write":0,"timeout":0,"status":%d}'
)


def test_rates_and_times_are_read_from_the_line_of_the_script() -> None:
    output = f"Running 2s test\n  500 requests in 2.00s\n\n{LINE % 0}\n"

    figures = wrk.figures(wrk.read(output), n=64)

    assert figures["requests_per_s"] == 250
    assert figures["images_per_s"] == 250 * 64
    assert (figures["p50_ms"], figures["p99_ms"], figures["max_ms"]) == (1.5, 9.0, 12.0)
    assert figures["bytes_per_request"] == 100


def test_one_failed_request_spoils_the_cell() -> None:
    with pytest.raises(wrk.LoadFailed, match=r"\{'status': 1\}"):
        wrk.read(LINE % 1)


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused"])
def test_an_output_without_figures_is_a_failure(output: str) -> None:
    with pytest.raises(wrk.LoadFailed, match="nothing that can be read"):
        wrk.read(output)


class _Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.seen.add(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def recorder() -> Iterator[str]:
    _Recorder.seen = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not wrk.is_here(), reason="wrk is not installed")
@pytest.mark.parametrize(("kind", "at_least", "at_most"), [("random", 5, 10**9), ("same", 1, 1)])
def test_the_script_draws_another_seed_each_time_or_asks_for_the_same(
    recorder: str, kind: wrk.Kind, at_least: int, at_most: int
) -> None:
    load = wrk.Workload(connections=1, n=3, kind=kind, model="some")

    figures = wrk.drive(recorder, "GET", "/generate", load, seconds=1, seed=1)

    assert figures["requests_per_s"] > 0
    assert at_least <= len(_Recorder.seen) <= at_most
    assert all(path.endswith("&n=3&format=png&model=some") for path in _Recorder.seen)
