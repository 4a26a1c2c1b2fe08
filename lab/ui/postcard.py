"""The postcard: a race on one picture, every painting of it with the receipt that paints it again."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lab.race import LANES
from lab.record import encode, receipt
from lab.ui.stage.news import words
from lab.ui.theme import ASSETS
from lab.ui.visits import Visit, Visits
from lab.ui.words import say
from models.engine import Engine

PAPER, INK, QUIET = "#F7F2E8", "#1E1B24", "#6A6472"
SIDE, GAP, TOP = 256, 24, 84  # of a picture on the card, between them, above them


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
    """The card, and a receipt for every painting on it, each with the box where it stands."""
    race = visit.race
    lanes = [lane for lane in LANES if lane in race.outcomes and race.outcomes[lane].images is not None]
    width, height = GAP + (SIDE + GAP) * max(1, len(lanes)), TOP + SIDE + 112
    card = Image.new("RGB", (width, height), PAPER)
    pen, notes = ImageDraw.Draw(card), []
    _write(pen, (GAP, 22), _short(race.prompt.text, width), 28, INK)
    for k, lane in enumerate(lanes):
        image = race.outcomes[lane].images[0]
        times = max(1, SIDE // max(image.shape[:2]))
        large = np.kron(image, np.ones((times, times, 1), np.uint8))
        left = GAP + (SIDE + GAP) * k
        card.paste(Image.fromarray(large), (left, TOP))
        box = (left, TOP, large.shape[1], large.shape[0])
        found = visit.marks.get(lane)
        verdict = None if found is None else found.verdict(0)
        notes.append(receipt(engine, race.runs[lane], 0, verdict, box))
        _write(pen, (left, TOP + SIDE + 10), say(f"painter.{lane}", language), 16, INK)
        _ticks(pen, (left, TOP + SIDE + 36), race.prompt.text, visit.marks.get(lane), language)
    about = f"{say('page.title', language)} · {say('seed', language)} {race.prompt.seeds[0]}"
    _write(pen, (GAP, height - 26), about, 13, QUIET)
    return card, notes


def _ticks(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, found: Any, language: str) -> None:
    """The sentence's words in two lines, each behind a tick, a cross or, where the judge cannot say, a dot."""
    if found is None or found.marks is None:
        return
    left, top = at
    for word in words(text, found.marks[0]):
        x, y, said = left, top + 8, word[language]
        width = 22 + int(pen.textlength(said, _font(said, 13)))
        if x + width > at[0] + SIDE:
            left, top = at[0], top + 18
            x, y = left, top + 8
        if word["mark"] == "right":
            pen.line([(x, y), (x + 3, y + 4), (x + 9, y - 4)], "#0A6B58", 2)
        elif word["mark"] == "wrong":
            pen.line([(x, y - 4), (x + 8, y + 4)], "#BF3520", 2)
            pen.line([(x, y + 4), (x + 8, y - 4)], "#BF3520", 2)
        else:
            pen.ellipse([(x + 2, y - 2), (x + 6, y + 2)], QUIET)
        _write(pen, (x + 13, top), said, 13, INK if word["mark"] == "right" else QUIET)
        left += width + 6


def _short(text: str, width: int) -> str:
    most = width // 14
    return text if len(text) <= most else text[: most - 1] + "…"


def _write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, fill: str) -> None:
    pen.text(at, text, fill, _font(text, size))


def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    file = "quartet-kai.woff2" if re.search(r"[\u4e00-\u9fff]", text) else "newsreader.woff2"
    return ImageFont.truetype(str(ASSETS / "fonts" / file), size)
