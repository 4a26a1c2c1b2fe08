"""The two acts that do not climb: what every switch does to a crop, and a picture laid in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.lessons import augmentations, tiles
from lab.lessons.given import pixels
from lab.ui.painters.vqgan_clip.asked import Asked, given
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall
from models.engine import Engine

SHEET = 130  # CSS pixels: four crops of 64 and the gap between them
SIZE = 256


def switches(engine: Engine, suite: str, asked: Asked) -> Iterator[dict[str, Any]]:
    """The picture, its crops with all switches as they are, and with each of them alone."""
    picture = given(engine, suite, asked)
    shown = Wall([""] * (1 + len(augmentations.sheets(asked.on))), size=SHEET)
    shown.put(0, 0, pixels(picture)[None], sentence("vq.given"), *asked.said)
    seed, client = asked.prompt.seeds[0], asked.client
    told = augmentations.run(engine, suite, picture, asked.knobs, asked.on, seed, client)
    for column, (name, sheet) in enumerate(told, 1):
        key = "vq.all" if name == augmentations.ALL else f"vq.switch.{name}"
        shown.put(0, column, sheet[None], sentence(key if asked.on else "vq.none"))
    yield shown.value


def laid(engine: Engine, suite: str, asked: Asked) -> Iterator[dict[str, Any]]:
    """The picture, its tiles, and what comes back of them."""
    picture = given(engine, suite, asked)
    shown = Wall([sentence(f"vq.tiles.{name}") for name in ("picture", "codes", "again")], size=SIZE)
    shown.put(0, 0, pixels(picture)[None], *asked.said)
    yield shown.value
    found = tiles.lay(engine, suite, picture, asked.client)
    counts = {"count": found.count, "used": found.used, "known": found.known}
    shown.put(0, 1, found.codes[None], sentence("vq.tiles.counts", **counts))
    shown.put(0, 2, found.again[None], sentence("vq.tiles.psnr", n=f"{found.psnr:.1f}"))
    yield shown.value


ACTS = {"switches": switches, "tiles": laid}
