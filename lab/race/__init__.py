"""One prompt, one seed, four painters on one device: what the app plays, the command line prints and tests assert.

    engine = default_engine("classroom").start()       # without `start` everything runs inline, on this thread
    race = Race(engine, "classroom", "a large red cat in a meadow", seed=1, client=visitor)
    for event in race:                                 # plain data; see `Event`
        if event.frame is not None: show(event.lane, event.frame)
    race.outcomes["latent"].images                     # and what they cost; see `Outcome`

`race.pause()`, `race.resume()` and `race.stop()` may be called from any thread; to leave the loop early stops the
race.  `race.runs[lane]` is the engine's Run (tokens kept and dropped, States).  Lanes whose parts are missing say so
in one event, state "missing", and the others race.  With a `budget` every painter gets the same device seconds: it
takes as many steps as fit by its measured pace (a first run is timed before, state "measuring") and at the deadline
hands over its best so far (`outcome.cut`).  Looks are asked for at most every `every` seconds; None asks for none
but the last.  `order="queue"` lets one painter finish before the next begins.  `enlarge` has every picture made four
times as wide at the end; `small_of(run)` is what was enlarged, and what a judge is to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lab.race import pace
from lab.race.events import OVER, Dot, Event, Follower, Outcome, small_of
from lab.race.needs import limited
from lab.race.painters import LANES, SAMPLERS, default_engine, missing, open_suite, parts_of, weight_of
from models.engine import Engine, Run
from models.knobs import Knobs
from models.protocol import Prompt, Request

__all__ = [
    "LANES", "OVER", "SAMPLERS", "Dot", "Event", "Outcome", "Race", "default_engine", "missing", "open_suite",
    "parts_of", "settle", "small_of", "weight_of",
]  # fmt: skip

ORDERS = ("together", "queue")
Settings = Knobs | Mapping[str, Any]


def settle(
    engine: Engine, lane: str, settings: Settings | None, suite: str | None = None, enlarge: bool = False
) -> Knobs:
    """The knobs of a painter from plain data, the rest as `suite` wants them; a ValueError names painter and field."""
    kind, table = engine.samplers[lane].knobs, None if suite is None else engine.registry.suite(suite)
    if enlarge and table is not None and "upsampler" not in table.parts:
        raise ValueError(f"enlarge is True, but suite {suite!r} has no upsampler; give False")
    given = settings.to_dict() if isinstance(settings, kind) else {**(settings or {})}
    given |= {"upsample": True} if enlarge else {}
    try:
        return kind.from_dict({**(table.knobs.get(lane, {}) if table else {}), **given})
    except ValueError as error:
        raise ValueError(f"{lane}: {error}") from error


class Race:
    """Paints `text` with each of `lanes`; iterate once for its events.  ValueError names what cannot be met.

    `knobs` maps lanes to settings (Knobs or plain data; absent ones are at their defaults); `budget` is in device
    seconds for each lane; `count` pictures a lane, seeded `seed`, `seed + 1` and so on.  `prompt` replaces text, seed,
    negative and count where more is to be given (a picture to start from, a mask).  Nobody looks at `blind` lanes as
    long as they only guess (unCLIP's prior): a look would have to paint what is not decided yet.  With `ticks` there
    comes a None whenever nothing is new, for whoever holds something that is to be told in time.
    """

    def __init__(
        self,
        engine: Engine,
        suite: str = "classroom",
        text: str = "",
        seed: int = 0,
        lanes: Sequence[str] = LANES,
        knobs: Mapping[str, Settings] | None = None,
        budget: float | None = None,
        client: str = "race",
        *,
        negative: str = "",
        count: int = 1,
        prompt: Prompt | None = None,
        exact: bool = False,
        every: float | None = 0.2,
        order: str = "together",
        enlarge: bool = False,
        blind: Collection[str] = (),
        ticks: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ):
        unknown = [lane for lane in lanes if lane not in engine.samplers]
        if unknown or len(set(lanes)) != len(lanes) or not lanes:
            raise ValueError(f"lanes is {list(lanes)!r}; give some of {list(engine.samplers)}, each once")
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}; give one of {ORDERS}")
        if stray := set(knobs or {}) - set(lanes):
            raise ValueError(f"knobs is given for {sorted(stray)}; this race has {list(lanes)}")
        self.engine, self.every, self.order, self.clock = engine, every, order, clock
        self.blind, self.budget, self.ticks, self._probes = blind, budget, ticks, list[Run]()
        self.prompt = prompt or Prompt(text, negative, tuple(range(seed, seed + count)))
        self.missing = missing(engine, suite, tuple(lanes))
        settings = {lane: settle(engine, lane, (knobs or {}).get(lane), suite, enlarge) for lane in lanes}
        self.requests = {
            lane: Request(lane, self.prompt, settings[lane], suite, client, exact, budget) for lane in lanes
        }
        self.runs, self.outcomes = dict[str, Run](), dict[str, Outcome]()
        self._stopped, self._paused, self._timed, self.zero = False, False, 0.0, clock()

    def __iter__(self) -> Iterator[Event | None]:
        self.zero = self.clock()
        try:
            yield from self._absent()
            if self.budget is not None:
                yield from self._measure()
                self._plan()
            lanes = [lane for lane in self.requests if lane not in self.missing]
            for group in [lanes] if self.order == "together" else [[lane] for lane in lanes]:
                yield from self._play([self._enter(lane) for lane in group])
        finally:
            if any(not run.over for run in self._all):
                self.stop()

    def stop(self) -> None:
        """End every lane that is not over, each within one Eval."""
        self._stopped = True
        for run in self._all:
            run.cancel()

    def pause(self) -> None:
        """Hold every lane at its next step."""
        self._paused = True
        for run in self.runs.values():
            run.pause()

    def resume(self) -> None:
        self._paused = False
        for run in self.runs.values():
            run.resume()

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def _all(self) -> list[Run]:
        return [*self.runs.values(), *self._probes]

    def _absent(self) -> Iterator[Event]:
        for lane, why in self.missing.items():
            knobs = self.requests[lane].knobs.to_dict()
            self.outcomes[lane] = Outcome(lane, "missing", None, 0, 0, 0.0, 0.0, 0, 0, 0, knobs, {}, note=why)
            yield Event(lane, "missing", 0.0, 0, 0, 0.0, {}, note=why)

    def _measure(self) -> Iterator[Event | None]:
        """Time the painters whose pace is not known; their loading is no part of it.  All of them wait for that."""
        for lane, request in self.requests.items():
            if not self._stopped and lane not in self.missing and pace.known(self.engine, request) is None:
                self._probes.append(run := self.engine.submit(pace.probe(request)))
                if self._stopped:
                    run.cancel()
                yield Event(lane, "measuring", self.clock() - self.zero, 0, 0, 0.0, {})
        while any(not run.over for run in self._probes):
            yield from [None] * self.ticks
            self.engine.turn()
        for run in self._probes:
            pace.learn(self.engine, run)
        self._timed = self.clock() - self.zero

    def _plan(self) -> None:
        for lane, request in self.requests.items():
            found = pace.known(self.engine, request)
            if found is not None:  # a probe that failed: the lane itself will say why
                self.requests[lane] = replace(request, knobs=pace.fit(request.knobs, found, self.budget))

    def _enter(self, lane: str) -> Follower:
        request = self.requests[lane]
        keep = (-1,) if getattr(request.knobs, "upsample", False) else ()  # for `small_of`
        run = self.runs[lane] = self.engine.submit(request, keep)
        if self._stopped:
            run.cancel()
        elif self._paused:
            run.pause()
        need = limited(self.engine, request)
        return Follower(lane, run, self.zero, self.every, self.clock() - self._timed, lane in self.blind, need)

    def _play(self, live: list[Follower]) -> Iterator[Event | None]:
        """Events of `live` until each of them is over, whichever has news first."""
        while live:
            quiet = True
            for follower in live:
                event = follower.news(self.clock())
                if follower.over:
                    self.outcomes[follower.lane] = follower.outcome()
                    pace.learn(self.engine, follower.run)
                if event is not None:
                    quiet = False
                    yield event
            live = [follower for follower in live if not follower.over]
            if live and quiet:
                yield from [None] * self.ticks
                self.engine.turn()
