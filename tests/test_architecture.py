"""The rules of the house that no linter knows. Reads the code and knows nothing of what it does.

The layers themselves are held by import-linter (pyproject.toml); `make check` runs both.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.open_dictionaries import AT_MOST, PASSED_THROUGH, open_dictionaries

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("core", "models", "worker", "app", "ganymede", "bench")
EVERYTHING = (*PRODUCT, "tests")

FILE_LIMIT = 300  # lines, with comments and docstrings
FUNCTION_LIMIT = 40  # lines from `def` to the last, with the docstring
ENTRY_LIMIT = 14  # files and folders at the top of a part, without __init__.py

# Names that say nothing of what is inside, so that anything ends up there.
EMPTY_NAMES = {"base", "common", "handler", "helper", "manager", "misc", "util"}
EMPTY_NAMES |= {f"{name}s" for name in EMPTY_NAMES}

SHAPED = re.compile(r"_?[a-z]\w*_([A-Z][A-Z0-9]*)")  # x_BCHW: a letter for each dimension

ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
PICKLES = {"_pickle", "cloudpickle", "dill", "joblib", "pickle", "shelve"}

# (file, name it may use although the rules say no): why. An entry that nobody needs fails a test.
ALLOWED = {
    ("bench/serving/servers.py", "os.environ"): "the servers it starts inherit its environment",
    ("core/machine/processes.py", "sys.executable"): "the one place that says how it is called",
    ("bench/serving/servers.py", "sys.executable"): "servers of several environments, started in this folder",
    ("bench/service.py", "os.environ"): "the processes it starts inherit its environment",
    ("worker/processes/launch.py", "os.environ"): "the processes it starts inherit its environment",
    ("ganymede/client/environment.py", "os.environ"): "names the variable that httpx could not use",
    ("ganymede/commands/picture.py", "os.environ"): "nothing else tells which terminal it is",
    ("ganymede/supervisor.py", "os.environ"): "the processes it starts inherit its environment",
    ("core/machine/systemd.py", "os.environ"): "the protocol of who starts it, which is none of our settings",
    ("core/machine/group.py", "os.environ"): "the protocol of torchrun, which is none of our settings",
    ("worker/training/scores/efficientnet.py", "torch.load"): "the one pickle: of a pinned SHA-256, with weights_only",
}

# Not to be found in a tracked file: paths of one machine, hosts of package registries. [k], [.]: so not in this one.
OF_ONE_MACHINE = re.compile(rb"(?<![\w.-])/wor[k]/|pypi[.]org|pythonhosted[.]org|pytorch[.]org/whl|npmjs[.]org")


@dataclass(frozen=True)
class Module:
    """One Python file: its path from the root, its number of lines, its syntax tree, its names for things."""

    path: str
    lines: int
    tree: ast.Module
    aliases: dict[str, str]  # name in this file -> what it stands for, of all that is imported

    @property
    def imports(self) -> set[str]:
        """Top-level names of the packages it imports, also inside functions."""
        return {_top(name) for name in self.aliases.values()}

    @property
    def uses(self) -> set[str]:
        """Every dotted name in it: `np.load` and `from numpy import load` are both `numpy.load`."""
        names = {self.full_name(node) for node in ast.walk(self.tree)}
        return names | set(self.aliases.values())

    @property
    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        calls = (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return ((self.full_name(call.func), call) for call in calls)

    def full_name(self, node: ast.AST) -> str:
        """The dotted name that a node stands for, or "" where it is not a name."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (owner := self.full_name(node.value)):
            return f"{owner}.{node.attr}"
        return ""


def _top(name: str) -> str:
    return name.partition(".")[0]


def _aliases(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):  # `import a.b` binds a alone
            found |= {
                alias.asname or _top(alias.name): alias.name if alias.asname else _top(alias.name)
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, str(path))
    return Module(path.relative_to(ROOT).as_posix(), len(text.splitlines()), tree, _aliases(tree))


