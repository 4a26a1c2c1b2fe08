"""Running a batch, and what is done when it fails.

A failing batch is halved down to the culprit; out of memory then halves its rows down to one; only then does that run
end.  Halves are padded back to the size of the batch, so that the innocent get the same bits.  A result that is not
finite is found before it is sent, and tried once more on upcast copies of its parts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from models.engine.batch import Bound, Piece, join, merge, over
from models.engine.endings import known, shed


class NotFinite(ArithmeticError):
    """A network gave NaN or infinity, in float32 too, or what float16 cannot hold."""


class Server:
    """Runs batches on one device, under one clock.  `buckets` are the sizes to pad to; None runs exact counts."""

    def __init__(self, device: torch.device, clock: Callable[[], float], buckets: tuple[int, ...] | None = None):
        self.device, self.clock, self.buckets = device, clock, buckets
        self.workspace: dict[tuple[str, int], int] = {}  # bytes by (target, rows)

    def workspace_of(self, targets: Sequence[str]) -> int:
        """Bytes that the dearest of `targets` needs beside its parts, at the fewest rows seen; 0 if never measured."""
        least: dict[str, int] = {}
        for (name, _), used in sorted(self.workspace.items(), reverse=True):
            least[name] = used
        return max((least.get(name, 0) for name in targets), default=0)

    def size(self, rows: int) -> int:
        return next((size for size in self.buckets or () if size >= rows), rows)

    def serve(self, pieces: Sequence[Piece], size: int | None = None, shared: int | None = None) -> int:
        """Run `pieces` as one batch; leaves `out` or `error`, and `seconds`, on each.  Raises nothing of theirs.

        Gives the rows of the smallest batch that ran out of memory on the way, 0 when none did.  `shared`: among how
        many rows the time is divided, where failures took some of them away.
        """
        count = sum(piece.count for piece in pieces)
        size, shared = size or self.size(count), shared or count
        error = self._attempt(pieces, size, shared)
        if error is None:
            return 0
        memory, trace = isinstance(error, (torch.OutOfMemoryError, MemoryError)), shed(error)
        if memory and self.device.type == "cuda":  # whose memory is free only now that no frame is left
            torch.cuda.empty_cache()
        tight = [count] if memory else []
        if len(pieces) > 1:
            half = len(pieces) // 2
            for part in (pieces[:half], pieces[half:]):
                tight.append(self.serve(part) if memory else self.serve(part, size, shared))
        elif memory and count > 1:
            tight.append(self._halve_rows(pieces[0]))
        else:
            pieces[0].error, pieces[0].trace = error, trace
        return min(filter(None, tight), default=0)

    def _attempt(self, pieces: Sequence[Piece], size: int, shared: int) -> Exception | None:
        """One run of the networks.  Its time is shared by rows, padding included; gives what went wrong."""
        bound, opts = pieces[0].need.bound, pieces[0].need.opts
        count = sum(piece.count for piece in pieces)
        begin, paid = self.clock(), 0.0  # paid: the part of a row's time that is its own, and no failure's
        try:
            out = self._call(bound, join(pieces, size), opts)
            bad, paid = _not_finite(out, count), count / shared
        except Exception as error:
            return known(error)
        finally:
            share = (self.clock() - begin) / count
            for piece in pieces:
                piece.seconds += share * piece.count * paid
                piece.lost += share * piece.count * (1 - paid)
        at = 0
        for piece in pieces:
            rows = slice(at, at + piece.count)
            piece.out = over(out, lambda value, rows=rows: value[rows])
            at += piece.count
            if bad is not None and bad[rows].any():
                self._upcast(piece)
        return None

    def _call(self, bound: Bound, rows: tuple[Tensor, ...], opts: dict[str, Any]) -> Any:
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
            before = torch.cuda.memory_allocated(self.device)
        with torch.no_grad():
            out = bound.fn(bound.parts, *rows, **opts)
        out = over(out, Tensor.detach)
        for value in (out,) if isinstance(out, Tensor) else out:
            if value.ndim == 0 or len(value) != len(rows[0]):
                raise ValueError(
                    f"{bound.name} gave {tuple(value.shape)} for {len(rows[0])} rows; give outputs row-first"
                )
        if cuda:
            torch.cuda.synchronize(self.device)
            used = torch.cuda.max_memory_allocated(self.device) - before
            key = bound.name, len(rows[0])
            self.workspace[key] = max(used, self.workspace.get(key, 0))
        return out

    def _halve_rows(self, piece: Piece) -> int:
        """Out of memory with one run left: its rows in two halves, each padded to no more than itself.

        Gives what `serve` gives.
        """
        middle = piece.begin + piece.count // 2
        halves = [Piece(piece.need, piece.begin, middle), Piece(piece.need, middle, piece.end)]
        tight = []
        for half in halves:
            tight.append(self.serve([half], half.count))
            piece.seconds, piece.lost = piece.seconds + half.seconds, piece.lost + half.lost
            if half.error is not None:
                piece.error, piece.trace = half.error, half.trace
                break
        else:
            piece.out = merge([half.out for half in halves])
        return min(filter(None, tight), default=0)

    def _upcast(self, piece: Piece) -> None:
        """Try once more in float32, on copies: the shared parts stay as they are."""
        bound, rows = piece.need.bound, piece.rows
        message = f"{bound.name} gave NaN or infinity for rows {piece.begin} to {piece.end}"
        narrow = [value for part in bound.parts.values() for value in part.parameters()] + list(rows)
        dtypes = {value.dtype for value in narrow if value.is_floating_point()}
        piece.error, was = NotFinite(message + "; weights or settings may be out of range"), piece.out
        if not dtypes & {torch.float16, torch.bfloat16}:
            return
        begin = self.clock()
        try:
            wide = Bound(
                bound.name, bound.fn, {name: copy.deepcopy(part).float() for name, part in bound.parts.items()}
            )
            out = self._call(
                wide, tuple(row.float() if row.is_floating_point() else row for row in rows), piece.need.opts
            )
            out = _as(out, was)  # as it will be sent: what float32 holds may be infinite in float16
            if _not_finite(out, piece.count) is None:
                piece.out, piece.error = out, None
        except Exception as error:
            piece.error, piece.trace = error, shed(error)
        piece.seconds += self.clock() - begin


def _as(out: Any, like: Any) -> Any:
    """`out` in the dtypes of `like`, so that the sampler goes on as it was."""
    dtypes = iter([value.dtype for value in ((like,) if isinstance(like, Tensor) else like)])
    return over(out, lambda value: value.to(next(dtypes)))


def _not_finite(out: Any, count: int) -> Tensor | None:
    """Which of the first `count` rows hold NaN or infinity, on the CPU; None when none does."""
    values = [value for value in ((out,) if isinstance(out, Tensor) else out) if value.is_floating_point()]
    if not values:
        return None
    finite = [value[:count].reshape(count, -1).isfinite().all(1) for value in values]
    bad = ~torch.stack(finite).all(0).cpu()
    return bad if bad.any() else None
