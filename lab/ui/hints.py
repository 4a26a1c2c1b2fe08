"""What is said of a sentence before anyone paints it: words nobody learned, known ones near them, what is cut off."""

from __future__ import annotations

import base64
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from lab.storybook.grammar import parse
from lab.storybook.things import DRAW, Pen
from lab.storybook.words import COLOURS, KINDS
from lab.ui.theme import asset
from lab.ui.words import EXAMPLES
from models.catalog import Suite
from models.parts.clip.folders import read_tokenizer

STICKER = 40  # pixels a side; shown at half of that
INKS = [
    "red",
    "orange",
    "green",
    "blue",
    "purple",
    "orange",
    "pink",
    "yellow",
    "brown",
    "red",
    "yellow",
    "pink",
    "green",
    "purple",
    "blue",
    "yellow",
    "orange",
    "yellow",
]


def hints(suite: Suite) -> gr.HTML:
    """The lines under a prompt.  Its value is what `of` gives; event: pick, with the `text` of a new sentence."""
    return gr.HTML(
        of("", suite),
        html_template='<div class="hints" aria-live="polite"></div>',
        js_on_load=asset("js/hints.js"),
        stickers=stickers(),
        examples={language: list(texts) for language, texts in EXAMPLES.items()},
        apply_default_css=False,
        elem_id="hints",
    )


def of(text: str, suite: Suite) -> dict[str, Any]:
    """Plain data for the page: the words nobody taught, each with known ones near it, and the end nobody reads."""
    found = parse(text)
    unknown = [{"word": word, "near": list(found.nearest[word])} for word in found.unknown]
    return {"text": text, "unknown": unknown, "dropped": dropped(text, suite), "language": found.language}


def dropped(text: str, suite: Suite) -> str:
    """The end of `text` that does not fit into the suite's CLIP; empty where all of it fits, or nobody can tell."""
    reader = _reader(suite["clip"].path) if "clip" in suite.parts else None
    if reader is None:
        return ""
    tokenizer, room = reader
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return text[offsets[room][0] :] if len(offsets) > room else ""


@cache
def _reader(folder: Path) -> tuple[Any, int] | None:
    """The suite's tokenizer, and the pieces of a text that it has room for beside its start and end."""
    try:
        return read_tokenizer(folder).backend_tokenizer, _length(folder) - 2
    except (OSError, ValueError, KeyError):
        return None


def _length(folder: Path) -> int:
    """Tokens of a text with its start and end, from an open_clip folder or a transformers checkpoint."""
    if (folder / "open_clip_config.json").is_file():
        told = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
        return told["model_cfg"]["text_cfg"]["context_length"]
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]["max_position_embeddings"]


@cache
def stickers() -> list[dict[str, str]]:
    """The things that the classroom suite knows: a small picture of each, and its names."""
    found = []
    for (kind, (_, chinese, _)), ink in zip(KINDS.items(), INKS, strict=True):
        pen, file = Pen(4 * STICKER, COLOURS[ink][1]), io.BytesIO()
        DRAW[kind](pen)
        pen.tile.resize((STICKER, STICKER), Image.Resampling.LANCZOS).save(file, "png")
        source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        found.append({"en": kind, "zh": chinese, "src": source})
    return found
