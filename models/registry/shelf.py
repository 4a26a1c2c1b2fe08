"""What lies in memory, what it weighs, and who goes first when room is needed.  Plain counting, no lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from models.catalog import Part


class WontFit(RuntimeError):
    """Not even an empty budget would do: `need` and `have` in bytes, and what holds memory now."""

    def __init__(self, need: int, have: int, held_by: Sequence[str]):
        super().__init__(f"parts and workspace need {need} bytes, the budget is {have}; held by {list(held_by)}")
        self.need, self.have, self.held_by = need, have, tuple(held_by)


@dataclass(slots=True)
class Counts:
    """What the registry did so far."""

    hits: int = 0
    loads: int = 0
    evictions: int = 0
    failures: int = 0
    bytes: int = 0  # loaded, as they weigh in memory
    seconds: float = 0.0  # spent reading


@dataclass(eq=False)
class Held:
    """A part in memory, or on its way there (`module` is None)."""

    part: Part
    bytes: int
    module: nn.Module | None = None
    lent: int = 0
    used: int = 0  # when last lent or given back, in the shelf's own count
    asked: bool = False  # somebody has it read
    placed: bool = False  # on the device


class Shelf:
    """Parts within `budget` bytes (None is no limit), by least recent use."""

    def __init__(self, budget: int | None, weigh: Callable[[Part], int], counts: Counts):
        self.budget, self.weigh, self.counts = budget, weigh, counts
        self.held: dict[Part, Held] = {}
        self._weights: dict[Part, int] = {}
        self.peak = 0  # most bytes ever held at once
        self._ticks = 0

    @property
    def used(self) -> int:
        return sum(held.bytes for held in self.held.values())

    def check(self, parts: Iterable[Part], workspace: int) -> None:
        """WontFit when `parts` and `workspace` exceed the whole budget."""
        need = workspace + sum(self._weight(part) for part in parts)
        if self.budget is not None and need > self.budget:
            raise WontFit(need, self.budget, sorted(held.part.name for held in self.held.values() if held.lent))

    def take(self, parts: Sequence[Part], workspace: int) -> list[Held] | None:
        """Lend all of `parts`, or none (None): evicts what nobody uses, and keeps `workspace` bytes free.

        Parts that were not in memory come without a module; the caller has them read.
        """
        missing = [part for part in parts if part not in self.held]
        need = sum(self._weight(part) for part in missing)
        if not self._make_room(need + workspace, keep=parts):
            return None
        for part in missing:
            self.held[part] = Held(part, self._weight(part))
        self.peak = max(self.peak, self.used)
        self.counts.hits += len(parts) - len(missing)
        taken = [self.held[part] for part in parts]
        for held in taken:
            held.lent += 1
            self._touch(held)
        return taken

    def give_back(self, parts: Iterable[Part]) -> None:
        for part in parts:
            held = self.held.get(part)
            if held is not None:
                held.lent -= 1
                self._touch(held)

    def _weight(self, part: Part) -> int:
        if part not in self._weights:
            self._weights[part] = self.weigh(part)
        return self._weights[part]

    def _make_room(self, need: int, keep: Sequence[Part]) -> bool:
        if self.budget is None:
            return True
        over = self.used + need - self.budget
        idle = [held for held in self.held.values() if not held.lent and held.module is not None]
        idle = sorted((held for held in idle if held.part not in keep), key=lambda held: held.used)
        if over > sum(held.bytes for held in idle):
            return False
        while over > 0:
            gone = idle.pop(0)
            del self.held[gone.part]
            over -= gone.bytes
            self.counts.evictions += 1
        return True

    def _touch(self, held: Held) -> None:
        self._ticks += 1
        held.used = self._ticks
