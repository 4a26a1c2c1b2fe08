"""Painters as they are, with other targets: counted, or marked so that chosen rows burst."""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import count

import torch

from models.engine.batch import over
from models.protocol import Eval, Step, Target
from tests.tiny import Cost


def counted():
    """A clock that goes by counting: by the real one a busy machine may find that batches are not worth it."""
    ticks = count()
    return lambda: next(ticks) / 1000


class Rebound:
    """A painter with other targets."""

    def __init__(self, painter, targets):
        self.painter, self.targets = painter, targets

    def __getattr__(self, name):
        return getattr(self.painter, name)

    def __call__(self, *given):
        return self.painter(*given)


class Wrapped:
    """Painters whose networks run with something around them: `samplers` by name, `around` what a subclass says."""

    def __init__(self, samplers):
        self.samplers = {name: Rebound(painter, self._targets(painter)) for name, painter in samplers.items()}

    def _targets(self, painter) -> dict[str, Target]:
        return {name: Target(self._wrap(target.fn, name), target.parts) for name, target in painter.targets.items()}

    @cache  # noqa: B019 - one wrapper a function, or batches would not form across samplers
    def _wrap(self, fn, name):
        def wrapped(parts, *rows, **opts):
            with self.around(name, len(rows[0])):
                return fn(parts, *rows, **opts)

        return wrapped


class Guarded(Wrapped):
    """Counts how many networks run at once, anywhere in the process."""

    def __init__(self, samplers):
        self.lock, self.now, self.most, self.calls = threading.Lock(), 0, 0, 0
        super().__init__(samplers)

    @contextmanager
    def around(self, name: str, rows: int):
        with self.lock:
            self.now, self.calls = self.now + 1, self.calls + 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self.lock:
                self.now -= 1


class Paced(Wrapped, Cost):
    """Their clock, which they alone move: `seconds` a row by target, 0.005 where none are said."""

    def __init__(self, samplers, **seconds: float):
        Cost.__init__(self, **seconds)
        Wrapped.__init__(self, samplers)

    @contextmanager
    def around(self, name: str, rows: int):
        self.now += self.seconds.get(name, 0.005) * rows
        yield


def burst(kind: str, out, bad: torch.Tensor):
    """Out of memory or an exception as soon as one row of a batch is bad; NaN in the bad rows alone."""
    if not bad.any():
        return out
    if kind == "memory":
        raise torch.OutOfMemoryError("injected")
    if kind == "raise":
        raise ZeroDivisionError("injected")
    return over(
        out, lambda x: x.where(bad.view(-1, *[1] * (x.ndim - 1)) == 0, torch.nan) if x.is_floating_point() else x
    )


def marked(kind: str, fn, parts, *rows, **opts):
    *rows, bad = rows
    return burst(kind, fn(parts, *rows, **opts), bad)


class Marked(Rebound):
    """A painter whose Evals carry one column more: whether that row is bad.

    Rows of the run whose prompt is `eval` are bad after its first step, those of `look` in its looks; a look that asks
    for no network bursts by itself.
    """

    def __init__(self, painter, kind: str):
        super().__init__(painter, {name: Target(partial(marked, kind, target.fn), target.parts)
                                   for name, target in painter.targets.items()})  # fmt: skip
        self.kind, self.seen = kind, []

    def __call__(self, prompt, *given):
        return self._mark(self.painter(prompt, *given), prompt.text, False)

    def _mark(self, coroutine, where: str, bad: bool):
        value, said = None, None
        try:
            while True:
                said = coroutine.send(value)
                if isinstance(said, Step):
                    bad = where == "eval"
                    said = replace(said, look=partial(self._look, said.look, where))
                else:
                    said = self._eval(said, bad)
                value = yield said
        except StopIteration as end:
            value = end.value
        finally:
            coroutine.close()
        return burst(self.kind, value, torch.ones(len(value))) if bad and said is None else value

    def _look(self, look, where: str):
        return self._mark(look(), where, where == "look")

    def _eval(self, said: Eval, bad: bool) -> Eval:
        self.seen += [weakref.ref(row) for row in said.rows]
        return replace(said, rows=(*said.rows, torch.full((len(said.rows[0]),), float(bad))))
