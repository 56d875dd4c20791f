"""docs/settings.md: every setting with its default and what it is for."""

from core.settings import Settings


def settings_page() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
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
