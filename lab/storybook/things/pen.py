"""The pen that things are drawn with: unit coordinates, and an ink in three tones."""

from __future__ import annotations

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
