"""What a run will need in memory, told before it begins; reckoned by `models.engine.forecast`."""

from __future__ import annotations

import logging
from typing import Any

from models.engine import Engine
from models.engine.forecast import brief
from models.protocol import Request
from models.registry import WontFit, advice

log = logging.getLogger(__name__)
Need = dict[str, Any]


def need_of(engine: Engine, request: Request) -> Need | None:
    """Plain data: bytes of `weights`, of `workspace` beside them, of both (`need`), the `budget` and whether it `fits`.

    Without a budget (None) nothing is too large; of what is, `would` says what would fit, as `models.registry.Fits`.
    None where it cannot be told: parts that are missing, or a request that will not do, of which its run says why.
    """
    try:
        found, suite = engine.forecast(brief(request)), engine.registry.suite(request.suite)
    except Exception as error:
        log.info("what %s needs cannot be told: %s", request.sampler, error)
        return None
    budget = engine.registry.report()["budget"]
    fits = budget is None or found.need <= budget
    seen = suite.seen(request.sampler)
    sizes = {suite.parts[seen[name]]: size for name, size in found.parts.items()}
    return {
        "weights": found.weights, "workspace": found.workspace, "need": found.need, "budget": budget, "fits": fits,
        "would": None if fits else advice(sizes, found.workspace, budget)._asdict(),
    }  # fmt: skip


def limited(engine: Engine, request: Request) -> Need | None:
    """`need_of` where the device has a limit, which its run was held against anyhow; None, at no cost, where not."""
    return None if engine.registry.report()["budget"] is None else need_of(engine, request)


def refused(error: BaseException | None) -> Need | None:
    """What a run that was refused would have needed; None where it ended otherwise."""
    if not isinstance(error, WontFit):
        return None
    would = error.fits and error.fits._asdict()
    return {"need": error.need, "budget": error.have, "fits": False, "would": would}
