"""The eighteen kinds of thing, each drawn in the unit square [-1, 1] x [-1, 1] with y downwards.

A drawing uses the pen's ink in three tones (light, main, dark), so that its colour is never in doubt.
"""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

Point = tuple[float, float]


def tone(ink: tuple[int, int, int], amount: float) -> tuple[int, int, int]:
    """`ink` towards white (amount > 0) or black (amount < 0), by a share in [-1, 1]."""
    goal = 255 if amount > 0 else 0
    return tuple(round(c + (goal - c) * abs(amount)) for c in ink)


class Pen:
    """Draws in unit coordinates on a square RGBA tile of `side` pixels; outside the drawing alpha stays 0."""

    def __init__(self, side: int, ink: tuple[int, int, int]) -> None:
        self.tile = Image.new("RGBA", (side, side), (*ink, 0))
        self.draw = ImageDraw.Draw(self.tile)
        self.half = side / 2
        self.main = ink
        self.light, self.dark = tone(ink, 0.35), tone(ink, -0.32)
        if sum(ink) < 240:  # black: shade by lightening
            self.light, self.dark = tone(ink, 0.28), tone(ink, 0.12)
        if sum(ink) > 700:  # white: its light is white already
            self.dark = (196, 204, 220)

    def _at(self, points: list[Point]) -> list[Point]:
        return [(self.half * (1 + x), self.half * (1 + y)) for x, y in points]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: tuple[int, ...]) -> None:
        self.draw.ellipse(self._at([(x - rx, y - ry), (x + rx, y + ry)]), fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: tuple[int, ...]) -> None:
        self.draw.rectangle(self._at([(x0, y0), (x1, y1)]), fill)

    def poly(self, points: list[Point], fill: tuple[int, ...]) -> None:
        self.draw.polygon(self._at(points), fill)

    def line(self, points: list[Point], width: float, fill: tuple[int, ...]) -> None:
        self.draw.line(self._at(points), fill, max(1, round(width * self.half)), joint="curve")

    def arc(self, x: float, y: float, r: float, start: float, end: float, width: float, fill: tuple[int, ...]) -> None:
        self.draw.arc(self._at([(x - r, y - r), (x + r, y + r)]), start, end, fill, max(1, round(width * self.half)))

    def slice(self, x: float, y: float, rx: float, ry: float, start: float, end: float, fill: tuple[int, ...]) -> None:
        self.draw.pieslice(self._at([(x - rx, y - ry), (x + rx, y + ry)]), start, end, fill)


WOOD, GLASS, EYE, CREAM = (112, 76, 46), (176, 216, 240), (28, 28, 36), (250, 236, 208)


def ball(p: Pen) -> None:
    p.oval(0, 0, 0.94, 0.94, p.main)
    p.slice(0, 0, 0.94, 0.94, 20, 70, p.dark)
    p.slice(0, 0, 0.94, 0.94, 140, 190, p.light)
    p.slice(0, 0, 0.94, 0.94, 260, 310, p.dark)
    p.oval(0, 0, 0.2, 0.2, p.light)


def house(p: Pen) -> None:
    p.box(0.34, -0.8, 0.56, -0.2, p.dark)
    p.box(-0.72, -0.1, 0.72, 0.94, p.main)
    p.poly([(-0.96, -0.06), (0, -0.94), (0.96, -0.06)], p.dark)
    p.box(-0.18, 0.36, 0.2, 0.94, WOOD)
    p.box(0.36, 0.14, 0.6, 0.42, (255, 236, 160))
    p.box(-0.58, 0.14, -0.34, 0.42, (255, 236, 160))


def tree(p: Pen) -> None:
    p.box(-0.16, 0.4, 0.16, 0.96, WOOD)
    for top, low, wide in ((-0.1, 0.56, 0.86), (-0.52, 0.16, 0.68), (-0.96, -0.24, 0.5)):
        p.poly([(-wide, low), (0, top), (wide, low)], p.main)
        p.poly([(0.12, low), (0, top), (wide, low)], p.dark)


def boat(p: Pen) -> None:
    p.box(-0.07, -0.94, 0.03, 0.4, WOOD)
    p.poly([(-0.12, -0.84), (-0.12, 0.26), (-0.84, 0.26)], p.light)
    p.poly([(0.08, -0.9), (0.08, 0.26), (0.8, 0.26)], p.main)
    p.poly([(-0.96, 0.36), (0.96, 0.36), (0.62, 0.88), (-0.62, 0.88)], p.main)
    p.poly([(-0.86, 0.56), (0.86, 0.56), (0.62, 0.88), (-0.62, 0.88)], p.dark)


