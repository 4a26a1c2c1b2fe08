"""The Models tab: every part of the suite, who shares it, where it is, and what the registry did so far.

All visitors share that memory: only who sits at this machine changes what lies in it, and nobody where it is public.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import torch

from lab.race import LANES, parts_of
from lab.ui.events import SILENT
from lab.ui.stage.news import piece, sentence
from lab.ui.suites import near
from lab.ui.texts import Texts
from lab.ui.theme import asset
from models import loaders
from models.catalog import OURS, Part
from models.engine import Engine
from models.loaders import Unavailable
from models.registry import WontFit

if TYPE_CHECKING:
    from lab.ui.switch import Switch

PATIENCE = 60.0  # seconds that a click on "load" waits for memory and files
MEBI = 2**20
log = logging.getLogger(__name__)
Shown = dict[str, Any]


def draw(engine: Engine, suite: str, tab: gr.Tab, texts: Texts, switch: Switch | None = None) -> None:
    """Put the tab together; it looks anew whenever it is opened."""
    public = switch is not None and switch.public

    def guarded(act: Callable[..., Shown], value: Any, request: gr.Request) -> Shown:
        if public or not near(request):
            return report(engine, suite) | {"line": sentence("models.far")}
        return act(engine, suite, value)

    def load(asked: list[Any], request: gr.Request) -> Shown:  # Gradio marks what the browser may call
        return guarded(fetch, str(asked[0]), request)

    def unload(asked: list[Any], request: gr.Request) -> Shown:
        return guarded(put_away, str(asked[0]), request)

    def limit(asked: list[Any], request: gr.Request) -> Shown:
        return guarded(set_budget, asked[0], request)

    table = gr.HTML(
        None,
        html_template='<div class="parts"></div>',
        js_on_load=asset("js/parts.js"),
        server_functions=[load, unload, limit],
        apply_default_css=False,
        elem_id="parts",
    )
    again = texts(gr.Button, says={"value": "models.again"}, size="sm", elem_classes="plain")
    look = partial(report, engine, suite)
    tab.select(look, None, table, **SILENT)
    again.click(look, None, table, **SILENT)


def fetch(engine: Engine, suite: str, name: str) -> Shown:
    """Have a part read into memory, unless it is there; the report, and a sentence on how it went."""
    try:
        here = engine.registry.fetch(suite, [name], PATIENCE)
        line = sentence("models.loaded" if here else "models.waits", part=piece(name))
    except WontFit as error:
        values = {"part": piece(name), "need": _mebi(error.need), "have": _mebi(error.have)}
        half = error.fits is not None and error.fits.kind == "half"
        more = {"half": _mebi(error.fits.bytes)} if half else {}
        line = sentence("models.wontfit.half" if half else "models.wontfit", **values, **more)
    except (Unavailable, ValueError) as error:
        log.info("a part could not be loaded: %s", error)
        line = sentence("models.unavailable", part=piece(name))
    return report(engine, suite) | {"line": line}


def put_away(engine: Engine, suite: str, name: str) -> Shown:
    """Forget a part that nobody uses; the report, and a sentence on how it went."""
    try:
        gone = engine.registry.evict(suite, name)
        line = sentence("models.unloaded" if gone else "models.busy", part=piece(name))
    except ValueError:
        line = sentence("models.unavailable", part=piece(name))
    return report(engine, suite) | {"line": line}


def set_budget(engine: Engine, suite: str, budget: Any) -> Shown:
    """Another budget in bytes, None for no limit; never less than the largest painter needs alone."""
    least = _least(engine, suite)
    if budget is not None and (type(budget) is not int or budget < least):
        return report(engine, suite) | {"line": sentence("models.toolow", need=_mebi(least))}
    try:
        engine.registry.limit(budget)
        line = sentence("models.unlimited") if budget is None else sentence("models.limited", n=_mebi(budget))
    except WontFit as error:
        line = sentence("models.held", need=_mebi(error.need), parts=[piece(name) for name in error.held_by])
    return report(engine, suite) | {"line": line}


def report(engine: Engine, suite: str) -> Shown:
    """Plain data: the registry's counts, and a row for every part of the suite."""
    found, faults, standing = engine.registry.report(), engine.registry.faults(suite), engine.registry.standing(suite)
    users = {lane: parts_of(engine, suite, lane) for lane in LANES}
    rows = [
        _row(part, *standing[name], faults.get(name), [lane for lane in LANES if name in users[lane]])
        for name, part in engine.registry.suite(suite).parts.items()
    ]
    counts = found["counts"]
    return {
        "suite": suite, "device": str(engine.registry.device), "rows": rows, "line": None,
        "used": found["used"], "peak": found["peak"], "budget": found["budget"], "least": _least(engine, suite),
        "counts": {name: getattr(counts, name) for name in ("hits", "loads", "evictions", "failures")},
        "seconds": round(counts.seconds, 2),
    }  # fmt: skip


def _row(part: Part, state: str, lent: int, counts: Any, fault: str | None, lanes: list[str]) -> Shown:
    size = _size(part)
    return {
        "name": part.name, "said": piece(part.name), "kind": part.kind, "dtype": part.dtype,
        "bytes": size, "lanes": lanes, "lent": lent,
        "state": "missing" if fault and state in ("away", "evicted") else state,
        "why": (fault or "").replace(str(part.path), part.path.name), "parameters": size // _width(part),
        "licence": part.source.licence, "source": part.source.repo or part.source.url, "note": part.source.note,
        "from": "ours" if part.source == OURS else "here",  # where there is no source
        "hits": counts.hits, "loads": counts.loads, "seconds": round(counts.seconds, 2),
    }  # fmt: skip


def _least(engine: Engine, suite: str) -> int:
    """Bytes that the painter needs which needs most, so that no visitor can lock the others out."""
    table = engine.registry.suite(suite).parts
    needs = [sum(_size(table[part]) for part in parts_of(engine, suite, lane)) for lane in LANES]
    return max(need + engine.workspace(lane) for need, lane in zip(needs, LANES, strict=True))


def _size(part: Part) -> int:
    """Bytes in memory; 0 where the files are not here."""
    try:
        return loaders.weigh(part)
    except Unavailable:
        return 0


def _width(part: Part) -> int:
    return getattr(torch, part.dtype).itemsize


def _mebi(size: int) -> str:
    return f"{size / MEBI:,.1f}"
