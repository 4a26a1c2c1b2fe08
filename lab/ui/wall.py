"""A wall of pictures: named columns and rows, and cells that fill as they are painted.  Every painter's tab has one.

Its value is plain data that `Wall.value` gives, drawn by assets/js/wall.js.  A visitor's text reaches the page by
textContent only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from lab.race import Event
from lab.record import fits
from lab.ui.said import needed, sentence
from lab.ui.stage.news import of_event, picture
from lab.ui.theme import asset

Said = Mapping[str, Any] | str  # a `sentence`, a text by language, or a text that is the same in every language


def wall(name: str, lane: str, at_rest: Mapping[str, Any] | None = None) -> gr.HTML:
    """A wall in the ink of `lane`; `name` is its element id, `at_rest` its value until something is hung."""
    return gr.HTML(
        at_rest,
        html_template=f'<div class="wall {lane}"></div>',
        js_on_load=asset("js/wall.js"),
        apply_default_css=False,
        elem_id=name,
        container=False,
    )


class Wall:
    """What hangs on a wall: cells by row and column, and a line above them.

    `columns` and `rows` are their names, in order: sentences, or plain text.  `size` is a cell's width in CSS pixels.
    `need` is what the dearest of its runs will take in memory, told at its beginning where the device has a limit.
    Where no column and no row has a name, the cells take as many lines as the page needs.
    """

    def __init__(self, columns: Sequence[Said], rows: Sequence[Said] = ("",), size: int = 160):
        self.columns, self.rows, self.size = list(columns), list(rows), size
        self.cells: dict[str, dict[str, Any]] = {}
        self.line: Said | None = None
        self.trouble: Said | None = None
        self.need: Mapping[str, Any] | None = None

    def put(
        self,
        row: int,
        column: int,
        images: np.ndarray | None,
        *captions: Said,
        inside: Sequence[Said] | None = None,
        receipts: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Hang `images` (B, H, W, 3) uint8 at a place; None keeps what hangs there and changes the captions.

        `inside` is read where the picture will be, as long as there is none; None keeps what was there.  Images that
        come with `receipts` carry them, and may be kept as files where these fit into one.
        """
        place = f"{row},{column}"
        cell = self.cells.get(place, {"images": [], "inside": [], "files": []})
        if images is not None:
            notes = receipts or [None] * len(images)
            hung = [picture(image, note) for image, note in zip(images, notes, strict=True)]
            cell = cell | {"images": hung, "files": [_file(note) for note in receipts]}
        words = cell["inside"] if inside is None else list(inside)
        self.cells[place] = cell | {"captions": list(captions), "inside": words}

    def follow(self, event: Event, row: int, column: int, *captions: Said) -> None:
        """Hang what an event of `together` brought; its state is the first caption until it is done."""
        self.hear(event)
        news = of_event(event)
        name = "cut" if news["note"] and event.state == "done" else event.state
        said = [] if event.state == "done" and captions else [sentence(f"state.{name}", i=event.i, n=event.n)]
        troubles = [news["note"]] if event.state == "failed" and news["note"] else []
        self.put(row, column, event.frame, *captions, *said, *troubles, receipts=event.receipts)

    def hear(self, event: Event) -> None:
        """Take in what a run needs, where an event tells that; one that was refused says so itself."""
        need = event.need
        if need is not None and need["fits"] and (self.need is None or need["need"] > self.need["need"]):
            self.need = need

    @property
    def value(self) -> dict[str, Any]:
        return {
            "columns": self.columns, "rows": self.rows, "size": self.size, "cells": dict(self.cells),
            "line": self.line, "trouble": self.trouble, "need": None if self.need is None else needed(self.need),
        }  # fmt: skip


def _file(receipt: Mapping[str, Any]) -> str | None:
    """What a kept picture is called; None where none can be kept that could be painted again."""
    return f"quartet-{receipt['sampler']}-{receipt['seeds'][receipt['index']]}.png" if fits(receipt) else None


def trouble(key: str, **values: Any) -> dict[str, Any]:
    """The value of a wall on which nothing hangs but a message."""
    return {"columns": [], "rows": [], "size": 0, "cells": {}, "line": None, "trouble": sentence(key, **values)}
