"""The contact sheet: scenes by seed, unpicked, each over its caption."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from lab.storybook.grammar import say
from lab.storybook.paint import SIDE, paint
from lab.storybook.scene import sample


def contact_sheet(
    first_seed: int = 0, columns: int = 6, rows: int = 4, side: int = 160, painted: Callable[[], object] | None = None
) -> Image.Image:
    """`columns` x `rows` pictures of `side` px, seeds counted up from `first_seed`, captions below.

    `painted()` hears of each.
    """
    sheet = Image.new("RGB", (columns * (side + 8) + 8, rows * (side + 30) + 8), (247, 242, 232))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for k in range(columns * rows):
        ask, scene = sample(first_seed + k)
        x, y = 8 + k % columns * (side + 8), 8 + k // columns * (side + 30)
        sheet.paste(paint(scene).picture.resize((side, side), Image.Resampling.BOX if side < SIDE else None), (x, y))
        words, line, top = say(ask).split(), "", y + side + 1
        for word in words:
            if draw.textlength(f"{line} {word}", font) > side:
                draw.text((x, top), line, (30, 27, 36), font)
                line, top = "", top + 11
            line = f"{line} {word}".strip()
        draw.text((x, top), line, (30, 27, 36), font)
        if painted:
            painted()
    return sheet
