"""Nothing of app/ uses what is private to the web framework: it may be gone with the next release."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator

from tests.test_architecture import _modules as modules
from tests.test_architecture import _top

FRAMEWORK = {"fastapi", "starlette", "uvicorn"}
PUBLIC_OF_TUPLES = {"_replace", "_asdict", "_fields"}  # no names of fields, so they begin with _
_SELF = re.compile(r"\b(?:self\.|def )(_(?!_)\w+)")


def test_nothing_of_the_web_framework_is_used_that_is_private_to_it() -> None:
    # A name that begins with _ may be gone with their next release: on any object but ours, or by its name in a text.
    own = {"self", "cls"}
    reached = (
        f"{module.path}:{node.lineno} {node.attr}"
        for module in modules("app")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and getattr(node.value, "id", "") not in own
        if node.attr not in PUBLIC_OF_TUPLES and not module.full_name(node).startswith("torch.")
    )
    imported = (f"{m.path} {name}" for m in modules("app") for name in m.aliases.values() if _names_private(name))
    inherited = (f"{kind.__module__}.{kind.__name__}: {name}" for kind in _framework_classes() for name in _taken(kind))

    assert [*reached, *imported, *inherited] == []


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _names_private(name: str) -> bool:
    return _top(name) in FRAMEWORK and any(map(_is_private, name.split(".")))


def _framework_classes() -> Iterator[type]:
    """Classes of ours that are made of one of the framework's."""
    for module in modules("app"):
        if module.imports & FRAMEWORK and not module.path.endswith("__main__.py"):
            loaded = importlib.import_module(module.path.removesuffix(".py").replace("/", "."))
            classes = (each for each in vars(loaded).values() if isinstance(each, type))
            yield from (each for each in classes if each.__module__ == loaded.__name__ and _bases(each))


def _bases(kind: type) -> list[type]:
    return [base for base in kind.__mro__ if _top(base.__module__) in FRAMEWORK]


def _taken(kind: type) -> list[str]:
    """Private names of its bases that a class uses or defines."""
    ours, theirs = (set(_SELF.findall("".join(map(inspect.getsource, kinds)))) for kinds in ([kind], _bases(kind)))
    return sorted((ours | set(filter(_is_private, vars(kind)))) & theirs)
