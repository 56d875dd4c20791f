"""The results as tables: for the terminal, and docs/benchmarks.md from the JSON files beside it. Measures nothing."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.machine import described
from bench.markdown import pipes

SCHEMA = 1
OURS, CONSTANT = "Ganymede", "constant PNG"
LOADS = {
    "n1": "1 image, 32 px",
    "n64": "64 images, 32 px, as one PNG sheet",
    "n64-npy": "64 images, 32 px, as npy",
    "n1-256px": "1 image, 256 px",
}
FORM = re.compile(r"(?P<load>n\d+(?:-npy)?)-c(?P<connections>\d+)(?P<size>-256px)?")

Result = dict[str, Any]
Row = tuple[str, ...]


def ratio(result: Result, cell: str, theirs: str, figure: str = "requests_per_s", their_cell: str = "") -> float | None:
    """Ours / `theirs` of one figure of a cell (`their_cell`: of another one); None where either was not measured."""
    ours = result["cells"].get(cell, {}).get(OURS)
    other = result["cells"].get(their_cell or cell, {}).get(theirs)
    return float(ours[figure] / other[figure]) if ours and other else None


def best_limit(result: Result, form: str) -> tuple[str, float] | None:
    """The fastest way of the bare forward pass in a form: its name, images/s."""
    ways = [(way, rate) for way, rate in result["limits"].items() if way.startswith(form)]
    return max(ways, key=lambda pair: pair[1]) if ways else None


def share_of_limit(result: Result, figures: dict[str, Any], way: str) -> float:
    """Images/s of a cell over those of the bare pass: round by round, since the machine changes, then the median."""
    speeds = figures["images_per_s"] / figures["requests_per_s"] * np.array(figures["rounds_requests_per_s"])
    limits = np.array(result.get("rounds_limits", {}).get(way, ()))
    if len(speeds) != len(limits):  # a round failed
        return float(figures["images_per_s"] / result["limits"][way])
    return float(np.median(speeds / limits))


def peers(result: Result) -> list[str]:
    """Every server but ours and the constant one, in the order in which they were measured."""
    seen = dict.fromkeys(server for by_server in result["cells"].values() for server in by_server)
    return [server for server in seen if server not in (OURS, CONSTANT)]


def criteria(result: Result) -> list[tuple[str, str]]:
    """What the service is held to, as text and value; without what was not measured."""
    found: list[tuple[str, float | None, str]] = []
    for peer in peers(result):
        found.append((f"requests/s, 1 image, 64 connections: ours / {peer}", ratio(result, "n1-c64", peer), "times"))
    for peer in peers(result):
        text = f"p50, 1 image, 1 connection: ours / {peer} (below 1: ours is faster)"
        found.append((text, ratio(result, "n1-c1", peer, "p50_ms"), "times"))
    ours = {cell: by_server[OURS] for cell, by_server in result["cells"].items() if OURS in by_server}
    if "n1-c64" in ours:
        spread = ours["n1-c64"]["p99_ms"] / ours["n1-c64"]["p50_ms"]
        found.append(("p99 / p50 of ours, 1 image, 64 connections", spread, "times"))
    for load in ("n64-npy", "n64"):
        cells = [figures for cell, figures in ours.items() if re.fullmatch(rf"{load}-c\d+", cell)]
        for form in ("float32", "bfloat16 channels_last", "bfloat16 as served"):
            limit = best_limit(result, form)
            if cells and limit:
                fastest = max(cells, key=lambda figures: float(figures["images_per_s"]))
                text = f"images/s, {LOADS[load]}: ours / the bare pass ({limit[0]}; median of the rounds' ratios)"
                found.append((text, share_of_limit(result, fastest, limit[0]), "share"))
    for cell, text in (("known-c64", "a 304"), ("same-c64", "a cached image")):
        share = ratio(result, cell, CONSTANT, their_cell="n1-c64")
        found.append((f"requests/s of {text}, 64 connections: ours / the constant PNG", share, "share"))
    overload = result["overload"]
    if overload:
        found.append(("goodput at 10 times the capacity / peak", overload["goodput_of_peak"], "share"))
    return [(text, f"{v:.1%}" if unit == "share" else f"{v:.2f}") for text, v, unit in found if v is not None]


def speed_tables(result: Result) -> list[tuple[str, list[Row]]]:
    """A title and the rows for each load and number of connections."""
    tables = []
    for cell, by_server in result["cells"].items():
        shape = FORM.fullmatch(cell)
        if shape is None:
            continue
        load, connections = shape["load"] + (shape["size"] or ""), int(shape["connections"])
        title = f"{LOADS[load]}, {connections} connection{'s' if connections > 1 else ''}"
        rows: list[Row] = [("server", "requests/s", "images/s", "p50 ms", "p99 ms", "requests/s of each round")]
        rows += [(server, *_speed(figures)) for server, figures in by_server.items()]
        tables.append((title, rows))
    return tables


def _speed(figures: dict[str, Any]) -> Row:
    rounds = " ".join(number(each) for each in figures.get("rounds_requests_per_s", []))
    names = ("requests_per_s", "images_per_s", "p50_ms", "p99_ms")
    return (*(number(figures[name]) for name in names), rounds)


def other_tables(result: Result) -> list[tuple[str, list[Row]]]:
    """What the two HTTP short cuts, the open loop, the overload and the bare pass gave."""
    tables: list[tuple[str, list[Row]]] = []
    cuts = {"n1-c64-post": "asked with POST", "same-c64": "the same URL again", "known-c64": "304, ETag known"}
    rows = [(text, *_speed(result["cells"][cell][OURS])) for cell, text in cuts.items() if cell in result["cells"]]
    if rows:
        head: Row = ("Ganymede", "requests/s", "images/s", "p50 ms", "p99 ms", "requests/s of each round")
        tables.append(("1 image, 32 px, 64 connections, in other ways", [head, *rows]))
    opened = result["cells"].get("open-loop", {})
    if opened:
        rows = [("server", "p50 ms", "p90 ms", "p99 ms", "answers", "left late, p99 ms")]
        names = ("p50_ms", "p90_ms", "p99_ms")
        rows += [
            (server, *(number(f[n]) for n in names), codes(f), number(f["sent_late_p99_ms"]))
            for server, f in opened.items()
        ]
        tables.append((f"1 image, 32 px, {result['rate']:g} requests/s as of independent users (open loop)", rows))
    if result["overload"]:
        tables.append(
            ("Overload: 64 images a request, 10 times the capacity (open loop)", _overload(result["overload"]))
        )
    if result["limits"]:
        ways = sorted(result["limits"].items(), key=lambda pair: -pair[1])
        rows = [("way", "images/s"), *((way, number(rate)) for way, rate in ways)]
        tables.append(("The bare forward pass, 32 px", rows))
    return tables


def _overload(found: dict[str, Any]) -> list[Row]:
    told = found["refused_with_retry_after"]
    return [
        ("Ganymede", ""),
        ("capacity, requests/s", number(found["peak_per_s"])),
        ("offered, requests/s", f"{number(found['offered_per_s'])} for {found['seconds']:g} s"),
        ("goodput, requests/s", f"{number(found['goodput_per_s'])}, {found['goodput_of_peak']:.1%} of the capacity"),
        ("p50, p99 of the accepted, ms", f"{number(found['p50_ms'])}, {number(found['p99_ms'])}"),
        ("answers", codes(found)),
        ("refusals with Retry-After", "none was refused" if told is None else f"{told:.1%}"),
        ("draws afterwards", "yes" if found["draws_afterwards"] else "no"),
        ("left late, p99 ms", number(found["sent_late_p99_ms"])),
    ]


def codes(found: dict[str, Any]) -> str:
    """How many answers of each status; 0 is a connection that broke."""
    parts = [f"{count} x {code}" for code, count in found["codes"].items()]
    return ", ".join(parts + ([f"{found['unanswered']} unanswered"] if found["unanswered"] else []))


def number(value: float | None) -> str:
    """Three or more digits, none that mean nothing."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def one_line(found: dict[str, Any]) -> str:
    """A cell while it runs."""
    if "requests_per_s" in found:
        speeds = f"{number(found['requests_per_s'])} requests/s  {number(found['images_per_s'])} images/s"
        return f"{speeds}  p50 {number(found['p50_ms'])} ms  p99 {number(found['p99_ms'])} ms"
    return f"p50 {number(found['p50_ms'])} ms  p99 {number(found['p99_ms'])} ms  {codes(found)}"


