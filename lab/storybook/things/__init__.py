"""The eighteen kinds of thing, each drawn in the unit square [-1, 1] x [-1, 1] with y downwards.

A drawing uses the pen's ink in three tones (light, main, dark), so that its colour is never in doubt.
"""

from lab.storybook.things import grown, made
from lab.storybook.things.pen import Pen, tone
from lab.storybook.words import KINDS

DRAW = {kind: getattr(made, kind, None) or getattr(grown, kind) for kind in KINDS}

__all__ = ["DRAW", "Pen", "tone"]
