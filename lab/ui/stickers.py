"""Little pictures of the things that the classroom suite knows, to be tapped into a sentence."""

from __future__ import annotations

import base64
import io
from functools import cache

from PIL import Image

from lab.storybook.things import DRAW, Pen
from lab.storybook.words import COLOURS, KINDS

STICKER = 40  # pixels a side; shown at half of that
INKS = (
    "red", "orange", "green", "blue", "purple", "orange", "pink", "yellow", "brown", "red", "yellow", "pink", "green",
    "purple", "blue", "yellow", "orange", "yellow",
)  # fmt: skip


@cache
def stickers() -> list[dict[str, str]]:
    """The things that the classroom suite knows: a small picture of each, and its names."""
    found = []
    for (kind, (_, chinese, _)), ink in zip(KINDS.items(), INKS, strict=True):
        pen, file = Pen(4 * STICKER, COLOURS[ink][1]), io.BytesIO()
        DRAW[kind](pen)
        pen.tile.resize((STICKER, STICKER), Image.Resampling.LANCZOS).save(file, "png")
        source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        found.append({"en": kind, "zh": chinese, "src": source})
    return found
