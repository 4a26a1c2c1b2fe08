"""What a run will need in memory, told before it begins; reckoned by `models.engine.forecast`."""

from __future__ import annotations

import logging
from typing import Any

from models.engine import Engine
from models.protocol import Request

log = logging.getLogger(__name__)
Need = dict[str, Any]


def need_of(engine: Engine, request: Request) -> Need | None:
    """Plain data: bytes of `weights`, of `workspace` beside them, of both (`need`), the `budget` and whether it `fits`.

    Without a budget (None) nothing is too large.  None where it cannot be told: parts that are missing, or a request
    that will not do, of which its run says why.
    """
    try:
        found = engine.forecast(request)
    except Exception as error:
        log.info("what %s needs cannot be told: %s", request.sampler, error)
        return None
    budget = engine.registry.report()["budget"]
    return {
        "weights": found.weights, "workspace": found.workspace, "need": found.need, "budget": budget,
        "fits": budget is None or found.need <= budget,
    }  # fmt: skip
