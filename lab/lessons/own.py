"""A visitor's own picture: opened warily, centre-cropped and brought to the size that a net was trained on.

The header is read first, so that a small file that unpacks to gigabytes is refused before it does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

LARGEST = 40_000_000  # pixels a file may have
KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
GROUND = "white"  # behind what is transparent


class NotAPicture(ValueError):
    """A file that cannot be used; `reason` is "unreadable" or "large"."""

    def __init__(self, reason: str, file: str | Path):
        super().__init__(f"file is {Path(file).name!r}, {reason}; give {', '.join(KINDS)} of at most {LARGEST} pixels")
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """`picture` (3, H, W) in [0, 1]; the file had `given` = (width, height) pixels, and `cut` says sides were lost."""

    picture: Tensor
    given: tuple[int, int]
    cut: bool


def open_own(file: str | Path, height: int, width: int) -> Own:
    """The middle of the picture in `file`, `height` x `width`.  Raises NotAPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is above ours
            opened = Image.open(file, formats=KINDS)
        with opened:
            if opened.width * opened.height > LARGEST:
                raise NotAPicture("large", file)
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except NotAPicture:
        raise
    except Image.DecompressionBombError as error:
        raise NotAPicture("large", file) from error
    except Exception as error:  # Pillow raises nearly anything on a broken file
        raise NotAPicture("unreadable", file) from error
    flat = Image.alpha_composite(Image.new("RGBA", upright.size, GROUND), upright).convert("RGB")
    fitted = ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS)
    cut = round(height * flat.width / flat.height) != width
    return Own(torch.from_numpy(np.array(fitted)).movedim(-1, 0).float() / 255, flat.size, cut)
