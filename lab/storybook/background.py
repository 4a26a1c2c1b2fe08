"""The six backgrounds: sky, ground, and what tells one from another."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

SIDE = 256  # px, of every painted picture
HORIZON = {"meadow": 0.62, "beach": 0.66, "night": 0.72, "snow": 0.62, "sunset": 0.66, "sea": 0.42}


def _ramp(top: tuple[int, ...], low: tuple[int, ...], height: int) -> Image.Image:
    column = Image.linear_gradient("L").resize((1, height))
    bands = [column.point([round(a + (b - a) * i / 255) for i in range(256)]) for a, b in zip(top, low, strict=True)]
    return Image.merge("RGB", bands).resize((SIDE, height))


def _near(colour: tuple[int, ...], rng: random.Random, by: int = 8) -> tuple[int, ...]:
    shift = rng.randint(-by, by)
    return tuple(max(0, min(255, c + shift + rng.randint(-3, 3))) for c in colour)


SKY = {
    "meadow": ((116, 190, 246), (222, 242, 255)),
    "beach": ((92, 180, 246), (208, 240, 252)),
    "night": ((10, 12, 44), (44, 44, 104)),
    "snow": ((186, 202, 222), (228, 234, 242)),
    "sunset": ((92, 52, 122), (255, 156, 88)),
    "sea": ((142, 206, 250), (226, 244, 255)),
}
GROUND = {
    "meadow": ((128, 202, 92), (74, 150, 60)),
    "beach": ((246, 222, 160), (222, 184, 112)),
    "night": ((30, 58, 52), (16, 34, 32)),
    "snow": ((250, 252, 255), (218, 226, 240)),
    "sunset": ((104, 70, 74), (58, 40, 50)),
    "sea": ((40, 132, 204), (14, 62, 140)),
}

HILL = {"meadow": (112, 184, 96), "snow": (214, 222, 236), "night": (22, 46, 46)}


def background(name: str, horizon: float, rng: random.Random) -> Image.Image:
    """An empty scene, `SIDE` px; `horizon` is the share of the height above the ground."""
    split = round(horizon * SIDE)
    picture = Image.new("RGB", (SIDE, SIDE))
    picture.paste(_ramp(*(_near(c, rng) for c in SKY[name]), split), (0, 0))
    ground = _ramp(*(_near(c, rng) for c in GROUND[name]), SIDE - split)
    draw = ImageDraw.Draw(picture)
    if name == "night":
        for _ in range(rng.randint(18, 34)):
            x, y, r = rng.uniform(0, SIDE), rng.uniform(0, split - 8), rng.choice((1, 1, 1.6))
            draw.ellipse((x - r, y - r, x + r, y + r), (236, 236, 214))
    elif name == "sunset":
        x, r = rng.uniform(60, 196), rng.uniform(20, 28)
        for grow, glow in ((1.5, (255, 172, 104)), (1.0, (255, 214, 140))):
            draw.ellipse((x - grow * r, split - grow * r, x + grow * r, split + grow * r), glow)
        _clouds(draw, rng, split, (170, 92, 116), 2)
    else:
        _clouds(draw, rng, split, (255, 255, 255), 3 if name != "snow" else 2)
    if name in HILL:
        x, wide = rng.uniform(-30, 180), rng.uniform(120, 190)
        draw.ellipse((x, split - 14, x + wide, split + 40), _near(HILL[name], rng, 4))
    picture.paste(ground, (0, split))
    _floor(name, draw, split, rng)
    return picture


def _clouds(draw: ImageDraw.ImageDraw, rng: random.Random, split: int, colour: tuple[int, ...], most: int) -> None:
    for _ in range(rng.randint(1, most)):
        x, y, s = rng.uniform(10, 246), rng.uniform(12, 0.5 * split), rng.uniform(7, 13)
        for dx, dy, k in ((-1.5, 0.25, 0.8), (0, -0.25, 1.15), (1.4, 0.2, 0.9), (0, 0.4, 0.9)):
            draw.ellipse(
                (x + s * (dx - 1.2 * k), y + s * (dy - 0.6 * k), x + s * (dx + 1.2 * k), y + s * (dy + 0.6 * k)), colour
            )


def _floor(name: str, draw: ImageDraw.ImageDraw, split: int, rng: random.Random) -> None:
    """What tells one ground from another: water lines, tufts, flakes."""
    if name == "meadow":
        for _ in range(14):
            x, y = rng.uniform(0, SIDE), rng.uniform(split + 18, SIDE - 3)
            draw.line((x, y, x + rng.uniform(-2, 2), y - rng.uniform(4, 8)), (58, 130, 52), 2)
    if name == "beach":
        draw.rectangle((0, split - 26, SIDE, split), _near((52, 150, 208), rng, 6))
        draw.line((0, split, SIDE, split), (246, 250, 250), 3)
    if name == "sea":
        for _ in range(16):
            x, y, w = rng.uniform(-10, SIDE), rng.uniform(split + 8, SIDE - 6), rng.uniform(10, 24)
            draw.arc((x, y, x + w, y + 7), 200, 340, (150, 206, 240), 2)
    if name == "snow":
        for _ in range(26):
            x, y, r = rng.uniform(0, SIDE), rng.uniform(0, SIDE), rng.uniform(1.2, 2.2)
            draw.ellipse((x - r, y - r, x + r, y + r), (255, 255, 255))
    if name == "sunset":
        for _ in range(5):
            x, y, w = rng.uniform(-10, SIDE), rng.uniform(split + 6, SIDE - 8), rng.uniform(20, 60)
            draw.line((x, y, x + w, y), (132, 90, 86), 2)
