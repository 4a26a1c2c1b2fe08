"""What is said of a sentence before anyone paints it: words nobody learned, known ones near them, what is cut off."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import gradio as gr

from lab.storybook.grammar import parse, say
from lab.ui.events import SILENT
from lab.ui.theme import asset
from models.catalog import LIKE_OURS, OURS, Part, Suite
from models.loaders import fault
from models.parts.clip.folders import read_tokenizer

LENGTH = 77  # tokens of a text where a configuration does not say: what both libraries take then


def under(box: gr.Textbox, field: str, suite: Suite, sampler: str | None = None) -> gr.HTML:
    """The lines under a sentence's `box`, whose element id is `field`: told anew with every letter, and a known word or
    sentence that is tapped there is put in.  `sampler`, where given, is the only one who reads it."""
    lines = gr.HTML(
        of("", suite, sampler),
        html_template='<div class="hints"></div>',
        js_on_load=asset("js/hints.js"),
        field=field,
        apply_default_css=False,
        elem_id=f"{field}-hints",
    )
    box.change(partial(of, suite=suite, sampler=sampler), box, lines, trigger_mode="always_last", **SILENT)
    lines.pick(_picked, None, box, **SILENT)
    return lines


def _picked(event: gr.EventData) -> str:
    """The sentence that was tapped."""
    return str(event.text)


def of(text: str, suite: Suite, sampler: str | None = None) -> dict[str, Any]:
    """Plain data for the page: the words nobody taught, each with known ones near it, and the end nobody reads.

    A published CLIP has read millions of words, all of them English: to it no word is unknown, but Chinese is
    `foreign`, and `english` says the same where Storybook's grammar understands every word of it, and an ask holds it.
    """
    found, published = parse(text), _published(suite, sampler)
    unknown = [] if published else [{"word": word, "near": list(found.nearest[word])} for word in found.unknown]
    foreign = published and found.language == "zh"
    english = say(found.ask) if foreign and found.ask and not (found.unknown or found.more) else ""
    return {"text": text, "unknown": unknown, "dropped": dropped(text, suite, sampler), "language": found.language,
            "foreign": foreign, "english": english}  # fmt: skip


def dropped(text: str, suite: Suite, sampler: str | None = None) -> str:
    """The end of `text` that its CLIP has no room for; empty where all of it fits, or nobody can tell."""
    clip = _clip(suite, sampler)
    if clip is None:
        return ""
    try:
        tokenizer, room = _reader(clip)
    except Exception:  # it is not here yet, or of no use, of which its painter says why
        return ""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return text[offsets[room][0] :] if len(offsets) > room else ""


def _clip(suite: Suite, sampler: str | None) -> Part | None:
    """Who reads the sentence: the sampler's own CLIP, where the suite gives it one, else everybody's."""
    return suite.parts.get(suite.seen(sampler).get("clip", ""))


def _published(suite: Suite, sampler: str | None) -> bool:
    """Whether the words are read by a CLIP that this project did not train: all of those learned English alone."""
    clip = _clip(suite, sampler)
    return clip is not None and clip.source not in (OURS, LIKE_OURS)


@cache
def _reader(clip: Part) -> tuple[Any, int]:
    """A CLIP's tokenizer, and the pieces of a text that it has room for beside its start and end.

    Raises where it has none, and is asked again the next time: it may have been fetched by then.
    """
    if why := fault(clip):
        raise ValueError(why)
    return read_tokenizer(clip.path).backend_tokenizer, _length(clip.path) - 2


def _length(folder: Path) -> int:
    """Tokens of a text with its start and end, from any of the three kinds of folder that a CLIP is read from."""
    if (folder / "open_clip_config.json").is_file():
        return _json(folder / "open_clip_config.json")["model_cfg"]["text_cfg"].get("context_length", LENGTH)
    whole = folder / "config.json"
    told = _json(whole).get("text_config") if whole.is_file() else _json(folder / "text_encoder" / "config.json")
    return (told or {}).get("max_position_embeddings", LENGTH)


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))
