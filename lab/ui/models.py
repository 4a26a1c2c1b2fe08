"""The Models tab: every part of the suite, who shares it, where it is, and what the registry did so far."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr
import torch

from lab.race import LANES, parts_of
from lab.ui.texts import Texts
from lab.ui.theme import asset
from models import loaders
from models.catalog import Part
from models.engine import Engine


def draw(engine: Engine, suite: str, tab: gr.Tab, texts: Texts) -> None:
    """Put the tab together; it looks anew whenever it is opened."""
    table = gr.HTML(
        None,
        html_template='<div class="parts"></div>',
        js_on_load=asset("js/parts.js"),
        apply_default_css=False,
        elem_id="parts",
    )
    again = texts(gr.Button, says={"value": "models.again"}, size="sm", elem_classes="plain")
    look = partial(report, engine, suite)
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    tab.select(look, None, table, **quiet)
    again.click(look, None, table, **quiet)


def report(engine: Engine, suite: str) -> dict[str, Any]:
    """Plain data: the registry's counts, and a row for every part of the suite."""
    found, faults = engine.registry.report(), engine.registry.faults(suite)
    users = {lane: parts_of(engine, suite, lane) for lane in LANES}
    rows = [
        _row(part, found["parts"].get(name), name in faults, [lane for lane in LANES if name in users[lane]])
        for name, part in engine.registry.suite(suite).parts.items()
    ]
    counts = found["counts"]
    return {
        "suite": suite, "device": str(engine.registry.device), "rows": rows,
        "used": found["used"], "peak": found["peak"], "budget": found["budget"],
        "counts": {name: getattr(counts, name) for name in ("hits", "loads", "evictions", "failures")},
        "seconds": round(counts.seconds, 2),
    }  # fmt: skip


def _row(part: Part, held: dict[str, int] | None, missing: bool, lanes: list[str]) -> dict[str, Any]:
    size = 0 if missing else loaders.weigh(part)
    state = "missing" if missing else "away" if held is None else "lent" if held["lent"] else "resident"
    return {
        "name": part.name, "kind": part.kind, "bytes": size, "dtype": part.dtype, "state": state,
        "parameters": size // getattr(torch, part.dtype).itemsize, "lanes": lanes, "licence": part.licence,
        "lent": held["lent"] if held else 0,
    }  # fmt: skip
