"""Kandinsky 2.2's two pipelines around our parts, one after the other, and the prior's alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import KandinskyV22Pipeline, KandinskyV22PriorPipeline, UnCLIPScheduler
from torch import Tensor

from lab.measure.bench.stock.faces import Named, Painter, Wrapped, hushed, said
from models.samplers.diffusion import fresh, own


def unclip(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """KandinskyV22PriorPipeline, and with what it gives KandinskyV22Pipeline."""
    (imagine, first), net, movq = _prior(parts, config, knobs), parts["decoder"], parts["movq"]
    scheduler = fresh(own(config["decoder_scheduler"]), config["decoder_scheduler"], knobs.steps)
    with hushed():
        pipe = KandinskyV22Pipeline(unet=net, scheduler=scheduler, movq=movq)
    pipe.set_progress_bar_config(disable=True)
    side = net.config.sample_size * pipe.movq_scale_factor

    def paint(text: str, seed: int) -> Any:
        rng = torch.Generator().manual_seed(seed)  # one for both, as ours has
        found = imagine(text, rng)
        with hushed():
            return pipe(
                found.image_embeds, found.negative_image_embeds, height=side, width=side,
                num_inference_steps=knobs.steps, guidance_scale=knobs.guidance,
                generator=rng, output_type="np",
            ).images  # fmt: skip

    return Painter(paint, (first, pipe))


def prior(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """KandinskyV22PriorPipeline; with the embedding it gives that of no picture, which the decoder leads away from."""
    imagine, pipe = _prior(parts, config, knobs)
    return Painter(lambda text, seed: imagine(text, torch.Generator().manual_seed(seed)), (pipe,))


def _prior(
    parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any
) -> tuple[Callable[[str, torch.Generator], Any], KandinskyV22PriorPipeline]:
    clip, net = parts["clip"], parts["prior"]
    known = {name: value for name, value in config["prior_scheduler"].items() if name[0] != "_"}

    def seen(_: Any, pixels: Tensor) -> dict[str, Tensor]:
        return {"image_embeds": clip.picture_tower(pixels.to(clip.dtype)).to(net.dtype)}

    tower = Wrapped(Named(clip), lambda _, ids: said(clip, ids, net.dtype), net)
    eye = Wrapped(Named(clip), seen, net)
    eye.config.image_size = clip.size
    with hushed():
        pipe = KandinskyV22PriorPipeline(
            prior=net, image_encoder=eye, text_encoder=tower,
            tokenizer=copy.deepcopy(clip.tokenizer), scheduler=UnCLIPScheduler(**known), image_processor=None,
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def imagine(text: str, rng: torch.Generator) -> Any:
        with hushed():
            return pipe(text, num_inference_steps=knobs.prior_steps, guidance_scale=knobs.prior_guidance, generator=rng)

    return imagine, pipe