def about(result: Result) -> list[Row]:
    """Where and how it was measured."""
    host = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    agreement = ", ".join(f"{server} {levels}" for server, levels in result["agreement"].items() if server != OURS)
    rows = [
        ("machine", f"{described(host)}, {host['system']}"),
        ("date, revision", f"{result['date']}, {result['revision']}"),
        ("Ganymede runs on", f"Python {host['python']}, torch {host['torch']}"),
        ("the peers run on", versions or "none was measured"),
        ("rounds", f"{result['rounds']} of {result['seconds']:g} s a cell (64 images: twice that); medians"),
        ("grey levels between a peer's pictures and ours, at most", agreement or "no peer was measured"),
    ]
    return rows + [("FAILED", what.splitlines()[0]) for what in result["failed"]]


def text(result: Result) -> str:
    """For a terminal."""
    parts = [_columns(about(result))]
    held: list[Row] = [*criteria(result)]
    for title, rows in (*speed_tables(result), *other_tables(result), ("Held to", held)):
        parts.append(f"{title}\n{_columns(rows)}")
    return "\n\n".join(parts)


def _columns(rows: Sequence[Row]) -> str:
    if not rows:
        return "  nothing of it was measured"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown(result: Result) -> str:
    """A section of docs/benchmarks.md."""
    host = result["machine"]
    parts = [f"## {described(host)}\n", pipes([("", ""), *about(result)])]
    parts += ["### Ratios\n", pipes([("what", "measured"), *criteria(result)])]
    for title, rows in (*speed_tables(result), *other_tables(result)):
        parts += [f"### {title}\n", pipes(rows)]
    return "\n".join(parts)
