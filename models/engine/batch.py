"""Evals that fit together run together: what is needed, which rows share a batch, how large it may grow.

Batches form on (function, bound parts, options, shapes of a row, dtypes).  Rows are independent, so who rides along
changes nothing but rounding: and not even that where every batch is padded to one size (`buckets=(8,)`).
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from models.protocol import Eval

SIZES = (1, 2, 4, 8)  # rows a batch may have at most; between them CPU batches run as they come
KINDS = 1024  # times remembered
GAIN = 0.95  # a larger batch must bring the time of a row below this part of the smaller one's
AGAIN = 256  # batches of any kind after which a time is forgotten


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A target bound to the parts of one run."""

    name: str
    fn: Callable[..., Any]
    parts: Mapping[str, nn.Module]

    @property
    def key(self) -> Hashable:
        return self.fn, tuple(map(id, self.parts.values()))


@dataclass(eq=False)
class Need:
    """An Eval that waits.  `at` rows of `count` are served, their outputs lie in `outs`."""

    client: str
    id: int  # of the run
    bound: Bound
    rows: tuple[Tensor, ...]
    opts: dict[str, Any]
    key: Hashable
    look: bool = False
    exact: bool = False
    bytes: int = 0  # of memory that it is expected to take, its rows and results included; 0 where nobody knows
    at: int = 0
    outs: list[Any] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def count(self) -> int:
        return self.rows[0].shape[0]

    @property
    def left(self) -> int:
        return self.count - self.at


@dataclass(eq=False)
class Piece:
    """Rows `begin` to `end` of a need, all that one batch serves of it."""

    need: Need
    begin: int
    end: int
    out: Any = None
    error: BaseException | None = None
    trace: str = ""  # of `error`, which holds no frame
    seconds: float = 0.0  # that its rows took
    lost: float = 0.0  # in attempts that failed, and on rows of those who failed

    @property
    def count(self) -> int:
        return self.end - self.begin

    @property
    def rows(self) -> tuple[Tensor, ...]:
        if self.count == self.need.count:
            return self.need.rows
        return tuple(row[self.begin : self.end] for row in self.need.rows)


def need(said: Eval, bound: Mapping[str, Bound], device: torch.device, **of: Any) -> Need:
    """Check an Eval and make it wait.  `of`: client, id, look, exact, bytes.  ValueError names the target."""
    if said.target not in bound:
        raise ValueError(f"target is {said.target!r}; this run has {sorted(bound)}")
    if not said.rows or not all(isinstance(row, Tensor) and row.ndim for row in said.rows):
        raise ValueError(f"rows of {said.target!r} are {said.rows!r}; give at least one tensor, row-first")
    counts = [len(row) for row in said.rows]
    if len(set(counts)) != 1 or not counts[0]:
        raise ValueError(f"rows of {said.target!r} number {counts}; give every tensor the same number, at least 1")
    try:
        hash(said.opts)
    except TypeError as error:
        raise ValueError(f"opts of {said.target!r} are {said.opts!r}; give hashable values") from error
    to = bound[said.target]
    rows = tuple(row.detach().to(device).contiguous() for row in said.rows)
    shapes = tuple((tuple(row.shape[1:]), row.dtype) for row in rows)
    return Need(bound=to, rows=rows, opts=dict(said.opts), key=(to.key, said.opts, shapes), **of)


def join(pieces: Sequence[Piece], size: int) -> tuple[Tensor, ...]:
    """All rows of `pieces` in one batch of `size`, padded by repeating the last; a lone piece stays uncopied."""
    pad = size - sum(piece.count for piece in pieces)
    if len(pieces) == 1 and pad == 0:
        return pieces[0].rows
    columns = zip(*(piece.rows for piece in pieces), strict=True)
    return tuple(torch.cat([*rows, *([rows[-1][-1:]] * pad)]) for rows in columns)


def over(out: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`change` on a tensor, or on every tensor of a (named) tuple."""
    if isinstance(out, Tensor):
        return change(out)
    values = [change(value) for value in out]
    return type(out)(*values) if hasattr(out, "_fields") else tuple(values)


def merge(outs: Sequence[Any]) -> Any:
    """Outputs of consecutive pieces as one."""
    if len(outs) == 1:
        return outs[0]
    if isinstance(outs[0], Tensor):
        return torch.cat(list(outs))
    values = [torch.cat(column) for column in zip(*outs, strict=True)]
    return type(outs[0])(*values) if hasattr(outs[0], "_fields") else tuple(values)


class Caps:
    """How many rows of a kind may run at once: under a quantum of time, and while a row still gets cheaper.

    A busy machine or a first call must not shrink batches for good: the shortest time seen counts, and a size that
    did not run for AGAIN batches, as one that was found too slow does not, is worth a try as if it were new.
    """

    def __init__(self, quantum: float, fixed: int | None = None):
        self.quantum, self.fixed = quantum, fixed
        self.best: OrderedDict[int, tuple[float, int]] = OrderedDict()  # by hash: a key would keep its function alive
        self.noted = 0

    def note(self, key: Hashable, rows: int, seconds: float) -> None:
        """A batch of `rows` took `seconds`; infinitely many where it ran out of memory."""
        size = next((size for size in SIZES if size >= rows), SIZES[-1])
        seconds *= size / rows
        self.noted += 1
        least = seconds if seconds == math.inf else min(seconds, self._best(key, size) or seconds)
        self.best[hash((key, size))] = least, self.noted
        while len(self.best) > KINDS:
            self.best.popitem(last=False)

    def _best(self, key: Hashable, size: int) -> float:
        """Seconds of the fastest batch of `size` rows; 0 where there was none, or none of late."""
        seconds, when = self.best.get(hash((key, size)), (0.0, 0))
        return seconds if self.noted - when <= AGAIN else 0.0

    def most(self, key: Hashable) -> int:
        """Rows of one Eval that may run at once: more are split."""
        if self.fixed:
            return self.fixed
        slow = [size for size in SIZES if self._best(key, size) > self.quantum]
        return max((size for size in SIZES if not slow or size < slow[0]), default=1)

    def join(self, key: Hashable) -> int:
        """Rows up to which riders are welcome; sizes never tried are worth a try."""
        most = self.most(key)
        for small, large in pairwise(SIZES):
            before, after = self._best(key, small), self._best(key, large)
            if before and after and after / large > GAIN * before / small:
                return min(most, small)
        return most


def form(ordered: Sequence[Need], caps: Caps, free: float = math.inf) -> list[Piece]:
    """The batch that serves `ordered[0]`, with riders of its kind in their order; an exact need rides alone.

    No visitor rides with more rows than the first one has: all are charged by rows, and shares would never be even.
    Riders take no more memory beside the first than the `free` bytes.
    """
    first = ordered[0]
    take = min(first.left, SIZES[-1] if first.exact else caps.most(first.key))
    pieces, rows = [Piece(first, first.at, first.at + take)], Counter({first.client: take})
    room, free = 0 if first.exact else caps.join(first.key) - take, free - first.bytes
    for rider in ordered[1:]:
        fits = rider.key == first.key and not rider.exact and rider.left <= room and rider.bytes <= free
        if fits and (rider.client == first.client or rows[rider.client] + rider.left <= rows[first.client]):
            pieces.append(Piece(rider, rider.at, rider.count))
            rows[rider.client] += rider.left
            room, free = room - rider.left, free - rider.bytes
    return pieces
