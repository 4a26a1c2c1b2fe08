"""How many steps fit into a budget of device seconds, from steps that were measured on this engine."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from statistics import median
from weakref import WeakKeyDictionary

from models.engine import Engine, Run
from models.knobs import Knobs
from models.protocol import Request

PROBE = 4  # steps of a run whose only purpose is to be timed
MARGIN = 0.95  # of the budget that steps are planned for; the deadline itself is the engine's
STAGE = {"unclip": 1.0, "upsample": 2.0}  # the stage that the knob `steps` is about, where stages are told
_paces: WeakKeyDictionary[Engine, dict[Hashable, Pace]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Pace:
    """Device seconds of a painting: `fixed`, and `step` for every step that its knob asks for."""

    fixed: float
    step: float

    def within(self, budget: float) -> float:
        return (budget * MARGIN - self.fixed) / max(self.step, 1e-9)


def known(engine: Engine, request: Request) -> Pace | None:
    return _paces.get(engine, {}).get(_key(request))


def learn(engine: Engine, run: Run) -> None:
    """Remember the pace of a run that came to its end by itself; of others there is nothing to learn."""
    request, facts = run.request, list(run.facts)
    if run.state != "done" or run.cut or request is None or request.start is not None or len(facts) < 2:
        return
    begun = [0.0, *(fact.seconds for fact in facts)]
    stage = STAGE.get(request.sampler)
    own = [
        fact.seconds - before for fact, before in zip(facts, begun, strict=False) if fact.facts.get("stage") == stage
    ]
    if len(own) < 2:
        return
    step = median(own[1:])  # the first has the text encoded, and what was cold
    fixed = max(0.0, run.meters.device - step * len(own))
    _paces.setdefault(engine, {})[_key(request)] = Pace(fixed, step * len(own) / request.knobs.steps)


def probe(request: Request) -> Request:
    """The same painting in so few steps that it tells the pace."""
    return replace(request, knobs=replace(request.knobs, steps=PROBE), budget=None)


def fit(knobs: Knobs, pace: Pace, budget: float) -> Knobs:
    """`knobs` with as many steps as fit, within what they allow."""
    spec = next(spec for spec in knobs.specs() if spec.name == "steps")
    return replace(knobs, steps=int(min(spec.high, max(spec.low, pace.within(budget)))))


def _key(request: Request) -> Hashable:
    settings = {name: value for name, value in request.knobs.to_dict().items() if name != "steps"}
    guided = bool(request.prompt.negative), request.prompt.image is not None, len(request.prompt.more)
    return request.suite, request.sampler, len(request.prompt.seeds), guided, tuple(settings.items()), request.exact
