"""What every ending needs: closing without trusting, errors that hold nothing, pictures as bytes."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from models.engine.run import Run

STUBBORN = 16  # how often a coroutine that yields while it is being closed is asked again


class EngineStopped(RuntimeError):
    """The engine was stopped, or died; the cause says of what."""


def outcome(run: Run) -> Any:
    """What a run that is over has brought.  Raises what went wrong, and EngineStopped where it was cancelled."""
    if run.error is not None:
        raise run.error
    if run.state == "cancelled":
        raise EngineStopped(f"run {run.id} was cancelled")
    return run.result


@dataclass(frozen=True, slots=True, eq=False)
class Returned:
    """What a coroutine returned, told apart from what it yielded."""

    value: Any


def close(coroutine: Generator | None) -> None:
    """End a coroutine whatever it does: it may yield in `finally`, raise, or be at work on another thread."""
    for _ in range(STUBBORN):
        try:
            if coroutine is not None:
                coroutine.close()
            return
        except ValueError:  # running elsewhere: a foreign hand holds it, and will end it
            return
        except RuntimeError as error:
            if "ignored GeneratorExit" not in str(error):
                return
        except Exception:
            return


def known(error: Exception) -> Exception:
    """`error`; as torch.OutOfMemoryError where a processor has no memory left, which torch raises RuntimeError for."""
    if type(error) is not RuntimeError or "DefaultCPUAllocator" not in str(error):
        return error
    found = torch.OutOfMemoryError(str(error))
    found.__traceback__ = error.__traceback__
    return found


def shed(error: BaseException) -> str:
    """The whole traceback as text; the error itself then holds no frame, and so no tensor of anybody's."""
    text = "".join(traceback.format_exception(error))
    links, shorn = [error], set()
    while links:
        link = links.pop()
        if link is not None and id(link) not in shorn:  # `raise error from error` is its own cause
            shorn.add(id(link))
            link.__traceback__ = None
            links += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
    return text


def is_picture(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4 and value.shape[1] == 3 and value.is_floating_point()


def to_images(pictures: Any) -> np.ndarray:
    """(B, 3, H, W) in [0, 1] -> (B, H, W, 3) uint8.  ValueError for anything else."""
    if not is_picture(pictures):
        shape = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
        raise ValueError(f"a look gave {shape}; give pictures (B, 3, H, W) in [0, 1]")
    if not pictures.isfinite().all():
        raise ValueError("a look gave NaN or infinity; give pictures in [0, 1]")
    return pictures.detach().float().clamp(0, 1).mul(255).round().byte().movedim(1, -1).contiguous().cpu().numpy()


def to_cpu(value: Any) -> Any:
    """Tensors, alone or in tuples, off the device and free of any graph."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()  # a row would keep its whole batch alive
    if isinstance(value, tuple):
        values = [to_cpu(item) for item in value]
        return type(value)(*values) if hasattr(value, "_fields") else tuple(values)
    return value
