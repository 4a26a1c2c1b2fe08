"""Plots of named lines that say the names of their lines in the language of the page.

A browser draws no line of a name that was not among the data when it built the plot, and builds it anew with what it
has when the legend changes.  So whoever sends data with other names sends their `legend` right after, on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
import pandas as pd

from lab.ui.texts import Texts
from lab.ui.words import LANGUAGES, say

COLUMNS = ("step", "value", "line")
INKS = ("#c74526", "#6f7ee0", "#0f7f66", "#b57f12")  # read well on paper and in the dark, and are not of one lightness


def plot(
    texts: Texts, data: pd.DataFrame | None, inks: Mapping[str, str], says: Mapping[str, str], **options: Any
) -> gr.LinePlot:
    """A plot of `data`, its columns COLUMNS.  `inks` by key of words: a line has the same ink in every language."""
    named = {say(key, language): ink for key, ink in inks.items() for language in LANGUAGES}
    step, value, line = COLUMNS
    return texts(
        gr.LinePlot, data, x=step, y=value, color=line, color_map=named, y_title=" ", color_title=" ", min_width=300,
        buttons=[], says=says, **options,
    )  # fmt: skip


def legend(data: pd.DataFrame | None) -> dict[str, Any]:
    """The update that has the plot built anew with the lines of `data`, which it was sent before."""
    return gr.update(colors_in_legend=[] if data is None else list(data["line"].unique()))
