"""docs/benchmarks.md: how to run the serving benchmark, how to read it, and every recorded result. Measures nothing."""

from pathlib import Path

from bench.records import read_records
from bench.serving import report

BEGINS = """# Benchmarks

Made by `python docs/generate.py` from the JSON files in `docs/benchmarks/`.

## Serving

    make bench-serving                                      # everything: the better part of an hour
    make bench-serving ARGS="--quick"                       # a second a cell: whether it works, no result
    make bench-serving ARGS="--peers mosec --only n1-c64"   # one peer, one cell

It needs [wrk](https://github.com/wg/wrk) (`apt-get install wrk`), and puts the peers into `.venv-peers`, an environment
of their own, at the versions of `bench/serving/peers/requirements.txt`. Leave the machine alone while it runs. The
result goes to `docs/benchmarks/`, under the name of the machine.

What is compared:

- All servers draw the same generator (DCGAN, width 256, RGB, 100 noise values) from the same weights, with the same
  noise for a seed. Before anything is measured each server's pictures are held against ours; more than 3 grey levels
  apart, and it is not measured. Each peer is one file in `bench/serving/peers/`, with the pages of its documentation
  that it follows.
- The peers run the network as papers and tutorials write it: upsampling, convolution, batch norm, float32, eager,
  under inference_mode; PNG is Pillow's at its fastest level. What Ganymede makes of the same weights (one transposed
  convolution for two steps, batch norms folded, bfloat16 where a picture stays within 2 grey levels, its own PNG
  writer) is part of what is compared. A peer that is given our rewritten convolution is nearly twice as fast as it is
  here.
- One server runs at a time. In each round every server is started, warmed up and measured in every cell; the tables
  show medians over the rounds, and each round.
- wrk keeps a number of connections busy (closed loop), with another seed in every request, so no cache helps. FastAPI
  and Ganymede are asked with GET; LitServe, mosec and BentoML know POST alone (Ganymede with POST is a row of its own).
  wrk counts a slow answer also for the requests that it held up. A cell in which any request fails has no number.
- After a crowd BentoML's batcher, which adapts, holds a request that is alone for seconds: where 64 images as npy over
  one connection were measured after 64 connections, it answered 0.2 requests/s, by itself 8.0.
- The open loop sends at fixed times, answered or not; what is due within 5 ms leaves together. Latency counts from the
  time a request should have left; where "left late" is not small beside p50, the generator itself was the limit. The
  generator shares the machine with the server, as wrk does.
- The limits: the bare forward pass without any server, and a constant PNG from FastAPI, uvicorn, uvloop and httptools
  in one process. The bare pass is timed right after Ganymede in each round, over batch sizes and threads, and the best
  of a form counts: "bfloat16 channels_last" is the network as PyTorch runs it eagerly, "as served" is what Ganymede
  makes of it, folded and packed: the harder of the two.
- Overload: requests of 64 images, evenly spaced, ten times as many as 16 connections get answered. Goodput is what was
  answered with 200 within that time; the seconds in which the queue fills count, so a short run says less than the
  60 seconds of a whole one.
"""
NOTHING = "\nNothing has been recorded yet.\n"


def page(folder: Path) -> str:
    """The page of all results in `folder`."""
    results = read_records(folder, "serving-*.json")
    assert all(result["schema"] == report.SCHEMA for result in results), "a result of another schema"
    return BEGINS + ("\n" + "\n".join(map(report.markdown, results)) if results else NOTHING)
