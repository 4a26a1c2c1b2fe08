"""What our painters are timed against: stock diffusers pipelines around the very same networks.

Stock has no pipeline for text-conditional pixels, so such a net paints unconditionally there, as ours does under
an empty prompt; a folded one it sees unfolded.  Our folded unCLIP nets do the same work inside UnCLIPPipeline, which
sees 48 channels for 3; what it paints that way is no picture, but it takes a picture's time.  Pipelines know one
precision: theirs is the net's, and what ours holds wider is narrowed for them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import DDIMPipeline, StableDiffusionPipeline
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput

from lab.measure import reference_vqgan
from lab.measure.bench.stock.faces import Named, Painter, Wrapped, hushed
from lab.measure.bench.stock.karlo import prior, unclip
from models.parts.clip import Clip
from models.samplers.diffusion import folded, fresh, native

__all__ = ["Painter", "latent", "pixel", "prior", "unclip", "vqgan_clip"]


def latent(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """StableDiffusionPipeline."""
    unet, vae, clip = parts["unet"], parts["vae"], parts["clip"]
    if vae.dtype != unet.dtype:
        vae = nn.Module.to(copy.deepcopy(vae), unet.dtype)
    tower = Wrapped(Named(clip), lambda _, ids, **__: BaseModelOutput(clip.text(ids).states.to(unet.dtype)), unet)
    scheduler = fresh(knobs.scheduler, config["unet_scheduler"], knobs.steps, clip_sample=False, thresholding=False)
    with hushed():
        pipe = StableDiffusionPipeline(
            vae=vae, unet=unet, scheduler=scheduler, text_encoder=tower, tokenizer=copy.deepcopy(clip.tokenizer),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def paint(text: str, *seeds: int) -> Tensor:
        with hushed():
            return pipe(
                [text] * len(seeds), num_inference_steps=knobs.steps, guidance_scale=knobs.guidance, output_type="pt",
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                width=knobs.width, height=knobs.height,
            ).images  # fmt: skip

    return Painter(paint, (pipe,))


def pixel(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """DDIMPipeline, unconditional: where the net takes a text, the empty one is read once, and given at every step."""
    net, read = parts["pixel"], {}
    told, (fold, side, _) = "cross_attention_dim" in net.config, native("pixel", net.config)

    def unfolded(net: nn.Module, x: Tensor, t: Tensor) -> Any:
        context = {"encoder_hidden_states": read["states"].expand(len(x), -1, -1)} if told else {}
        return SimpleNamespace(sample=folded(net, x, t, **context))

    if told or fold > 1:
        net = Wrapped(net, unfolded)
        net.config = SimpleNamespace(in_channels=3, sample_size=side)
    with hushed():
        pipe = DDIMPipeline(net, fresh("ddim", config["pixel_scheduler"], knobs.steps))
    pipe.set_progress_bar_config(disable=True)

    @torch.no_grad()
    def paint(text: str, seed: int) -> Any:
        if told:
            tokens = parts["clip"].tokenize([text]).ids
            read["states"] = parts["clip"].text(tokens.to(parts["pixel"].device)).states
        with hushed():
            rng = torch.Generator().manual_seed(seed)
            return pipe(1, generator=rng, num_inference_steps=knobs.steps, output_type="pt").images

    return Painter(paint, (pipe,))


def vqgan_clip(
    parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path, stacked: bool = True
) -> Painter:
    """The plain loop of `reference_vqgan`: all crops stacked for kornia, or one by one; the tower as it was trained."""
    clip = tower = parts["clip"]
    files = folder.parent / ("clip-robust" if "clip_robust" in parts else "clip")
    if files.is_dir():  # a classroom's, whose batch norms are folded into what comes before them
        tower = Clip.from_folder(files, text=False).to(parts["vqgan"].post_quant_conv.weight.device)
        tower.requires_grad_(False)

    def paint(text: str, seed: int) -> Tensor:
        with torch.no_grad():
            ids = clip.tokenize([text]).ids.to(next(clip.parameters()).device)
            aim = F.normalize(clip.text(ids).embedding, dim=-1)
        return reference_vqgan.paint(parts["vqgan"], tower, aim, [1.0], knobs, seed, stacked)[0]

    return Painter(paint)
