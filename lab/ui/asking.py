"""What every painter's tab asks for, a sentence, a seed and settings: drawn above its acts, and checked before one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from lab.race import missing, settle
from lab.ui import controls, hints
from lab.ui.acts import Refusal
from lab.ui.events import SILENT
from lab.ui.stage.news import sentence
from lab.ui.texts import Texts
from lab.ui.words import EXAMPLES
from models.engine import Engine
from models.knobs import Knobs

LONGEST = 1000  # letters of a sentence
SEEDS = 2**31 - 1  # the largest seed
ENLARGING = ("upsample", "upsample_steps")  # settings of the net that enlarges


def draw(
    engine: Engine, suite: str, lane: str, name: str, texts: Texts, language: gr.Textbox, hint: str = "prompt.hint"
) -> tuple[gr.Textbox, gr.Number]:
    """The sentence of a tab, with what there is to say of it, and the seed; ids `name`-text and `name`-seed."""
    with gr.Row(elem_classes="asked"):
        text = texts(
            gr.Textbox, EXAMPLES["en"][0], lines=1, max_lines=3, max_length=2 * LONGEST, scale=4,
            elem_classes="sentence", elem_id=f"{name}-text", says={"label": "prompt", "placeholder": hint},
        )  # fmt: skip
        seed = texts(
            gr.Number, 1, precision=0, scale=0, min_width=120, elem_classes="seed", elem_id=f"{name}-seed",
            says={"label": "seed"},
        )  # fmt: skip
    hints.under(text, f"{name}-text", engine.registry.suite(suite), lane)
    language.change(translated, [language, text], text, **SILENT)
    return text, seed


def translated(language: str, text: str) -> str:
    """An example follows the page into the other language; a visitor's own sentence stays as it is."""
    same = [EXAMPLES[language][known.index(text)] for known in EXAMPLES.values() if text in known]
    return same[0] if same else text


def checked(text: str | None, seed: float | None, least: int = 1) -> tuple[str, int]:
    """The sentence, of `least` letters or more, and the seed.  Raises Refusal where one of them will not do."""
    text = (text or "").strip()
    if len(text) < least:
        raise Refusal("say.empty")
    if len(text) > LONGEST:
        raise Refusal("say.long", n=LONGEST)
    if seed is None or not 0 <= seed <= SEEDS or seed != int(seed):
        raise Refusal("say.seed", n=SEEDS)
    return text, int(seed)


def present(engine: Engine, suite: str, lane: str) -> None:
    """Raises Refusal where weights of the painter are not here, and says which."""
    if why := missing(engine, suite, (lane,)):
        raise Refusal("say.missing", parts=", ".join(piece.split(":")[0] for piece in why[lane].split("; ")))


def fitting(engine: Engine, suite: str, lane: str) -> Knobs:
    """The painter's settings where nothing else is asked for: its own, or those that fit the nets of the suite."""
    return settle(engine, lane, None, suite)


def enlargeable(engine: Engine, suite: str, *asked: Knobs) -> None:
    """Raises Refusal where any of these settings enlarges a picture, and the suite has no net for that."""
    if any(getattr(knobs, "upsample", False) for knobs in asked) and not enlarges(engine, suite):
        raise Refusal("say.noupsampler")


def enlarges(engine: Engine, suite: str) -> bool:
    """Whether the suite has a net that enlarges."""
    return "upsampler" in engine.registry.suite(suite).parts


def idle(engine: Engine, suite: str) -> tuple[str, ...]:
    """Settings that no control is shown for, since the suite has no net that follows them."""
    return () if enlarges(engine, suite) else ENLARGING


def settled(lane: str, base: Knobs, given: Mapping[str, Any]) -> Knobs:
    """`base` with the settings `given` by name.  Raises Refusal that names the one that will not do."""
    if (bad := controls.refused(type(base), given)) is not None:
        name, value = bad
        raise Refusal("say.knob", painter=sentence(f"painter.{lane}"), knob=sentence(f"knob.{name}"), value=value)
    return type(base).from_dict(base.to_dict() | dict(given))
