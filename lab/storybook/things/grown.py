"""Things that grew or shine."""

import math

from lab.storybook.things.pen import CREAM, EYE, WOOD, Pen, Point


def tree(p: Pen) -> None:
    p.box(-0.16, 0.4, 0.16, 0.96, WOOD)
    for top, low, wide in ((-0.1, 0.56, 0.86), (-0.52, 0.16, 0.68), (-0.96, -0.24, 0.5)):
        p.poly([(-wide, low), (0, top), (wide, low)], p.main)
        p.poly([(0.12, low), (0, top), (wide, low)], p.dark)


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


def star(p: Pen) -> None:
    def ring(outer: float, inner: float) -> list[Point]:
        return [
            (
                (outer, inner)[k % 2] * math.sin(math.pi * k / 5),
                0.06 - (outer, inner)[k % 2] * math.cos(math.pi * k / 5),
            )
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
        curve.append(
            (
                0.058 * 16 * math.sin(a) ** 3,
                -0.058 * (13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a)) + 0.1,
            )
        )
    p.poly(curve, p.main)
    p.poly([(0.7 * x + 0.14, 0.7 * y + 0.1) for x, y in curve], p.dark)
    p.poly([(0.66 * x + 0.04, 0.66 * y) for x, y in curve], p.main)
    p.oval(-0.44, -0.36, 0.2, 0.15, p.light)


def moon(p: Pen) -> None:
    p.oval(-0.06, 0, 0.92, 0.92, p.main)
    p.oval(-0.58, 0.3, 0.12, 0.12, p.dark)
    p.oval(-0.66, -0.16, 0.09, 0.09, p.dark)
    p.oval(-0.24, 0.64, 0.1, 0.1, p.dark)
    p.oval(0.44, -0.22, 0.8, 0.8, (*p.main, 0))
