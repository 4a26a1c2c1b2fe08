"""Which painters begin with a picture that is given, and at what size their nets want it."""

from __future__ import annotations

from lab.lessons.climbing import trained
from lab.lessons.given import side_of
from models.engine import Engine

TAKES = {
    "latent": ("image", "mask"), "vqgan_clip": ("image",), "unclip": ("image",), "upsample": ("image",),
}  # fmt: skip


def seen(engine: Engine, suite: str) -> int:
    """Pixels a side of what the suite's CLIP looks at."""
    with engine.registry.borrow(suite, ["clip"]) as parts:
        return parts["clip"].size


SIDES = {"latent": side_of, "vqgan_clip": trained, "unclip": seen}  # what is enlarged may have any size