def car(p: Pen) -> None:
    p.poly([(-0.56, -0.06), (-0.36, -0.56), (0.3, -0.56), (0.58, -0.06)], p.main)
    p.poly([(-0.42, -0.08), (-0.28, -0.44), (-0.04, -0.44), (-0.04, -0.08)], GLASS)
    p.poly([(0.06, -0.08), (0.06, -0.44), (0.24, -0.44), (0.42, -0.08)], GLASS)
    p.box(-0.94, -0.08, 0.94, 0.34, p.main)
    p.box(-0.94, 0.18, 0.94, 0.34, p.dark)
    for x in (-0.5, 0.5):
        p.oval(x, 0.36, 0.25, 0.25, EYE)
        p.oval(x, 0.36, 0.11, 0.11, (170, 174, 182))


def fish(p: Pen) -> None:
    p.poly([(0.4, 0), (0.95, -0.5), (0.84, 0), (0.95, 0.5)], p.dark)
    p.poly([(-0.2, -0.4), (0.14, -0.72), (0.3, -0.3)], p.dark)
    p.oval(-0.18, 0, 0.76, 0.52, p.main)
    p.slice(-0.18, 0, 0.76, 0.52, 20, 160, p.light)
    p.arc(-0.3, 0, 0.36, -50, 50, 0.07, p.dark)
    p.oval(-0.58, -0.12, 0.13, 0.13, (255, 255, 255))
    p.oval(-0.6, -0.12, 0.07, 0.07, EYE)


def cat(p: Pen) -> None:
    p.poly([(-0.84, -0.92), (-0.76, 0.1), (-0.1, -0.5)], p.main)
    p.poly([(0.84, -0.92), (0.76, 0.1), (0.1, -0.5)], p.main)
    p.poly([(-0.72, -0.7), (-0.66, -0.2), (-0.34, -0.48)], p.dark)
    p.poly([(0.72, -0.7), (0.66, -0.2), (0.34, -0.48)], p.dark)
    p.oval(0, 0.18, 0.86, 0.74, p.main)
    for x in (-0.36, 0.36):
        p.oval(x, 0.06, 0.19, 0.21, (214, 240, 160))
        p.oval(x, 0.07, 0.08, 0.18, EYE)
    p.oval(0, 0.52, 0.3, 0.2, p.light)
    p.poly([(-0.1, 0.4), (0.1, 0.4), (0, 0.54)], (236, 130, 140))
    for side in (-1, 1):
        p.line([(side * 0.34, 0.5), (side * 0.92, 0.4)], 0.035, p.dark)
        p.line([(side * 0.34, 0.58), (side * 0.9, 0.66)], 0.035, p.dark)


def flower(p: Pen) -> None:
    p.box(-0.06, 0.2, 0.06, 0.96, (52, 128, 60))
    p.oval(0.26, 0.66, 0.22, 0.11, (70, 150, 70))
    for k in range(6):
        a = math.tau * k / 6 + 0.3
        p.oval(0.42 * math.cos(a), -0.3 + 0.42 * math.sin(a), 0.28, 0.28, p.main if k % 2 else p.dark)
    p.oval(0, -0.3, 0.24, 0.24, (255, 214, 84) if p.main[2] > 90 or p.main[1] < 130 else (132, 84, 40))


def mushroom(p: Pen) -> None:
    p.poly([(-0.26, 0), (0.26, 0), (0.34, 0.92), (-0.34, 0.92)], CREAM)
    p.slice(0, 0.16, 0.94, 1.06, 180, 360, p.main)
    p.oval(0, 0.16, 0.94, 0.16, p.dark)
    spot = CREAM if sum(p.main) < 640 else (214, 196, 170)
    for x, y, r in ((-0.46, -0.2, 0.15), (0.02, -0.5, 0.17), (0.5, -0.22, 0.14)):
        p.oval(x, y, r, r, spot)


def rocket(p: Pen) -> None:
    p.poly([(-0.22, 0.52), (0.22, 0.52), (0, 0.98)], (255, 170, 50))
    p.poly([(-0.3, 0.06), (-0.64, 0.66), (-0.24, 0.54)], p.dark)
    p.poly([(0.3, 0.06), (0.64, 0.66), (0.24, 0.54)], p.dark)
    p.poly([(-0.34, -0.36), (0, -0.98), (0.34, -0.36), (0.28, 0.58), (-0.28, 0.58)], p.main)
    p.poly([(0.1, -0.82), (0.34, -0.36), (0.28, 0.58), (0.08, 0.58)], p.dark)
    p.oval(-0.02, -0.24, 0.2, 0.2, (245, 245, 250))
    p.oval(-0.02, -0.24, 0.14, 0.14, (96, 180, 226))


