"""Whose picture an act begins with: a page of the storybook, or the visitor's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from torch import Tensor

from lab.lessons.given import page, resized, tensor
from lab.lessons.own import NotAPicture, open_own
from lab.ui.acts import Refusal
from lab.ui.events import QUIET, SILENT
from lab.ui.painters.latent.desk import Desk
from lab.ui.stage.news import sentence

PAGES = 200
FIRST = 43  # one large thing in a meadow, as in the first example


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A picture (3, H, W) in [0, 1], and a caption that says where it comes from."""

    picture: Tensor
    said: dict[str, Any]


def opened(path: str | None, number: float, side: int) -> Given:
    """The visitor's file where there is one, else the page.  Raises Refusal where the file is of no use."""
    if path is None:
        whole = tensor(page(numbered(number)).picture)
        return Given(resized(whole, side, side), sentence("latent.page", n=int(number)))
    try:
        own = open_own(path, side, side)
    except NotAPicture as refused:
        raise Refusal(f"latent.say.{refused.reason}") from refused
    key = "latent.cut" if own.cut else "latent.own"
    return Given(own.picture, sentence(key, wide=own.given[0], tall=own.given[1], side=side))


def numbered(number: float | None) -> int:
    """A page that there is.  Raises Refusal."""
    if number is None or not 1 <= number <= PAGES:
        raise Refusal("latent.say.page", n=PAGES)
    return int(number)


class Source:
    """The two controls; `controls` are what `opened` is given first."""

    def __init__(self, desk: Desk, name: str):
        with gr.Row(elem_classes="act"):
            self.file = desk.texts(
                gr.UploadButton, file_types=["image"], says={"label": "latent.file"}, elem_classes="plain", scale=0,
                elem_id=f"latent-{name}-file",
            )  # fmt: skip
            self.page = desk.texts(
                gr.Slider, 1, PAGES, value=FIRST, step=1, buttons=[], says={"label": "latent.pages"}, scale=0,
                min_width=280,
            )  # fmt: skip
        self.path = gr.State(None)
        self.controls = [self.path, self.page]

    def shows(self, preview: Callable[[str | None, float], Sequence[Any]], *shown: Any) -> None:
        """`preview(path, page)` gives the values of `shown` for what was chosen last."""
        self.file.upload(lambda path, number: (path, *preview(path, number)), [self.file, self.page],
                         [self.path, *shown], **SILENT)  # fmt: skip
        self.page.input(lambda number: (None, *preview(None, number)), self.page, [self.path, *shown], queue=False,
                        trigger_mode="always_last", **QUIET)  # fmt: skip
