"""The Picture info tab: what a picture says of itself, and the same picture painted once more beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr

from lab.record import NotAReceipt, Record, read, rerun
from lab.ui.events import QUIET, SILENT
from lab.ui.receipts import changed, told
from lab.ui.stage.news import picture, sentence
from lab.ui.texts import Texts
from lab.ui.theme import asset
from models.engine import Engine, Run

log = logging.getLogger(__name__)
Shown = dict[str, Any]


class Repaints:
    """What each visitor has painted again: one file at a time, and nothing for those who left."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self._lock = threading.Lock()
        self._now: dict[str, Repaint] = {}

    def paint(self, request: gr.Request, path: str | None) -> Iterator[Shown | None]:
        """What `paint_again` tells; the visitor's former repaint is stopped."""
        visitor, mine = request.session_hash or "", Repaint()
        with self._lock:
            former, self._now[visitor] = self._now.get(visitor), mine
        if former is not None:
            former.stop()
        try:
            yield from paint_again(self.engine, path, mine)
        finally:
            mine.stop()
            with self._lock:
                if self._now.get(visitor) is mine:
                    del self._now[visitor]

    def take(self, request: gr.Request, path: str | None) -> tuple[None, str | None, Shown | None]:
        """A file was dropped: the place is free for another, the file is kept in mind, and what it says is shown.

        What was being painted again is of another file, and ends.
        """
        self.leave(request)
        return None, path, show(path)

    def leave(self, request: gr.Request) -> None:
        """The visitor closed the page, or turned to another file: what is being painted ends within one Eval."""
        with self._lock:
            gone = self._now.pop(request.session_hash or "", None)
        if gone is not None:
            gone.stop()


class Repaint:
    """The runs of one file, as they are submitted, until it is stopped."""

    def __init__(self) -> None:
        self.stopped, self.run = False, None

    def watch(self, run: Run) -> None:
        self.run = run
        if self.stopped:
            run.cancel()

    def stop(self) -> None:
        self.stopped = True
        if self.run is not None:
            self.run.cancel()


def draw(engine: Engine, texts: Texts) -> Repaints:
    """Put the tab together; gives what must know when a visitor leaves."""
    repaints = Repaints(engine)
    texts(gr.Markdown, says={"value": "info.about"}, elem_id="info-lead")
    # Any type may be dropped: what is no picture is refused by our own sentence, Gradio would speak English.
    file = texts(gr.File, says={"label": "info.file"}, show_label=False, height=132, elem_id="file")
    held = gr.State(None)
    again = texts(gr.Button, says={"value": "info.again"}, variant="primary", scale=0, elem_id="repaint")
    shown = gr.HTML(
        None,
        html_template='<div class="info"></div>',
        js_on_load=asset("js/info.js"),
        apply_default_css=False,
        elem_id="info",
    )
    file.upload(repaints.take, file, [file, held, shown], **SILENT)
    again.click(repaints.paint, held, shown, concurrency_limit=4, trigger_mode="multiple", **QUIET)
    return repaints


def show(path: str | None) -> Shown | None:
    """What the page is told of a file; None where there is none."""
    if path is None:
        return None
    try:
        return _told(read(path))
    except NotAReceipt:
        return {"error": sentence("say.unreadable")}


def paint_again(engine: Engine, path: str | None, repaint: Repaint) -> Iterator[Shown | None]:
    """The same, with each picture painted once more as soon as it is; ends early once `repaint` is stopped."""
    if path is None:
        yield {"error": sentence("say.nofile")}
        return
    shown: Shown = {}
    try:
        record = read(path)
        shown = _told(record)
        yield shown | {"waits": True}
        for found in rerun(record, engine, "picture info", repaint.watch):
            if repaint.stopped:
                return
            pair = {"kept": picture(found.kept), "painted": picture(found.painted)}
            why = [changed(name) for name in found.changed]
            difference = {"most": found.most, "mean": round(found.mean, 3), "changed": why}
            shown = shown | {"again": [*shown["again"], pair | difference]}
            yield shown | {"waits": True}
        yield shown
    except NotAReceipt:
        yield shown | {"error": sentence("say.noreceipt" if shown else "say.unreadable")}
    except Exception:
        if not repaint.stopped:
            log.exception("a picture could not be painted again")
            yield shown | {"error": sentence("say.notagain")}


def _told(record: Record) -> Shown:
    return {
        "picture": picture(record.image), "receipts": [told(note) for note in record.receipts],
        "settings": dict(record.settings), "again": [],
    }  # fmt: skip
