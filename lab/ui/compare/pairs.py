"""Two pictures of this visit, one over the other, with a slider between them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from lab.race import LANES
from lab.ui.events import SILENT
from lab.ui.postcard import large
from lab.ui.texts import Texts
from lab.ui.visits import Visits
from lab.ui.words import say

SIDE = 512  # pixels that the larger picture is brought to, by whole multiples


class Pairs:
    """The drawer with two choices and a slider."""

    def __init__(self, visits: Visits, texts: Texts, language: gr.Textbox):
        self.visits = visits
        with texts(gr.Accordion, open=False, says={"label": "pair"}, elem_id="pair", elem_classes="drawer") as drawer:
            with gr.Row():
                self.left = texts(gr.Dropdown, filterable=False, min_width=280, says={"label": "pair.left"})
                self.right = texts(gr.Dropdown, filterable=False, min_width=280, says={"label": "pair.right"})
            self.slider = texts(
                gr.ImageSlider, type="numpy", format="png", buttons=[], interactive=False, elem_id="pair-slider",
                says={"label": "pair.slider"},
            )  # fmt: skip
        both = [self.left, self.right]
        drawer.expand(self.choices, [language, *both], both, **SILENT).then(self.shown, both, self.slider, **SILENT)
        language.change(self.choices, [language, *both], both, **SILENT)
        gr.on([box.input for box in both], self.shown, both, self.slider, **SILENT)

    def choices(self, request: gr.Request, language: str, left: str | None, right: str | None) -> list[Any]:
        """What there is to choose from: the newest race first, at first its first and last picture."""
        found = self._pictures(request, language)
        names, keys = [(name, key) for key, (name, _) in found.items()], list(found)
        newest = [key for key in keys if key.startswith(keys[0].partition("/")[0])] or [None]
        left = left if left in found else newest[0]
        right = right if right in found else newest[-1]
        return [gr.update(choices=names, value=left), gr.update(choices=names, value=right)]

    def shown(self, request: gr.Request, left: str | None, right: str | None) -> tuple[np.ndarray, ...] | None:
        """Both pictures at one size; None while one is missing."""
        found = self._pictures(request, "en")
        pair = [large(found[key][1], SIDE) for key in (left, right) if key in found]
        return tuple(pair) if len(pair) == 2 else None

    def _pictures(self, request: gr.Request, language: str) -> dict[str, tuple[str, np.ndarray]]:
        """The visitor's pictures by race, painter and place, each with its name: their seeds tell them apart."""
        found = {}
        for visit in self.visits.of(request.session_hash or ""):
            text, seeds = visit.race.prompt.text, visit.race.prompt.seeds
            for lane in LANES:
                if (outcome := visit.race.outcomes.get(lane)) is not None and outcome.images is not None:
                    for k, image in enumerate(outcome.images):
                        name = f"{say(f'painter.{lane}', language)}: {text} ({seeds[k]})"
                        found[f"{visit.key}/{lane}/{k}"] = name, image
        return found
