"""Acts of free painting: from a sentence alone, and inside a hole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lab.lessons import inpainting
from lab.lessons.compared import compared
from lab.lessons.given import page, pixels, resized, tensor
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.asking import LONGEST, enlargeable, idle, settled
from lab.ui.painters.latent.desk import LANE, Asked, Desk, Value, hang, worth
from lab.ui.painters.latent.source import FIRST, Source, numbered, opened
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall, trouble
from models.protocol import Prompt, Request

COUNTS = 4
EDIT = 256  # pixels a side of the picture that one draws on, where the suite paints no larger ones
BRUSH = "#2a3eb1"


def draw_text(desk: Desk) -> None:
    """Text to image, with every setting of the painter."""
    stand = desk.stand("text", _seeds([1]).value)
    with desk.drawer():
        with gr.Row():
            avoid = desk.texts(gr.Textbox, "", max_length=LONGEST, lines=1, says={"label": "latent.avoid"}, scale=3)
            count = desk.texts(gr.Slider, 1, COUNTS, value=1, step=1, buttons=[], says={"label": "latent.count"})
        with gr.Row():
            knobs = controls.draw(desk.base, desk.texts, hidden=idle(desk.engine, desk.suite))
    stand.plays(paint, [avoid, count, *knobs])


def paint(desk: Desk, asked: Asked, avoid: str, count: int, *values: Any) -> Iterator[Value]:
    """A picture for each seed from the one above on."""
    settings = settled(LANE, desk.base, controls.read(desk.base, values))
    enlargeable(desk.engine, desk.suite, settings)
    seeds = [asked.seed + k for k in range(int(count))]
    requests = {
        str(seed): Request(
            "latent", Prompt(asked.text, (avoid or "").strip(), (seed,)), settings, desk.suite,
            asked.client,
        )
        for seed in seeds
    }  # fmt: skip
    places = {str(seed): (0, column) for column, seed in enumerate(seeds)}
    yield from hang(_seeds(seeds), compared(desk.engine, requests, asked.stop), places, worth)


def draw_repaint(desk: Desk) -> None:
    """Inpainting: one draws on a picture, and what is under the brush is painted anew."""
    source, side = Source(desk, "repaint"), max(EDIT, desk.side)
    brush = 36 * side // EDIT
    # No word of it is translated: an editor that is updated forgets what was drawn.
    editor = gr.ImageEditor(
        of_page(FIRST, side), type="numpy", format="png", sources=(), transforms=(), layers=False, show_label=False,
        canvas_size=(side, side), brush=gr.Brush(brush, [BRUSH], BRUSH, "fixed"), eraser=gr.Eraser(brush), buttons=[],
        height=380, elem_id="latent-editor", elem_classes="editor",
    )  # fmt: skip
    stand = desk.stand("repaint")
    source.shows(partial(_chosen, side), editor, stand.wall)
    with desk.drawer(), gr.Row():
        says = {"label": "knob.strength", "info": "about.strength"}
        strength = desk.texts(gr.Slider, 0.2, 1, value=1, step=0.1, buttons=[], says=says)
        knobs = [desk.guidance(), desk.steps("repaint", inpainting.STEPS, low=10)]
    stand.plays(repaint, [editor, strength, *knobs])


def repaint(
    desk: Desk, asked: Asked, edited: Mapping[str, Any] | None, strength: float, guidance: float, steps: int
) -> Iterator[Value]:
    """The picture with its hole, and what grows in it."""
    picture, mask = _edited(edited, desk.side)
    shown = Wall([sentence("latent.hole"), sentence("latent.repainted")], size=256)
    shown.put(0, 0, pixels(picture.lerp(torch.full_like(picture, 0.5), mask))[None])
    yield shown.value
    knobs = replace(desk.base, strength=float(strength), steps=int(steps), guidance=float(guidance))
    told = inpainting.run(
        desk.engine, desk.suite, asked.text, asked.seed, picture, mask, asked.stop, knobs, asked.client
    )
    yield from hang(shown, told, {inpainting.LANE: (0, 1)}, _grown)


def _grown(kept: inpainting.Kept) -> list[Any]:
    apart = sentence("latent.kept", outside=f"{kept.outside:.1f}", inside=f"{kept.inside:.1f}")
    return [apart, *worth(kept.found)]


def _edited(edited: Mapping[str, Any] | None, side: int) -> tuple[Tensor, Tensor]:
    """The picture (3, side, side) and what was drawn over, (1, side, side) in {0, 1}.  Raises Refusal."""
    if not edited or edited.get("background") is None:
        raise Refusal("say.nofile")
    drawn = [layer[..., 3] for layer in edited["layers"] if layer is not None]
    if not any(layer.any() for layer in drawn):
        raise Refusal("latent.say.nohole")
    mask = torch.from_numpy(np.max(np.stack(drawn), axis=0) > 0)[None].float()
    picture = tensor(edited["background"][..., :3])
    return resized(picture, side, side), (resized(mask, side, side) > 0.25).float()


def _chosen(side: int, path: str | None, number: float) -> list[Any]:
    """Values of editor and wall for what was chosen: a file that is of no use takes nothing from the editor."""
    try:
        return [editable(path, number, side), None]
    except Refusal as refusal:
        return [gr.skip(), trouble(refusal.key, **refusal.values)]


def editable(path: str | None, number: float, side: int = EDIT) -> dict[str, Any]:
    """What the editor holds of a picture, `side` pixels wide: nothing drawn on a visitor's own, the first thing covered
    on a page.  Raises Refusal."""
    if path is None:
        return of_page(numbered(number), side)
    picture = Image.fromarray(pixels(opened(path, number, side).picture))
    return {"background": picture, "layers": [], "composite": None}


def of_page(number: int, side: int = EDIT) -> dict[str, Any]:
    """A page of the storybook, its first thing and the shadow covered, so that there is something to do at once."""
    painted = page(number)
    times, (left, top, right, bottom) = side / painted.picture.width, painted.boxes[0]
    edges = max(left - 8, 0), max(top - 8, 0), right + 8, bottom + 28
    left, top, right, bottom = (round(times * edge) for edge in edges)
    layer = np.zeros((side, side, 4), np.uint8)
    layer[top:bottom, left:right] = [*bytes.fromhex(BRUSH[1:]), 255]
    picture = Image.fromarray(pixels(resized(tensor(painted.picture), side, side)))
    return {"background": picture, "layers": [layer], "composite": None}


def _seeds(seeds: list[int]) -> Wall:
    return Wall([sentence("latent.seed", n=seed) for seed in seeds], size=256)
