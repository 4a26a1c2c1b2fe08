"""What lies in memory, what it weighs, and who goes first when room is needed.  Plain counting, no lock."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from models.catalog import Part


class Fits(NamedTuple):
    """What would fit in the place of what does not: `kind` is fewer, half or neither.

    `fewer` or smaller pictures, in `bytes` beside the parts; `half` precision, which needs so many in all; or neither,
    since the parts alone are too large, the `largest` by name and bytes.
    """

    kind: str
    bytes: int = 0
    largest: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        if self.kind == "fewer":
            return f"the parts alone would fit: {self.bytes} bytes are left for fewer or smaller pictures"
        if self.kind == "half":
            return f"in float16 they would need {self.bytes} bytes, and fit"
        return "the largest are " + " and ".join(f"{name} with {size} bytes" for name, size in self.largest)


class WontFit(RuntimeError):
    """Not even an empty budget would do: `need` and `have` in bytes, what holds memory now, and what would fit."""

    def __init__(self, need: int, have: int, held_by: Sequence[str], fits: Fits | None = None):
        told = f"parts and workspace need {need} bytes, the budget is {have}; held by {list(held_by)}"
        super().__init__(f"{told}; {fits}" if fits else told)
        self.need, self.have, self.held_by, self.fits = need, have, tuple(held_by), fits

    def __reduce__(self) -> tuple[type, tuple[int, int, tuple[str, ...], Fits | None]]:
        return WontFit, (self.need, self.have, self.held_by, self.fits)  # so that it can come out of a forked process


@dataclass(slots=True)
class Counts:
    """What the registry did so far, with one part or with all."""

    hits: int = 0
    loads: int = 0
    evictions: int = 0
    failures: int = 0
    bytes: int = 0  # loaded, as they weigh in memory
    seconds: float = 0.0  # spent reading

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(eq=False)
class Held:
    """A part in memory, or on its way there (`module` is None)."""

    part: Part
    bytes: int
    module: nn.Module | None = None
    lent: int = 0
    used: int = 0  # when last lent or given back, in the shelf's own count
    asked: bool = False  # somebody has it read
    fetched: bool = False  # for whoever comes next
    placed: bool = False  # on the device


class Shelf:
    """Parts within `budget` bytes (None is no limit), by least recent use."""

    def __init__(self, budget: int | None, weigh: Callable[[Part], int]):
        self.budget, self.weigh = budget, weigh
        self.held: dict[Part, Held] = {}
        self.counts: defaultdict[Part, Counts] = defaultdict(Counts)
        self._weights: dict[Part, int] = {}
        self.peak = 0  # most bytes ever held at once
        self._ticks = 0

    @property
    def used(self) -> int:
        return sum(held.bytes for held in self.held.values())

    @property
    def free(self) -> float:
        return math.inf if self.budget is None else self.budget - self.used

    def check(self, parts: Iterable[Part], workspace: int) -> None:
        """WontFit when `parts` and `workspace` exceed the whole budget."""
        sizes = {part: self.weight(part) for part in parts}
        need = workspace + sum(sizes.values())
        if self.budget is not None and need > self.budget:
            held_by = sorted(held.part.name for held in self.held.values() if held.lent)
            raise WontFit(need, self.budget, held_by, advice(sizes, workspace, self.budget))

    def standing(self, part: Part) -> tuple[str, int, Counts]:
        """What a visitor may know of a part: its state, how often it is lent, a copy of its counts."""
        held, counts = self.held.get(part), Counts() + self.counts[part]
        if held is None:
            return "evicted" if counts.evictions else "away", 0, counts
        return "reading" if held.module is None else "lent" if held.lent else "resident", held.lent, counts

    def take(self, parts: Sequence[Part], workspace: int) -> list[Held] | None:
        """Lend all of `parts`, or none (None): evicts what nobody uses, and keeps `workspace` bytes free.

        Parts that were not in memory come without a module; the caller has them read.
        """
        missing = [part for part in parts if part not in self.held]
        need = sum(self.weight(part) for part in missing)
        if not self._make_room(need + workspace, keep=parts):
            return None
        for part in missing:
            self.held[part] = Held(part, self.weight(part))
        self.peak = max(self.peak, self.used)
        for part in set(parts) - set(missing):
            self.counts[part].hits += 1
        taken = [self.held[part] for part in parts]
        for held in taken:
            held.lent += 1
            self._touch(held)
        return taken

    def limit(self, budget: int | None, workspace: int) -> None:
        """Have another budget, and evict what no longer fits.  WontFit when what is lent, or being read, needs more."""
        needed = [held for held in self.held.values() if held.lent or held.module is None]
        need = workspace + sum(held.bytes for held in needed)
        if budget is not None and need > budget:
            raise WontFit(need, budget, sorted(held.part.name for held in needed))
        self.budget = budget
        self._make_room(workspace, keep=())

    def give_back(self, parts: Iterable[Part]) -> None:
        for part in parts:
            held = self.held.get(part)
            if held is not None:
                held.lent -= 1
                self._touch(held)

    def weight(self, part: Part) -> int:
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
            over -= self._evict(idle.pop(0))
        return True

    def discard(self, part: Part) -> bool:
        """Forget a part; False where it is lent or being read, and stays."""
        held = self.held.get(part)
        if held is not None and (held.lent or held.module is None):
            return False
        if held is not None:
            self._evict(held)
        return True

    def unwanted(self, held: Held) -> bool:
        """Whether nobody waits any more for a part that is still to be read: then it is forgotten."""
        if held.lent or held.fetched:
            return False
        del self.held[held.part]
        return True

    def _evict(self, held: Held) -> int:
        """Gives its bytes."""
        del self.held[held.part]
        self.counts[held.part].evictions += 1
        return held.bytes

    def _touch(self, held: Held) -> None:
        self._ticks += 1
        held.used = self._ticks


def advice(sizes: Mapping[Part, int], workspace: int, budget: int) -> Fits:
    """What would fit in place of parts of these sizes and `workspace` bytes, which together exceed `budget`."""
    weights = sum(sizes.values())
    if weights <= budget:
        return Fits("fewer", budget - weights)
    half = workspace + sum(size // (1 + part.narrows) for part, size in sizes.items())
    if half <= budget:
        return Fits("half", half)
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:2]
    return Fits("neither", largest=tuple((part.name, sizes[part]) for part in largest))
