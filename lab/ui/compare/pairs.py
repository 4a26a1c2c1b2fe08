"""Two pictures of this visit, one over the other, with a slider between them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from lab.race import LANES
from lab.ui.events import SILENT
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
        gr.on([box.input for box in both], self.shown, both, self.slider, **SILENT)

    def choices(self, request: gr.Request, language: str, left: str | None, right: str | None) -> list[Any]:
        """What there is to choose from: the newest race first, at first its first and last painter."""
        found = self._pictures(request, language)
        names = [(name, key) for key, name in found.items()]
        keys = list(found) or [None]
        left = left if left in found else keys[0]
        right = right if right in found else keys[min(len(LANES) - 1, len(keys) - 1)]
        return [gr.update(choices=names, value=left), gr.update(choices=names, value=right)]

    def shown(self, request: gr.Request, left: str | None, right: str | None) -> tuple[np.ndarray, ...] | None:
        """Both pictures at one size; None while one is missing."""
        pair = [self._picture(request, key) for key in (left, right)]
        return None if any(image is None for image in pair) else tuple(_large(image) for image in pair)

    def _pictures(self, request: gr.Request, language: str) -> dict[str, str]:
        found = {}
        for visit in self.visits.of(request.session_hash or ""):
            for lane in LANES:
                if (outcome := visit.race.outcomes.get(lane)) is not None and outcome.images is not None:
                    text, seed = visit.race.prompt.text, visit.race.prompt.seeds[0]
                    found[f"{visit.key}/{lane}"] = f"{say(f'painter.{lane}', language)}: {text} ({seed})"
        return found

    def _picture(self, request: gr.Request, key: str | None) -> np.ndarray | None:
        race, _, lane = (key or "").partition("/")
        mine = [visit for visit in self.visits.of(request.session_hash or "") if visit.key == race]
        outcome = mine[0].race.outcomes.get(lane) if mine else None
        return outcome.images[0] if outcome is not None and outcome.images is not None else None


def _large(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) at the whole multiple that fits: pixels stay squares."""
    times = max(1, SIDE // max(image.shape[:2]))
    return np.kron(image, np.ones((times, times, 1), np.uint8))
