"""Letters of a postcard: in our own fonts, and what those lack in a font of this system that has it.

Ours are cut to what the page says, and a sentence is the visitor's.  Where no font has a character, three dots stand
for it: the receipt holds the sentence whole.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from PIL import ImageDraw, ImageFont

from lab.ui.theme import ASSETS

OURS = tuple((str(ASSETS / "fonts" / f"{name}.woff2"), 0) for name in ("newsreader", "quartet-kai"))
# Files that Windows, macOS and Linux have where Pillow looks for them, with the place of the face for China in each.
SYSTEM = (
    ("PingFang.ttc", 0), ("Hiragino Sans GB.ttc", 0), ("STHeiti Light.ttc", 1), ("msyh.ttc", 0), ("simhei.ttf", 0),
    ("simsun.ttc", 0), ("NotoSansSC-Regular.otf", 0), ("NotoSansCJK-Regular.ttc", 2), ("NotoSansCJKsc-Regular.otf", 0),
    ("NotoSerifCJK-Regular.ttc", 2), ("SourceHanSansCN-Regular.otf", 0), ("wqy-microhei.ttc", 0), ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0), ("Arial Unicode.ttf", 0), ("DejaVuSerif.ttf", 0), ("DejaVuSans.ttf", 0),
    ("LiberationSerif-Regular.ttf", 0), ("times.ttf", 0), ("Times New Roman.ttf", 0), ("seguisym.ttf", 0),
    ("seguiemj.ttf", 0), ("Apple Symbols.ttf", 0), ("Symbola.ttf", 0),
)  # fmt: skip
NOBODY = "\uffff"  # no character: a font draws for it what it draws for all that it lacks
UNSEEN = ("Cc", "Cf", "Cs")  # kinds of characters that are not drawn: of control, format, and halves of one
Run = tuple[str, ImageFont.FreeTypeFont]


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, fill: str) -> None:
    """Draw `text` in one line, its upper left corner `at`."""
    left, base = at[0], at[1] + _font(*OURS[0], size).getmetrics()[0]
    for piece, font in runs(text, size):
        pen.text((left, base), piece, fill, font, anchor="ls")
        left += font.getlength(piece)


def width(text: str, size: int) -> float:
    """Pixels that `text` takes in a line."""
    return sum(font.getlength(piece) for piece, font in runs(text, size))


def fitted(text: str, size: int, room: int) -> str:
    """`text`, or as much of its beginning as fits into `room` pixels."""
    if width(text, size) <= room:
        return text
    most = bisect_right(range(len(text)), room, key=lambda n: width(f"{text[:n]}…", size))
    return f"{text[: max(0, most - 1)]}…"


def runs(text: str, size: int) -> list[Run]:
    """`text` in the font that has the most of it, and piece by piece in the next where that lacks a character."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    line = "".join(sign for sign in line if not _unseen(sign))
    fonts = _fonts(OURS, size)
    if not all(any(_has(font, sign) for font in fonts) for sign in line):
        fonts += _fonts(SYSTEM, size)
    fonts.sort(key=lambda font: -sum(_has(font, sign) for sign in line))
    found: list[Run] = []
    for sign in line:
        piece = sign if any(_has(font, sign) for font in fonts) else "…"
        font = next(font for font in fonts if _has(font, piece))
        if not found or found[-1][1] is not font:
            found.append((piece, font))
        elif piece == sign or not found[-1][0].endswith("…"):
            found[-1] = found[-1][0] + piece, font
    return found


def _unseen(sign: str) -> bool:
    return unicodedata.category(sign) in UNSEEN or "\ufe00" <= sign <= "\ufe0f"


def _fonts(names: Iterable[tuple[str, int]], size: int) -> list[ImageFont.FreeTypeFont]:
    """Those that are here."""
    return [font for name, place in names if (font := _font(name, place, size))]


@lru_cache
def _font(name: str, place: int, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size, place)
    except OSError:  # not on this system
        return None


@lru_cache(2**15)
def _has(font: ImageFont.FreeTypeFont, sign: str) -> bool:
    return sign == " " or _drawn(font, sign) != _drawn(font, NOBODY)


def _drawn(font: ImageFont.FreeTypeFont, sign: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(sign)
    return mask.size, bytes(mask)
