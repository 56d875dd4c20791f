"""Writes the generated pages: `python docs/generate.py`. A test regenerates and compares them."""

from pathlib import Path

from core.settings import Settings

FOLDER = Path(__file__).resolve().parent


def settings_page() -> str:
    """docs/settings.md: every setting with its default and what it is for."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append(f"| `GANYMEDE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(
        [
            "# Settings",
            "",
            "Environment variables, read once when a process starts. A value that cannot be used stops the process and",
            "is named. Made by `python docs/generate.py` from `core/settings.py`.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    (FOLDER / "settings.md").write_text(settings_page())
