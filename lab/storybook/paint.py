"""The painter: a scene becomes a 256 px picture with its whole truth, in under 3 ms.

Everything random comes from the scene's own seed, so a scene looks the same in every process.
Things are drawn at twice their size and reduced, which is all the antialiasing there is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from lab.storybook.scene import Scene, Thing
from lab.storybook.things import DRAW, Pen, tone
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS

SIDE = 256
HORIZON = {"meadow": 0.62, "beach": 0.66, "night": 0.72, "snow": 0.62, "sunset": 0.66, "sea": 0.42}


@dataclass(frozen=True)
class Painted:
    """A picture (256 px RGB) and its truth; `masks` are what is visible of each thing, in the scene's order."""

    scene: Scene
    picture: Image.Image
    masks: tuple[Image.Image, ...]

    @cached_property
    def boxes(self) -> tuple[tuple[int, int, int, int], ...]:
        """(left, top, right, bottom) of every thing in pixels."""
        return tuple(mask.point(lambda a: 255 * (a > 127)).getbbox() for mask in self.masks)

    @cached_property
    def segmentation(self) -> np.ndarray:
        """(256, 256) uint8: 0-5 the background, 6 and up the kinds, in the order of words.py."""
        labels = np.full((SIDE, SIDE), list(BACKGROUNDS).index(self.scene.background), np.uint8)
        for thing, mask in zip(self.scene.things, self.masks, strict=True):
            labels[np.asarray(mask) > 127] = len(BACKGROUNDS) + list(KINDS).index(thing.kind)
        return labels

    @cached_property
    def edges(self) -> np.ndarray:
        """(256, 256) bool: where the segmentation changes towards the right or below."""
        s = self.segmentation
        edge = np.zeros(s.shape, bool)
        edge[:, :-1] |= s[:, 1:] != s[:, :-1]
        edge[:-1] |= s[1:] != s[:-1]
        return edge


def paint(scene: Scene) -> Painted:
    """Paint `scene`: background, contact shadows, then its things from back to front."""
    rng = random.Random(scene.seed)
    horizon = HORIZON[scene.background] + rng.uniform(-0.04, 0.04)
    picture = _background(scene.background, horizon, rng)
    order = sorted(range(len(scene.things)), key=lambda i: scene.things[i].y + scene.things[i].r)
    for i in order:
        _shadow(picture, scene.things[i], horizon, scene.background)
    masks: dict[int, Image.Image] = {}
    for i in order:
        mask = _place(picture, scene.things[i], rng)
        for j in masks:
            masks[j] = ImageChops.subtract(masks[j], mask)
        masks[i] = mask
    return Painted(scene, picture, tuple(masks[i] for i in range(len(order))))


def _place(picture: Image.Image, thing: Thing, rng: random.Random) -> Image.Image:
    """Draw one thing with a thin rim that sets it off from any background; returns its mask."""
    ink = tuple(max(0, min(255, round(c * rng.uniform(0.97, 1.03) + rng.uniform(-7, 7)))) for c in COLOURS[thing.colour][1])
    side = 2 * round(thing.r * SIDE)
    pen = Pen(2 * side, ink)
    DRAW[thing.kind](pen)
    tile = pen.tile.reduce(2)
    corner = (round(thing.x * SIDE) - side // 2, round(thing.y * SIDE) - side // 2)
    alpha = tile.getchannel("A")
    tile.putalpha(255)
    rim = tone(ink, -0.45) if sum(ink) > 240 else (104, 104, 122)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        picture.paste(rim, (corner[0] + dx, corner[1] + dy), alpha)
    picture.paste(_shade(side, tile), corner, alpha)
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(alpha, corner)
    return mask


def _shade(side: int, tile: Image.Image) -> Image.Image:
    """A soft light from the upper left."""
    return ImageChops.multiply(tile.convert("RGB"), _light(side))


@cache
def _light(side: int) -> Image.Image:
    y, x = np.mgrid[0:side, 0:side] / side
    level = np.clip(262 - 46 * (0.6 * y + 0.4 * x), 0, 255).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(level)] * 3)


@cache
def _blob() -> Image.Image:
    soft = Image.new("L", (96, 48))
    ImageDraw.Draw(soft).ellipse((16, 12, 80, 36), 255)
    return soft.filter(ImageFilter.GaussianBlur(7))


def _shadow(picture: Image.Image, thing: Thing, horizon: float, background: str) -> None:
    """A contact shadow, where a thing stands on ground."""
    foot = thing.y + 0.92 * thing.r
    if foot < horizon + 0.02:
        return
    wide = round(2.7 * thing.r * SIDE)
    blob = _blob().resize((wide, max(4, wide // 4))).point(lambda a: a * (70 if background == "snow" else 110) // 255)
    picture.paste((20, 24, 50), (round(thing.x * SIDE) - wide // 2, round(foot * SIDE) - wide // 8), blob)


def _ramp(top: tuple[int, ...], low: tuple[int, ...], height: int) -> Image.Image:
    column = Image.linear_gradient("L").resize((1, height))
    bands = [column.point([round(a + (b - a) * i / 255) for i in range(256)]) for a, b in zip(top, low, strict=True)]
    return Image.merge("RGB", bands).resize((SIDE, height))


def _near(colour: tuple[int, ...], rng: random.Random, by: int = 8) -> tuple[int, ...]:
    shift = rng.randint(-by, by)
    return tuple(max(0, min(255, c + shift + rng.randint(-3, 3))) for c in colour)


SKY = {
    "meadow": ((116, 190, 246), (222, 242, 255)), "beach": ((92, 180, 246), (208, 240, 252)), "night": ((10, 12, 44), (44, 44, 104)),
    "snow": ((186, 202, 222), (228, 234, 242)), "sunset": ((92, 52, 122), (255, 156, 88)), "sea": ((142, 206, 250), (226, 244, 255)),
}  # fmt: skip
GROUND = {
    "meadow": ((128, 202, 92), (74, 150, 60)), "beach": ((246, 222, 160), (222, 184, 112)), "night": ((30, 58, 52), (16, 34, 32)),
    "snow": ((250, 252, 255), (218, 226, 240)), "sunset": ((104, 70, 74), (58, 40, 50)), "sea": ((40, 132, 204), (14, 62, 140)),
}  # fmt: skip

HILL = {"meadow": (112, 184, 96), "snow": (214, 222, 236), "night": (22, 46, 46)}


def _background(name: str, horizon: float, rng: random.Random) -> Image.Image:
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
            draw.ellipse((x + s * (dx - 1.2 * k), y + s * (dy - 0.6 * k), x + s * (dx + 1.2 * k), y + s * (dy + 0.6 * k)), colour)


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
