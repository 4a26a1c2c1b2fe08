"""Pictures that programs send: whose they may be, opened warily, at the size of the net that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradio.utils import get_upload_folder, is_in_or_equal
from torch import Tensor

from lab.lessons.own import KINDS, LARGEST, NotAPicture, open_own
from lab.lessons.starts import SIDES, TAKES
from lab.race import missing
from lab.ui.acts import Refusal
from models.engine import Engine

__all__ = ["SIDES", "TAKES", "opened"]

EXAMPLE = "gradio_client.handle_file('cat.png')"


def opened(
    engine: Engine, suite: str, lane: str, knobs: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Tensor]:
    """`image` (3, H, W) in [0, 1], its middle, and `mask` (1, H, W) in {0, 1}, white where to repaint, as far as given.

    Nothing is opened for a painter whose weights are not here.  Raises Refusal.
    """
    files = {name: _path(name, value) for name, value in given.items() if value is not None}
    if "mask" in files and "image" not in files:
        raise Refusal("api.say.alone", name="mask", other="image")
    if not files or missing(engine, suite, (lane,)):
        return {}
    side = SIDES[lane](engine, suite)
    found = {name: _open(name, path, knobs.get("height") or side, knobs.get("width") or side)
             for name, path in files.items()}  # fmt: skip
    if "mask" in found:
        found["mask"] = (found["mask"].mean(0, keepdim=True) >= 0.5).float()
        if not found["mask"].any():
            raise Refusal("api.say.nohole", name="mask")
    return found


def _path(name: str, value: Any) -> str:
    """Where a file lies that was sent, and no other file of this machine."""
    path = value.get("path") if isinstance(value, Mapping) else None
    if not isinstance(path, str) or not is_in_or_equal(path, get_upload_folder()):
        raise Refusal("api.say.nofile", name=name, example=EXAMPLE)
    return path


def _open(name: str, path: str, tall: int, wide: int) -> Tensor:
    try:
        return open_own(path, tall, wide).picture
    except NotAPicture as error:
        kinds = ", ".join(KINDS)
        raise Refusal(f"api.say.{error.reason}", **{"name": name, "kinds": kinds, "most": LARGEST}) from error
