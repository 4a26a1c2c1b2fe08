"""A claim on parts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import nn

from models.catalog import Part

if TYPE_CHECKING:
    from models.registry import Registry


def nobody() -> None:
    """Wakes no one."""


@dataclass(eq=False)
class Ticket:
    """A claim on parts: waiting, loading, ready, then over.  `parts` maps names to modules while it is ready."""

    registry: Registry
    wanted: Mapping[str, Part]
    workspace: int = 0
    wake: Callable[[], None] = nobody
    parts: dict[str, nn.Module] = field(default_factory=dict)
    error: BaseException | None = None
    state: str = "waiting"

    def wait(self, place: bool = True) -> Mapping[str, nn.Module]:
        """Block until the parts are here, and on the device if they are to be run.  Raises Unavailable."""
        self.read()
        while place and not self.place():
            pass
        return self.parts

    def read(self, seconds: float | None = None) -> bool:
        """Block until the parts are read; False when that takes longer than `seconds`.  Raises why they never will."""
        with self.registry._changed:
            done = self.registry._changed.wait_for(lambda: self.state in ("ready", "over"), seconds)
        if self.error is not None:
            raise self.error
        return done

    def place(self) -> bool:
        """Copy one part to the device; True once all are there.  Only the thread that owns the device calls it."""
        with self.registry._changed:
            here = [held for held in self.registry._granted.get(self, []) if not held.placed]
        if here:
            here[0].module.to(self.registry.device)
            here[0].placed = True
        return len(here) <= 1

    def fail(self, error: BaseException) -> None:
        """Why its parts never will be here.  A copy: several threads raise it, and each writes its frames to it."""
        with suppress(Exception):  # what cannot be copied is shared
            own = copy.copy(error).with_traceback(error.__traceback__)
            own.__cause__, error = error.__cause__, own
        self.error = error

    def release(self) -> None:
        """Give everything back; harmless when repeated, or while it still waits."""
        self.registry._release(self)

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
