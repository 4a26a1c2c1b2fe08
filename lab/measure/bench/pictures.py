"""Whether stock paints our picture: from the same noise, through the same networks, how far a pixel is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from lab.measure.bench.cases import Case
from models.engine import Engine


class Wide(TorchFunctionMode):
    """Noise is drawn in float32 and narrowed then, as ours is: in half precision a seed gives other numbers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is not torch.randn:
            return func(*args, **kwargs)
        return func(*args, **{**kwargs, "dtype": torch.float32}).to(kwargs.get("dtype") or torch.float32)


def unlike(engine: Engine, case: Case) -> dict[str, float | None]:
    """How far a pixel of stock's picture is off from ours at most, and on average; None where it is another picture.

    Where random networks are asked what is in pure noise, as Karlo's are, one rounding may turn black to white.
    """
    if not case.same:
        return {"off": None}
    ours, (paint, *_) = engine.paint(case.request()).cpu(), case.stock.values()
    with Wide():
        found = torch.as_tensor(paint(case.text, 0)).cpu().float()
    theirs = found if found.shape == ours.shape else found.movedim(-1, 1)
    off = (theirs - ours).abs()
    return {"off": off.max().item(), "off, mean": off.mean().item()}
