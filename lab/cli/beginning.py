"""The picture that `quartet paint` begins with: who takes one, at what size it is opened, and where it is too much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from models.engine import Engine
    from models.knobs import Knobs
    from models.protocol import Request

LATER = 16_384  # characters, at most, that a receipt gains while its picture is painted: facts, timings, the verdict


def varied(family: str, knobs: Mapping[str, Any], image: Path | None) -> dict[str, Any]:
    """`knobs`, where unCLIP is given a picture with that picture's embedding.  ValueError where they say otherwise."""
    if family != "unclip":
        return dict(knobs)
    wanted = knobs.get("embedding", "prior" if image is None else "image")
    if image is None and wanted == "image":
        raise ValueError("embedding is 'image', but no picture is given to paint variations of; name one with --image")
    if image is not None and wanted != "image":
        raise ValueError(f"embedding is {wanted!r}, so --image would not be looked at; leave one of the two out")
    return knobs | ({} if image is None else {"embedding": "image"})


def opened(
    engine: Engine, suite: str, family: str, knobs: Knobs, image: Path | None, mask: Path | None
) -> dict[str, Tensor]:
    """`image` (3, H, W) in [0, 1], its middle, and `mask` (1, H, W) in {0, 1}, as far as given; H, W as is painted.

    Nothing is opened for a painter whose weights are not here.  ValueError says what will not do, and what to do.
    """
    from lab.lessons.own import open_own
    from lab.race import missing

    files = {name: file for name, file in (("image", image), ("mask", mask)) if file is not None}
    _taken(family, files)
    if not files or missing(engine, suite, (family,)):
        return {}
    size = _size(engine, suite, family, knobs, files["image"])
    found = {name: open_own(file, *size).picture for name, file in files.items()}
    if "mask" in found:
        found["mask"] = (found["mask"].mean(0, keepdim=True) >= 0.5).float()
        if not found["mask"].any():
            raise ValueError("--mask is black all over; give one that is white where the picture is to be repainted")
    return found


def carried(engine: Engine, request: Request) -> None:
    """ValueError where what a request asks for is more than a receipt can hold, so that nothing could be saved."""
    from lab.record import bounded, fits, of_request

    note, image = of_request(engine, request), request.prompt.image
    bounded(note)
    if image is None or fits(note | {"later": " " * LATER}):
        return
    smaller = "paint smaller, with --set width=... and --set height=..."
    raise ValueError(
        f"--image is painted on at {image.shape[2]} x {image.shape[1]}, which is more than a receipt can hold; "
        f"{smaller if hasattr(request.knobs, 'width') else 'give a smaller one'}"
    )


def _taken(family: str, files: Mapping[str, Path]) -> None:
    """ValueError where a painter does not take what is given, or lacks what it cannot do without."""
    from lab.lessons.starts import TAKES

    takes = TAKES.get(family, ())
    for name in files:
        if name not in takes:
            others = " or ".join(one for one, its in TAKES.items() if name in its)
            raise ValueError(f"--{name} is given, but {family} takes none; leave it out, or paint with {others}")
    if "mask" in files and "image" not in files:
        raise ValueError("--mask is given without --image; name the picture that it is of")
    if family == "upsample" and "image" not in files:
        raise ValueError("upsample enlarges a picture; name it with --image")


def _size(engine: Engine, suite: str, family: str, knobs: Knobs, image: Path) -> tuple[int, int]:
    """Height and width that a painter paints at; what is enlarged stays as it is."""
    from lab.lessons.own import open_own
    from lab.lessons.starts import SIDES

    if family not in SIDES:
        wide, tall = open_own(image, 1, 1).given  # as it stands upright
        return tall, wide
    side = SIDES[family](engine, suite)
    return getattr(knobs, "height", None) or side, getattr(knobs, "width", None) or side
