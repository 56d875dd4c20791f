"""Where product code has dictionaries that a type checker cannot look into, and why each passes JSON through.

Counted are `dict` and its kin of `Any`, `object` or pydantic's JsonValue, and each use of a name that stands for one.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping

MAPPINGS = {"dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict"}
ANYTHING = {"Any", "object", "JsonValue"}
QUOTED = re.compile(r"\b(?:dict|Mapping)\[[^][]+, (?:Any|object|JsonValue)\]")  # an annotation in quotes
OF_OTHERS = {"JsonSchemaValue", "JsonDict"}  # pydantic's own names for one

AT_MOST = 40
PASSED_THROUGH = {  # file: how many lines, and why
    "app/catalog/transfer.py": (1, "`responses` as FastAPI takes it"),
    "app/datasets/upload.py": (1, "`openapi_extra` as FastAPI takes it, with the JSON Schema of the form"),
    "app/engine/ipc.py": (1, "any message becomes JSON here"),
    "app/engine/process.py": (1, "any answer, for ipc"),
    "app/errors.py": (1, "`responses` as FastAPI takes it"),
    "app/generate/morph.py": (1, "`responses` as FastAPI takes it"),
    "app/generate/route.py": (1, "`responses` as FastAPI takes it"),
    "app/http/openapi.py": (2, "the document as FastAPI makes and keeps it; what is read of it has types"),
    "app/train/nearest.py": (1, "`responses` as FastAPI takes it"),
    "core/media/images/animations.py": (1, "options as Pillow takes them"),
    "core/resolved.py": (1, "the record as it is written"),
    "core/runs/metrics.py": (2, "points: a metric is whatever key has a number"),
    "core/runs/run.py": (1, "what an event tells, which nobody reads here"),
    "core/runs/stored_spec.py": (3, "what was asked of another build, told as it is"),
    "core/store/files.py": (3, "JSON to and from a file"),
    "core/store/record.py": (1, "the record as it is written"),
    "core/store/store.py": (2, "JSON to and from a file"),
    "ganymede/client/calls.py": (1, "a JSON Schema, as the service sends it"),
    "ganymede/commands/history.py": (1, "what an event tells, printed whatever it is"),
    "ganymede/commands/keys.py": (1, "a key on its way to stdout"),
    "ganymede/commands/train.py": (1, "options on their way to the client"),
    "ganymede/schemas/bodies.py": (2, "a JSON Schema, as pydantic makes it"),
    "ganymede/schemas/models.py": (1, "of a manifest, told as it is"),
    "ganymede/schemas/runs.py": (4, "options, numbers and events of another build, told as they are"),
    "ganymede/schemas/specs.py": (1, "a JSON Schema, as pydantic makes it"),
    "ganymede/schemas/validation.py": (3, "as RunBody has them"),
    "models/auto.py": (1, "a JSON Schema"),
}


def open_dictionaries(trees: Mapping[str, ast.Module]) -> Counter[str]:
    """Lines of each file that have one."""
    aliases = {(path, name) for path, tree in trees.items() for name in _aliases(tree)}
    found = {path: len(set(_lines(tree, _names_in(path, tree, aliases)))) for path, tree in trees.items()}
    return Counter({path: count for path, count in found.items() if count})


def _lines(tree: ast.Module, names: set[str]) -> Iterator[int]:
    for node in ast.walk(tree):
        is_quoted = isinstance(node, ast.Constant) and isinstance(node.value, str) and QUOTED.search(node.value)
        if isinstance(node, ast.expr) and (_is_open(node) or is_quoted or _last(node) in names):
            yield node.lineno


def _is_open(node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript) or _last(node.value) not in MAPPINGS:
        return False
    return isinstance(node.slice, ast.Tuple) and _last(node.slice.elts[-1]) in ANYTHING


def _aliases(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives to one."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Subscript):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(map(_is_open, ast.walk(node.value))):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def _names_in(path: str, tree: ast.Module, aliases: set[tuple[str, str]]) -> set[str]:
    """Those that mean one in this module: its own, and what it imports."""
    names = {name for where, name in aliases if where == path}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            there = f"{node.module.replace('.', '/')}.py"
            found = {each for each in node.names if (there, each.name) in aliases or each.name in OF_OTHERS}
            names |= {each.asname or each.name for each in found}
    return names


def _last(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