def _modules(*packages: str) -> list[Module]:
    return [_read(path) for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def _users(names: set[str], *packages: str) -> list[str]:
    """Who uses one of the names without being allowed to."""
    found = [(module.path, name) for module in _modules(*packages) for name in sorted(module.uses & names)]
    return [f"{path} uses {name}" for path, name in found if (path, name) not in ALLOWED]


def test_every_package_is_there_to_be_checked() -> None:
    assert [package for package in EVERYTHING if not _modules(package)] == []


def test_no_file_is_longer_than_300_lines() -> None:
    assert [f"{m.path}: {m.lines} lines" for m in _modules(*EVERYTHING) if m.lines > FILE_LIMIT] == []


def test_no_function_is_longer_than_40_lines() -> None:
    functions = (
        (module, node, (node.end_lineno or node.lineno) - node.lineno + 1)
        for module in _modules(*EVERYTHING)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )

    long = [f"{m.path}:{f.lineno} {f.name}: {lines} lines" for m, f, lines in functions if lines > FUNCTION_LIMIT]

    assert long == []


@pytest.mark.parametrize("part", ["app", "core", "worker"])
def test_a_part_is_known_at_a_glance(part: str) -> None:
    entries = {path.name for path in (ROOT / part).iterdir()} - {"__init__.py", "__pycache__"}

    assert len(entries) <= ENTRY_LIMIT, sorted(entries)


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    paths = (Path(module.path) for module in _modules(*EVERYTHING))

    assert [str(p) for p in paths if EMPTY_NAMES & {part.strip("_") for part in p.with_suffix("").parts}] == []


def test_a_class_has_its_name_for_itself() -> None:
    of_each_architecture = {"Generator", "Trunk"}
    homes: dict[str, list[str]] = {}
    for module in _modules(*PRODUCT):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and node.name not in of_each_architecture:
                homes.setdefault(node.name, []).append(module.path)

    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_every_module_begins_by_saying_what_it_is() -> None:
    mute = [module.path for module in _modules(*EVERYTHING) if not ast.get_docstring(module.tree)]

    assert mute == []


def test_a_legend_explains_every_letter_of_a_shape_suffix() -> None:
    unexplained = {}
    for module in _modules(*PRODUCT):
        text = (ast.get_docstring(module.tree) or "").partition("Shape suffixes: ")[2].partition("\n\n")[0]
        names = (str(getattr(node, field, "")) for node in ast.walk(module.tree) for field in ("id", "arg", "attr"))
        suffixes = [found[1] for name in names if (found := SHAPED.fullmatch(name))]
        if missing := set(re.sub("[0-9]", "", "".join(suffixes))) - set(re.findall(r"\b[A-Z]\b", text)):
            unexplained[module.path] = missing

    assert unexplained == {}


def test_core_imports_neither_torch_nor_fastapi() -> None:
    heavy = {"torch", "safetensors", "fastapi", "starlette"}

    assert [m.path for m in _modules("core") if m.imports & heavy] == []


def test_within_core_only_the_queue_speaks_to_redis() -> None:
    speakers = [m.path for m in _modules("core") if m.imports & {"rq", "redis"}]

    assert [path for path in speakers if path != "core/queue/queue.py"] == []


def test_only_the_settings_read_the_environment() -> None:
    assert [user for user in _users(ENVIRONMENT, *PRODUCT) if not user.startswith("core/settings.py ")] == []


def test_only_the_commands_of_processes_name_the_interpreter() -> None:
    # `python -m app` would run the app.py of whatever folder somebody is in.
    assert _users({"sys.executable"}, *PRODUCT) == []


def test_only_commands_and_benchmarks_print() -> None:
    silent = _modules("core", "models", "worker", "app", "tests")

    assert [f"{m.path}:{call.lineno}" for m in silent for name, call in m.calls if name == "print"] == []


def test_nothing_is_pickled() -> None:
    assert [m.path for m in _modules(*PRODUCT) if m.imports & PICKLES] == []


def test_no_foreign_file_goes_through_torch_load() -> None:
    assert _users({"torch.load", "torch.hub.load", "torch.serialization.load"}, *PRODUCT) == []


def test_arrays_are_loaded_with_pickles_refused_in_so_many_words() -> None:
    loads = ((m, call) for m in _modules(*PRODUCT) for name, call in m.calls if name == "numpy.load")

    assert [f"{module.path}:{call.lineno}" for module, call in loads if not _refuses_pickles(call)] == []


def _refuses_pickles(call: ast.Call) -> bool:
    values = [keyword.value for keyword in call.keywords if keyword.arg == "allow_pickle"]
    return [value.value for value in values if isinstance(value, ast.Constant)] == [False]


def test_dictionaries_of_anything_pass_json_through() -> None:
    found = open_dictionaries({m.path: m.tree for m in _modules("app", "core", "ganymede", "models", "worker")})

    assert found == {path: count for path, (count, _) in PASSED_THROUGH.items()}
    assert found.total() <= AT_MOST


@pytest.mark.parametrize(("path", "name"), ALLOWED)
def test_every_exception_to_the_rules_is_still_needed(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    assert name in _read(ROOT / path).uses


def test_no_tracked_file_names_one_machine_or_a_registry() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # safe.directory: CI often checks out as one user and runs as another
    command = [git, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = (ROOT / name for name in listing.stdout.split("\0") if name)

    found = [(f.relative_to(ROOT), OF_ONE_MACHINE.search(f.read_bytes())) for f in files if f.is_file()]

    assert [f"{path}: {match.group()!r}" for path, match in found if match] == []


def test_the_contract_imports_pydantic_and_the_standard_library_alone() -> None:
    known = {"ganymede", "pydantic", "pydantic_core", *sys.stdlib_module_names}

    assert [(m.path, m.imports - known) for m in _modules("ganymede/schemas") if m.imports - known] == []