def star(p: Pen) -> None:
    def ring(outer: float, inner: float) -> list[Point]:
        return [
            ((outer, inner)[k % 2] * math.sin(math.pi * k / 5), 0.06 - (outer, inner)[k % 2] * math.cos(math.pi * k / 5))
            for k in range(10)
        ]

    outline = ring(0.98, 0.42)
    p.poly(outline, p.main)
    for k in range(0, 10, 2):
        p.poly([outline[k], outline[(k + 1) % 10], (0, 0.06)], p.dark)
    p.poly(ring(0.5, 0.22), p.light)


def heart(p: Pen) -> None:
    curve = []
    for k in range(40):
        a = math.tau * k / 40
        curve.append((0.058 * 16 * math.sin(a) ** 3, -0.058 * (13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a)) + 0.1))
    p.poly(curve, p.main)
    p.poly([(0.7 * x + 0.14, 0.7 * y + 0.1) for x, y in curve], p.dark)
    p.poly([(0.66 * x + 0.04, 0.66 * y) for x, y in curve], p.main)
    p.oval(-0.44, -0.36, 0.2, 0.15, p.light)


def balloon(p: Pen) -> None:
    p.line([(0, 0.5), (0.06, 0.7), (-0.05, 0.84), (0.03, 0.97)], 0.05, (150, 150, 156))
    p.poly([(0, 0.36), (-0.12, 0.58), (0.12, 0.58)], p.dark)
    p.oval(0, -0.26, 0.6, 0.7, p.main)
    p.slice(0, -0.26, 0.6, 0.7, -40, 100, p.dark)
    p.oval(-0.06, -0.3, 0.5, 0.6, p.main)
    p.oval(-0.24, -0.54, 0.13, 0.2, p.light)


def umbrella(p: Pen) -> None:
    p.box(-0.045, -0.2, 0.045, 0.8, WOOD)
    p.arc(-0.14, 0.78, 0.18, 0, 180, 0.09, WOOD)
    p.slice(0, 0.02, 0.95, 0.94, 180, 360, p.main)
    p.slice(0, 0.02, 0.36, 0.94, 180, 360, p.dark)
    p.slice(0, 0.02, 0.1, 0.94, 180, 360, p.main)
    p.box(-0.03, -0.99, 0.03, -0.9, WOOD)


def cup(p: Pen) -> None:
    p.arc(0.54, 0.02, 0.4, -90, 90, 0.15, p.dark)
    p.poly([(-0.78, -0.58), (0.56, -0.58), (0.4, 0.86), (-0.62, 0.86)], p.main)
    p.poly([(0.24, -0.58), (0.56, -0.58), (0.4, 0.86), (0.2, 0.86)], p.dark)
    p.oval(-0.11, -0.58, 0.67, 0.17, p.light)
    p.oval(-0.11, -0.56, 0.52, 0.11, (88, 56, 38))


def moon(p: Pen) -> None:
    p.oval(-0.06, 0, 0.92, 0.92, p.main)
    p.oval(-0.58, 0.3, 0.12, 0.12, p.dark)
    p.oval(-0.66, -0.16, 0.09, 0.09, p.dark)
    p.oval(-0.24, 0.64, 0.1, 0.1, p.dark)
    p.oval(0.44, -0.22, 0.8, 0.8, (*p.main, 0))


def kite(p: Pen) -> None:
    tail = [(0.0, 0.4), (0.16, 0.58), (-0.04, 0.72), (0.14, 0.84), (0.02, 0.97)]
    p.line(tail, 0.05, (150, 150, 156))
    for x, y in tail[1:4]:
        p.poly([(x - 0.14, y - 0.07), (x - 0.14, y + 0.07), (x + 0.14, y - 0.07), (x + 0.14, y + 0.07)], p.dark)
    p.poly([(0, -0.97), (0.66, -0.34), (0, 0.46), (-0.66, -0.34)], p.main)
    p.poly([(0, -0.97), (0.66, -0.34), (0, -0.34)], p.light)
    p.poly([(-0.66, -0.34), (0, 0.46), (0, -0.34)], p.dark)


def crown(p: Pen) -> None:
    p.poly([(-0.8, 0.7), (-0.94, -0.5), (-0.44, 0.02), (0, -0.76), (0.44, 0.02), (0.94, -0.5), (0.8, 0.7)], p.main)
    p.box(-0.8, 0.42, 0.8, 0.72, p.dark)
    for x, y in ((-0.9, -0.52), (0, -0.78), (0.9, -0.52)):
        p.oval(x * 0.96, y, 0.1, 0.1, p.light)
    for x in (-0.48, 0, 0.48):
        p.oval(x, 0.56, 0.09, 0.09, p.light)


DRAW = {
    f.__name__: f
    for f in (ball, house, tree, boat, car, fish, cat, flower, mushroom, rocket, star, heart, balloon, umbrella, cup, moon, kite, crown)
}
