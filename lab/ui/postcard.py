"""The postcard: a race on one picture, every painting of it with the receipt that paints it again."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from lab.race import LANES
from lab.record import encode, receipt
from lab.record.plain import PIXELS
from lab.ui import letters
from lab.ui.stage.news import words
from lab.ui.visits import Visit, Visits
from lab.ui.words import say
from models.engine import Engine

PAPER, INK, QUIET = "#F7F2E8", "#1E1B24", "#6A6472"
SIDE, GAP = 256, 24  # of a small picture on the card, between pictures
TOP, UNDER, FOOT = 84, 76, 36  # above the pictures, under each, and under all of them


def postcard(engine: Engine, visits: Visits, key: str, language: str) -> dict[str, str] | None:
    """{"png": base64, "name": file name} of a race that is still remembered, else None."""
    visit = visits.kept(str(key))
    if visit is None:
        return None
    card, notes = draw(engine, visit, "zh" if language == "zh" else "en")
    if not notes:
        return None
    data = encode(np.asarray(card), notes)
    words = re.sub(r"\W+", "-", visit.race.prompt.text)[:60].strip("-")
    name = f"quartet-{words}-{visit.race.prompt.seeds[0]}.png"
    return {"png": base64.b64encode(data).decode(), "name": name}


def draw(engine: Engine, visit: Visit, language: str) -> tuple[Image.Image, list[dict[str, Any]]]:
    """The card, a column for each painter and a row for each of its pictures, as many as can be read back; and a
    receipt for every painting on it, each with the box where it stands."""
    race, notes = visit.race, []
    shown = {lane: [large(image, SIDE) for image in race.outcomes[lane].images] for lane in LANES
             if lane in race.outcomes and race.outcomes[lane].images is not None}  # fmt: skip
    sides = [image.shape[:2] for images in shown.values() for image in images]
    high, wide = (max([SIDE, *(side[axis] for side in sides)]) for axis in (0, 1))
    width = GAP + (wide + GAP) * max(1, len(shown))
    fit = max(1, (PIXELS // width - TOP - FOOT) // (high + UNDER))
    rows = min(fit, len(race.prompt.seeds))
    card = Image.new("RGB", (width, TOP + rows * (high + UNDER) + FOOT), PAPER)
    pen, text = ImageDraw.Draw(card), race.prompt.text
    letters.write(pen, (GAP, 22), letters.fitted(text, 28, width - 2 * GAP), 28, INK)
    for column, (lane, images) in enumerate(shown.items()):
        found = visit.marks.get(lane)
        for row, image in enumerate(images[:rows]):
            left, top = GAP + (wide + GAP) * column, TOP + (high + UNDER) * row
            card.paste(Image.fromarray(image), (left, top))
            box = (left, top, image.shape[1], image.shape[0])
            notes.append(receipt(engine, race.runs[lane], row, found and found.verdict(row), box))
            name, seed = say(f"painter.{lane}", language), f" · {race.prompt.seeds[row]}" if len(images) > 1 else ""
            letters.write(pen, (left, top + high + 10), name + seed, 16, INK)
            if found is not None and found.marks is not None:
                _ticks(pen, (left, top + high + 36), words(text, found.marks[row]), language, wide)
    about = f"{say('page.title', language)} · {say('seed', language)} {race.prompt.seeds[0]}"
    letters.write(pen, (GAP, card.height - 26), about, 13, QUIET)
    return card, notes


def large(image: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) at the whole multiple that fits into `side`, or as it is: pixels stay squares."""
    times = max(1, side // max(image.shape[:2]))
    return np.kron(image, np.ones((times, times, 1), np.uint8))


def _ticks(pen: ImageDraw.ImageDraw, at: tuple[int, int], said: list[dict[str, Any]], language: str, room: int) -> None:
    """The sentence's words in two lines, each behind a tick, a cross or, where the judge cannot say, a dot."""
    left, top = at
    for word in said:
        x, y = left, top + 8
        width = 22 + int(letters.width(word[language], 13))
        if x + width > at[0] + room:
            left, top = at[0], top + 18
            x, y = left, top + 8
        if word["mark"] == "right":
            pen.line([(x, y), (x + 3, y + 4), (x + 9, y - 4)], "#0A6B58", 2)
        elif word["mark"] == "wrong":
            pen.line([(x, y - 4), (x + 8, y + 4)], "#BF3520", 2)
            pen.line([(x, y + 4), (x + 8, y - 4)], "#BF3520", 2)
        else:
            pen.ellipse([(x + 2, y - 2), (x + 6, y + 2)], QUIET)
        letters.write(pen, (x + 13, top), word[language], 13, INK if word["mark"] == "right" else QUIET)
        left += width + 6
