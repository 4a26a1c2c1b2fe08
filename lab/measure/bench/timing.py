"""Times worth comparing: both sides in one run, in turns, warm, medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch

from models.engine import Engine, Run
from models.engine.orders import of_request
from models.protocol import Eval, Request, Step


def paired(sides: Mapping[str, Callable[[], Any]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each side: once each to warm up, then in turns, so that a busy minute hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, work in sides.items():
            begin = _now(device)
            work()
            if turn:
                taken[name].append(_now(device) - begin)
    return {name: median(times) for name, times in taken.items()}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def bare(engine: Engine, request: Request) -> int:
    """Run a request without the engine, its targets called one after another; how many Evals there were."""
    order = of_request(Run("bench", lambda: None, request), engine.samplers[request.sampler], engine.registry,
                       torch.float32, None)  # fmt: skip
    order.claim(engine.registry, 0, lambda: None)
    order.ticket.wait()
    count, value = 0, None
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
                assert isinstance(said, Eval | Step)
    except StopIteration:
        return count
    finally:
        order.release()


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
