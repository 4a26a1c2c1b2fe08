"""The Picture info tab: what a picture says of itself, and the same picture painted once more beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import gradio as gr

from lab.record import NotAReceipt, Record, read, rerun
from lab.ui.stage.news import picture, sentence
from lab.ui.texts import Texts
from lab.ui.theme import asset
from lab.ui.words import WORDS
from models.engine import Engine

log = logging.getLogger(__name__)
Shown = dict[str, Any]


def draw(engine: Engine, texts: Texts) -> None:
    """Put the tab together."""
    with gr.Row(elem_id="file"):
        file = texts(gr.UploadButton, file_types=[".png"], says={"label": "info.file"}, variant="primary", scale=0)
        again = texts(gr.Button, says={"value": "info.again"}, elem_classes="plain", scale=0)
    shown = gr.HTML(
        None,
        html_template='<div class="info" aria-live="polite"></div>',
        js_on_load=asset("js/info.js"),
        apply_default_css=False,
        elem_id="info",
    )
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    file.upload(show, file, shown, queue=False, **quiet)

    def repaint(path: str | None) -> Iterator[Shown | None]:
        yield from paint_again(engine, path)

    again.click(repaint, file, shown, concurrency_limit=2, **quiet)


def show(path: str | None) -> Shown | None:
    """What the page is told of a file; None where there is none."""
    if path is None:
        return None
    try:
        return _told(read(path))
    except NotAReceipt:
        return {"error": sentence("say.unreadable")}


def paint_again(engine: Engine, path: str | None) -> Iterator[Shown | None]:
    """The same, with each picture painted once more as soon as it is."""
    if path is None:
        yield {"error": sentence("say.nofile")}
        return
    told: Shown = {}
    try:
        record = read(path)
        told = _told(record)
        yield told | {"waits": True}
        for found in rerun(record, engine, client="picture info"):
            pair = {"kept": picture(found.kept), "painted": picture(found.painted)}
            difference = {"most": found.most, "mean": round(found.mean, 3), "changed": list(found.changed)}
            told = told | {"again": [*told["again"], pair | difference]}
            yield told | {"waits": True}
        yield told
    except NotAReceipt:
        yield told | {"error": sentence("say.noreceipt" if told else "say.unreadable")}
    except Exception:
        log.exception("a picture could not be painted again")
        yield told | {"error": sentence("say.notagain")}


def _told(record: Record) -> Shown:
    return {
        "picture": picture(record.image),
        "receipts": [_receipt(note) for note in record.receipts],
        "settings": dict(record.settings),
        "again": [],
    }


def _receipt(note: Shown) -> Shown:
    """The lines of a receipt that a visitor can read; everything else stays in the file."""
    knobs = {name: value for name, value in note["knobs"].items() if f"knob.{name}" in WORDS and value is not None}
    return {
        "lane": note["sampler"], "text": note["prompt"]["text"], "negative": note["prompt"]["negative"],
        "seed": note["seeds"][note["index"]], "made": note["made"], "step": note["step"], "knobs": knobs,
        "seconds": round(note["timings"]["seconds"], 2), "evals": note["timings"]["evals"], "device": note["device"],
        "versions": note["versions"],
    }  # fmt: skip
