"""Pictures in a terminal: by the protocol of kitty or of iTerm2, or as coloured half blocks. Knows no command.

They go to stderr, as all that is for people alone; where that is no terminal nothing is shown. The variable
GANYMEDE_PICTURES names the way (kitty, iterm2, blocks), or none; without it the terminal's own variables tell.
"""

import base64
import io
import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.console import Console
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

VARIABLE = "GANYMEDE_PICTURES"
ROWS = 20  # of the terminal, at most
CHUNK = 4096  # bytes of Base64 that an escape sequence of kitty's protocol may have
HALF = "\N{UPPER HALF BLOCK}"
PNG = b"\x89PNG\r\n\x1a\n"
OWN_TERMS = {"xterm-kitty", "xterm-ghostty"}
KITTY_PROGRAMS, ITERM2_PROGRAMS = {"ghostty"}, {"iTerm.app", "WezTerm"}


class Way(StrEnum):
    """How a terminal shows a picture."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    BLOCKS = "blocks"


def way_of(console: Console, environment: Mapping[str, str] | None = None) -> Way | None:
    """Return how this terminal shows pictures; None: it does not, or nobody wants it to."""
    if console.quiet or not console.file.isatty() or console.is_dumb_terminal:
        return None
    environment = os.environ if environment is None else environment
    wanted = environment.get(VARIABLE, "").strip().lower()
    if wanted in set(Way):
        return Way(wanted)
    return None if wanted == "none" else _told_way(console, environment)


def _told_way(console: Console, environment: Mapping[str, str]) -> Way | None:
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    is_inside = "TMUX" in environment or term.startswith(("screen", "tmux"))  # lets no picture through
    if not is_inside and (term in OWN_TERMS or program in KITTY_PROGRAMS or "KITTY_WINDOW_ID" in environment):
        return Way.KITTY
    if not is_inside and (program in ITERM2_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2"):
        return Way.ITERM2
    has_colours = console.color_system in ("256", "truecolor") and not console.no_color
    return Way.BLOCKS if has_colours and _can_write(HALF, console.encoding) else None


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def show(console: Console, content: bytes) -> None:
    """Show a picture file; nothing where the terminal cannot, or where it takes Pillow, which is not installed."""
    way = way_of(console)
    if way is None:
        return
    image = _opened(content)
    if way is Way.BLOCKS:
        if image is not None:
            console.print(blocks(image, console.width), end="", soft_wrap=True)
        return
    png = content if content.startswith(PNG) else _png(image)
    if png is not None:
        sequence = kitty(png) if way is Way.KITTY else iterm2(png)
        console.file.write(f"{sequence}\n")
        console.file.flush()


def kitty(png: bytes) -> str:
    """Return the escape sequences by which kitty shows a PNG, ROWS high."""
    coded = base64.b64encode(png).decode()
    parts = [coded[i : i + CHUNK] for i in range(0, len(coded), CHUNK)]
    keys = [f"a=T,f=100,q=2,r={ROWS},", *[""] * (len(parts) - 1)]
    return "".join(
        f"\x1b_G{key}m={int(i < len(parts) - 1)};{part}\x1b\\"
        for i, (key, part) in enumerate(zip(keys, parts, strict=True))
    )


def iterm2(png: bytes) -> str:
    """Return the escape sequence by which iTerm2 shows a picture, ROWS high."""
    coded = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};height={ROWS};preserveAspectRatio=1:{coded}\x07"


def blocks(image: "Image", width: int) -> Text:
    """Return a picture as text, two pixels a character; one that is too large is shrunk."""
    from PIL.Image import Resampling

    scale = min(1.0, width / image.width, 2 * ROWS / image.height)
    size = (max(1, round(image.width * scale)), max(2, 2 * round(image.height * scale / 2)))
    small = image if size == image.size else image.resize(size, Resampling.BOX)
    text = Text()
    for y in range(0, small.height, 2):
        for above, below in zip(_row(small, y), _row(small, y + 1), strict=True):
            text.append(HALF, Style.parse(f"rgb({above}) on rgb({below})"))
        text.append("\n")
    return text


def _row(image: "Image", y: int) -> Iterator[str]:
    pixels = image.crop((0, y, image.width, y + 1)).tobytes()
    return (",".join(map(str, pixels[i : i + 3])) for i in range(0, len(pixels), 3))


def _opened(content: bytes) -> "Image | None":
    """Return the picture of a file in colours, its first one where it moves; None: it is none, or Pillow is missing."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _png(image: "Image | None") -> bytes | None:
    if image is None:
        return None
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
