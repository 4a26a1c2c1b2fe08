"""Several runs of any painters at once, so that one thing can be changed and everything else kept.

A lesson asks the same painter the same sentence with one knob turned, and shows the answers side by side.  All runs
go to the engine at once: it batches what they have in common, and they advance in step.  Every picture that is done
comes with its receipt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lab.race.events import Event, Follower
from lab.race.needs import limited
from lab.record import receipt
from models.engine import Engine, Run
from models.protocol import Request

EVERY = 0.2  # seconds between two looks at a run


def together(
    engine: Engine,
    requests: Mapping[str, Request],
    stop: threading.Event,
    every: float | None = EVERY,
    *,
    runs: dict[str, Run] | None = None,
    keep: Iterable[int] = (),
) -> Iterator[Event]:
    """Events of all `requests` until each is over; `event.lane` is the key of its request.

    `stop` may be set from any thread: every run then ends within one Eval.  Leaving early ends them too.  `every` is
    in seconds between two looks at a run; None looks at the last step only.  `runs`, where given, is filled with the
    runs by their keys, and each keeps the State of the steps `keep`.
    """
    zero, runs, keep = time.perf_counter(), {} if runs is None else runs, tuple(keep)
    runs |= {key: engine.submit(request, keep) for key, request in requests.items()}
    needs = {key: limited(engine, request) for key, request in requests.items()}
    live = [Follower(key, run, zero, every, zero, need=needs.get(key)) for key, run in runs.items()]
    try:
        while live:
            if stop.is_set():
                _cancel(runs)
            events = [event for follower in live if (event := follower.news(time.perf_counter())) is not None]
            yield from (_signed(engine, event, runs[event.lane]) for event in events)
            live = [follower for follower in live if not follower.over]
            if live and not events:
                engine.turn()
    finally:
        _cancel(runs)


def _signed(engine: Engine, event: Event, run: Run) -> Event:
    """The end of a run with its pictures and their receipts; a run that went on from a State is no whole one."""
    if event.state != "done" or run.newest is None or run.request.start is not None:
        return event
    images = run.newest.images
    notes = tuple(receipt(engine, run, index) for index in range(len(images)))
    return replace(event, frame=images, shown=run.newest.i, receipts=notes)


def _cancel(runs: Mapping[str, Run]) -> None:
    for run in runs.values():
        if not run.over:
            run.cancel()
