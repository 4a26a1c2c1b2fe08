"""Times worth comparing: both sides in one run, in turns, warm, medians."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

import torch
from torch import Tensor

from models.engine import Engine, Run
from models.engine.orders import of_request
from models.parts.openvino import settled
from models.protocol import Eval, Request, Step, Target

Found = TypeVar("Found")


def paired(
    sides: Mapping[str, Callable[[], Any]],
    repeats: int,
    device: torch.device,
    seconds: float = math.inf,
    warm: Collection[str] | None = None,
) -> dict[str, list[float]]:
    """Seconds of each side, a list as long for all: sides in turns, so that a busy minute hits all alike.

    Those named in `warm` (None: all) run once before that does not count; `repeats` rounds, or the first that
    ends after `seconds`.
    """
    begin, taken = time.perf_counter(), {name: [] for name in sides}
    for name in sides if warm is None else warm:
        sides[name]()
    settled()
    for _ in range(repeats):
        for name, work in sides.items():
            before = now(device)
            work()
            taken[name].append(now(device) - before)
        if time.perf_counter() - begin > seconds:
            break
    return taken


def several(work: Callable[[], Found], repeats: int, seconds: float) -> list[Found]:
    """What `work` gives, `repeats` times or until `seconds` are over, after once that does not count."""
    begin, found = time.perf_counter(), [work()]
    settled()
    while len(found) <= repeats and time.perf_counter() - begin < seconds:
        found.append(work())
    return found[1:] or found


def times(slow: Sequence[float], quick: Sequence[float]) -> float:
    """How many times longer `slow` took: the median of what each round says."""
    return median(a / b for a, b in zip(slow, quick, strict=True))


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def bare(engine: Engine, request: Request) -> tuple[int, Eval]:
    """Run a request without the engine, its targets called one after another; the number of Evals, and the largest."""
    count, largest = evals(engine, request)
    return count, max(largest.values(), key=_numbers)


def evals(engine: Engine, request: Request) -> tuple[int, dict[str, Eval]]:
    """As `bare`; the number of Evals, and of each target the largest."""
    order = of_request(Run("bench", lambda: None, request), engine.samplers[request.sampler], engine.registry,
                       torch.float32, None)  # fmt: skip
    order.claim(engine.registry, 0, lambda: None)
    order.ticket.wait()
    count, value, largest = 0, None, {}
    painting, bound = order.open(order.parts), order.bind()
    try:
        with torch.no_grad():
            while True:
                said = painting.send(value)
                value = None
                if isinstance(said, Eval):
                    to, count = bound[said.target], count + 1
                    rows = (row.to(engine.registry.device) for row in said.rows)
                    value = to.fn(to.parts, *rows, **dict(said.opts))
                    largest[said.target] = max(largest.get(said.target, said), said, key=_numbers)
                assert isinstance(said, Eval | Step)
    except StopIteration:
        return count, largest
    finally:
        order.release()


def _numbers(said: Eval) -> int:
    return sum(row.numel() for row in said.rows)


def _hand_back(parts: Mapping[str, Any], first: Tensor, *rest: Tensor) -> Tensor:
    return first


def echoed(engine: Engine, said: Eval, count: int = 200) -> float:
    """Seconds that the engine takes for an Eval of these rows whose network does nothing."""

    def painting() -> Iterator[Eval]:
        for _ in range(count):
            yield Eval("echo", said.rows)

    run = engine.play(painting(), {"echo": Target(_hand_back, ())}, client="bench")
    begin = time.perf_counter()
    engine.wait(run)
    return (time.perf_counter() - begin) / count


def reason(error: Exception) -> str:
    """What went wrong, in a line."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def until(engine: Engine, done: Callable[[], bool]) -> float:
    """Seconds until `done`, turning the engine."""
    begin = time.perf_counter()
    while not done():
        engine.turn()
    return time.perf_counter() - begin


def newcomer(engine: Engine, job: Request, guest: Request) -> dict[str, float]:
    """Seconds until a guest's first step, arriving two steps into a long job: on the engine, and in a queue."""
    waits = {}
    for name in ("engine", "queue"):
        long = engine.submit(job)
        until(engine, lambda run=long: run.meters.steps >= 2 or run.over)
        begin = time.perf_counter()
        if name == "queue":
            engine.wait(long)
        run = engine.submit(guest)
        until(engine, lambda run=run: run.meters.steps >= 1 or run.over)
        waits[name] = time.perf_counter() - begin
        for each in (long, run):
            each.cancel()
            engine.wait(each)
    return waits


def first_look(engine: Engine, request: Request) -> float:
    """Seconds from the request to its first picture, alone and warm."""
    begin = time.perf_counter()
    run = engine.submit(request)
    run.wanted = True
    until(engine, lambda: run.newest is not None or run.over)
    seconds = time.perf_counter() - begin
    run.cancel()
    engine.wait(run)
    return seconds
