"""UnCLIPPipeline around our parts: the whole of it, and its prior alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from diffusers import UnCLIPPipeline, UnCLIPScheduler
from torch import Tensor

from lab.measure.bench.stock.faces import Named, Painter, Wrapped, hushed, said


class _Enough(Exception):
    """The prior is done, and nothing else is wanted."""


def unclip(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """From prior to upsampler; it paints one candidate a picture."""
    return _painter(parts, config, knobs, _told)


def prior(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, folder: Path) -> Painter:
    """As far as the embedding, which is the first thing that the net after the prior would be told."""

    def enough(net: Any, **_: Any) -> Any:
        raise _Enough

    paint = _painter(parts, config, knobs, enough)

    def imagine(text: str, seed: int) -> None:
        with suppress(_Enough):
            paint(text, seed)

    return Painter(imagine, paint.pipes)


def _painter(parts: Mapping[str, Any], config: Mapping[str, Any], knobs: Any, told: Callable[..., Any]) -> Painter:
    """The pipeline, to which `told` says what the decoder is to be told of an embedding."""
    clip, prior, refine = parts["clip"], parts["prior"], parts["upsampler"]
    clip_face = Wrapped(Named(clip), lambda _, ids, **__: said(clip, ids, prior.dtype), prior)
    schedulers = {
        name: UnCLIPScheduler(**{k: v for k, v in config[f"{name}_scheduler"].items() if k[0] != "_"} | more)
        for name, more in (("prior", {}), ("decoder", {"variance_type": "learned_range"}), ("upsampler", {}))
    }
    text_face = Wrapped(parts["text_proj"], told)
    text_face.clip_extra_context_tokens = parts["text_proj"].config.clip_extra_context_tokens
    with hushed():
        pipe = UnCLIPPipeline(
            prior=prior, text_proj=text_face, decoder=Wrapped(parts["decoder"], _doubled),
            text_encoder=clip_face, tokenizer=copy.deepcopy(clip.tokenizer),
            super_res_first=getattr(refine, "first", refine), super_res_last=getattr(refine, "last", refine),
            prior_scheduler=schedulers["prior"], decoder_scheduler=schedulers["decoder"],
            super_res_scheduler=schedulers["upsampler"],
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def paint(text: str, seed: int) -> Any:
        with hushed():
            return pipe(
                text, prior_num_inference_steps=knobs.prior_steps, decoder_num_inference_steps=knobs.steps,
                super_res_num_inference_steps=knobs.upsample_steps, prior_guidance_scale=knobs.prior_guidance,
                decoder_guidance_scale=knobs.guidance, generator=torch.Generator().manual_seed(seed), output_type="np",
            ).images  # fmt: skip

    return Painter(paint, (pipe,))


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
