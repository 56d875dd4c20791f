"""The walk of a seed, as docs/architecture.md has it, is what a request really calls."""

import ast
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx

ROOT = Path(__file__).resolve().parents[3]
MOST_MODULES = 15
# A test draws in its own process: these are not called, and have to be there.
OF_THE_ENGINE_PROCESS = ("app/engine/process_backend.py:", "app/engine/ipc.py:", "app/engine/process.py:")


def walk() -> list[str]:
    """`file:function` of each step."""
    section = (ROOT / "docs" / "architecture.md").read_text().split("## The walk of a seed\n")[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block
    return [line.split()[0] for line in block[1].splitlines()]


@contextmanager
def calls() -> Iterator[list[str]]:
    """The functions of this project that are called meanwhile, each once, as `file:function`."""
    called: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            called.setdefault(f"{path.relative_to(ROOT).as_posix()}:{frame.f_code.co_qualname}")

    noted: list[str] = []
    threading.setprofile(note)  # of threads that begin from now on: the one that draws has none yet
    sys.setprofile(note)
    try:
        yield noted
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        noted += called


def functions(path: str) -> set[str]:
    """All functions of a file, those of a class as Class.name."""
    tree = ast.parse((ROOT / path).read_text())
    methods = {
        f"{kind.name}.{each.name}"
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
        for each in kind.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return methods | {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


async def test_a_request_calls_each_function_of_the_walk_in_its_order(client: httpx.AsyncClient) -> None:
    steps = [step for step in walk() if not step.startswith(OF_THE_ENGINE_PROCESS)]

    with calls() as called:
        answer = await client.get("/generate?seed=42")

    assert answer.status_code == 200
    assert [step for step in called if step in steps] == steps


def test_every_function_of_the_walk_is_there() -> None:
    assert [step for step in walk() if step.split(":")[1] not in functions(step.split(":")[0])] == []


def test_the_walk_crosses_few_modules() -> None:
    assert len({step.split(":")[0] for step in walk()}) <= MOST_MODULES
