"""Tables of Markdown. Knows nothing of what is in them."""

from collections.abc import Sequence


def pipes(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the head; a pipe in a cell becomes a slash."""
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:], ""])
