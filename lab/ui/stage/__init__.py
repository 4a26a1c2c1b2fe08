"""The panel that plays runs: one gr.HTML whose template never changes, drawn by assets/js/stage.js.

Its value is what `Wire.tell` gives.  A visitor's text reaches the page by textContent only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from lab.ui.stage.news import Wire
from lab.ui.theme import asset

__all__ = ["Wire", "stage"]

SHARED = ("js/tape.js", "js/picture.js", "js/score.js", "js/facts.js", "js/matrix.js", "js/strip.js", "js/stage.js")


def stage(value: dict[str, Any] | None, postcard: Callable[[str, str], Any], led: Sequence[str] = ()) -> gr.HTML:
    """A stage; `postcard(key, language)` gives what "Keep" saves: {"png": base64, "name": file name}, or None.

    Under the painters that are `led` by CLIP it says so.  Events: pause, resume, halt.
    """

    def keep(asked: list[str]) -> Any:  # Gradio marks what the browser may call, and a method bears no marks
        return postcard(*map(str, asked[:2]))

    return gr.HTML(
        value,
        html_template=asset("html/stage.html"),
        js_on_load="\n".join(asset(file) for file in SHARED),
        server_functions=[keep],
        led=list(led),
        apply_default_css=False,
        elem_id="stage",
        container=False,
    )
