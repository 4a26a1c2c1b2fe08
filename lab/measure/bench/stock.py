"""What our painters are timed against: stock diffusers pipelines around the very same networks.

Stock has no pipeline for text-conditional pixels, so such a net paints unconditionally there, as ours does under
an empty prompt.  Our folded unCLIP nets do the same work inside UnCLIPPipeline, which sees 48 channels for 3; what it
paints that way is no picture, but it takes a picture's time.  Pipelines know one precision: theirs is the net's, and
what ours holds wider is narrowed for them.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMPipeline, StableDiffusionPipeline, UnCLIPPipeline, UnCLIPScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.clip.modeling_clip import CLIPTextModelOutput

from lab.measure import reference_vqgan
from models.parts.clip import Clip
from models.samplers.diffusion import fresh

Painter = Callable[..., Any]  # prompt, seed -> one picture; `latent` takes several seeds and paints them as one batch


@contextmanager
def _hushed() -> Iterator[None]:
    """Deprecations and advice on how pipelines are put together are not ours to act on."""
    log = logging.getLogger("diffusers")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


class Wrapped(nn.Module):
    """A network under the face that a pipeline expects of it; `like` is the net whose precision the pipeline has."""

    def __init__(self, net: nn.Module, call: Callable[..., Any], like: nn.Module | None = None):
        super().__init__()
        self.net, self.call, self.config, self.like = net, call, net.config, net if like is None else like

    @property
    def device(self) -> torch.device:
        return next(self.net.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.like.parameters()).dtype

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(self.net, *args, **kwargs)


def latent(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """StableDiffusionPipeline."""
    unet, vae, clip = parts["unet"], parts["vae"], parts["clip"]
    if vae.dtype != unet.dtype:
        vae = nn.Module.to(copy.deepcopy(vae), unet.dtype)
    tower = Wrapped(_Named(clip), lambda _, ids, **__: BaseModelOutput(clip.text(ids).states.to(unet.dtype)), unet)
    scheduler = fresh(knobs.scheduler, config["unet_scheduler"], knobs.steps, clip_sample=False, thresholding=False)
    with _hushed():
        pipe = StableDiffusionPipeline(
            vae=vae, unet=unet, scheduler=scheduler, text_encoder=tower, tokenizer=copy.deepcopy(clip.tokenizer),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def paint(text: str, *seeds: int) -> Tensor:
        with _hushed():
            return pipe(
                [text] * len(seeds), num_inference_steps=knobs.steps, guidance_scale=knobs.guidance, output_type="pt",
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                width=knobs.width, height=knobs.height,
            ).images  # fmt: skip

    return paint


def pixel(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """DDIMPipeline, unconditional: where the net takes a text, the empty one is read once, and given at every step."""
    read: dict[str, Tensor] = {}
    plain = "cross_attention_dim" not in parts["pixel"].config

    def blank(net: nn.Module, x: Tensor, t: Tensor) -> Any:
        return net(x, t, encoder_hidden_states=read["states"].expand(len(x), -1, -1))

    with _hushed():
        net = parts["pixel"] if plain else Wrapped(parts["pixel"], blank)
        pipe = DDIMPipeline(net, fresh("ddim", config["pixel_scheduler"], knobs.steps))
    pipe.set_progress_bar_config(disable=True)

    @torch.no_grad()
    def paint(text: str, seed: int) -> Any:
        if not plain:
            tokens = parts["clip"].tokenize([text]).ids
            read["states"] = parts["clip"].text(tokens.to(parts["pixel"].device)).states
        with _hushed():
            rng = torch.Generator().manual_seed(seed)
            return pipe(1, generator=rng, num_inference_steps=knobs.steps, output_type="np").images

    return paint


def unclip(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """UnCLIPPipeline, from prior to upsampler; it paints one candidate a picture."""
    clip, prior, refine = parts["clip"], parts["prior"], parts["upsampler"]
    clip_face = Wrapped(_Named(clip), lambda _, ids, **__: _said(clip, ids, prior.dtype), prior)
    schedulers = {
        name: UnCLIPScheduler(**{k: v for k, v in config[f"{name}_scheduler"].items() if k[0] != "_"} | more)
        for name, more in (("prior", {}), ("decoder", {"variance_type": "learned_range"}), ("upsampler", {}))
    }
    text_face = Wrapped(parts["text_proj"], _told)
    text_face.clip_extra_context_tokens = parts["text_proj"].config.clip_extra_context_tokens
    with _hushed():
        pipe = UnCLIPPipeline(
            prior=prior, text_proj=text_face, decoder=Wrapped(parts["decoder"], _doubled),
            text_encoder=clip_face, tokenizer=copy.deepcopy(clip.tokenizer),
            super_res_first=getattr(refine, "first", refine), super_res_last=getattr(refine, "last", refine),
            prior_scheduler=schedulers["prior"], decoder_scheduler=schedulers["decoder"],
            super_res_scheduler=schedulers["upsampler"],
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def paint(text: str, seed: int) -> Any:
        with _hushed():
            return pipe(
                text, prior_num_inference_steps=knobs.prior_steps, decoder_num_inference_steps=knobs.steps,
                super_res_num_inference_steps=knobs.upsample_steps, prior_guidance_scale=knobs.prior_guidance,
                decoder_guidance_scale=knobs.guidance, generator=torch.Generator().manual_seed(seed), output_type="np",
            ).images  # fmt: skip

    return paint


class _Named(nn.Module):
    """A CLIP with its configuration by name, as pipelines like it."""

    def __init__(self, clip: nn.Module):
        super().__init__()
        self.clip, self.config = clip, type("Config", (), clip.config)()


def _said(clip: Any, ids: Tensor, dtype: torch.dtype) -> CLIPTextModelOutput:
    found = clip.text(ids)
    return CLIPTextModelOutput(text_embeds=found.embedding.to(dtype), last_hidden_state=found.states.to(dtype))


def _told(
    net: Any, image_embeddings: Tensor, prompt_embeds: Tensor, text_encoder_hidden_states: Tensor,
    do_classifier_free_guidance: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    given = None
    if do_classifier_free_guidance:
        given = torch.ones(2 * len(image_embeddings), device=image_embeddings.device)
        given[: len(image_embeddings)] = 0
        image_embeddings = torch.cat([image_embeddings, image_embeddings])
    return net(image_embeddings, prompt_embeds, text_encoder_hidden_states, given)


def _doubled(net: Any, sample: Tensor, timestep: Tensor, attention_mask: Tensor, **context: Any) -> Any:
    """What the decoder predicts, and beside it the variance that stock insists on, which ours does not learn."""
    found = net(sample, timestep, encoder_attention_mask=attention_mask, **context)
    if found.sample.shape[1] == sample.shape[1]:
        found.sample = torch.cat([found.sample, torch.zeros_like(found.sample)], 1)
    return found


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

    return paint
