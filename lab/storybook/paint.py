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

from lab.storybook.background import HORIZON, SIDE, background
from lab.storybook.scene import Scene, Thing
from lab.storybook.things import DRAW, Pen, tone
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS


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
    picture = background(scene.background, horizon, rng)
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
    ink = tuple(
        max(0, min(255, round(c * rng.uniform(0.97, 1.03) + rng.uniform(-7, 7)))) for c in COLOURS[thing.colour][1]
    )
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
