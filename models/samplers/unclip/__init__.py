"""unCLIP, or DALL-E 2 (Ramesh et al., arXiv 2204.06125): text -> CLIP image embedding -> picture -> larger picture.

The prior (section 2.2) denoises an image embedding under a text; the decoder (section 2.1) denoises a picture under
that embedding; an upsampler may follow.  What the prior gives can be replaced by the text embedding, or by the
embedding of a given picture, whose variations the decoder then paints (section 3.1).
Parts and configurations: clip, prior, prior_scheduler, text_proj, decoder, decoder_scheduler, and the upsampler's.
With a part movq in the place of text_proj the decoder is Kandinsky's, which denoises latents; see `latents`.
CLIP's embeddings are passed as they come, not normalised, and text states at CLIP's own width.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.knobs import Knobs, knob
from models.protocol import Eval, Kit, Look, Painting, Prompt, State, Step, Target, ask
from models.samplers.diffusion import generators, home, picture
from models.samplers.guidance import TEXT, Text, needed, onset, read
from models.samplers.stage import Stage
from models.samplers.unclip import decoder, latents, prior
from models.samplers.upsample import REFINE, UpsampleKnobs, begin, enlarge

__all__ = ["Unclip", "UnclipKnobs"]


@dataclass(frozen=True)
class UnclipKnobs(Knobs):
    """How to go from text to picture.  `embedding` says what the decoder is given for an image embedding."""

    embedding: str = knob("prior", choices=("prior", "text", "image"))
    prior_steps: int = knob(10, low=2, high=1000, unit="steps")
    prior_guidance: float = knob(2.0, low=1.0, high=30.0, step=0.5)
    candidates: int = knob(2, low=1, high=16, unit="embeddings")  # the paper takes the better of two
    steps: int = knob(20, low=2, high=1000, unit="steps")
    guidance: float = knob(2.0, low=1.0, high=30.0, step=0.5)
    guidance_from: float = knob(1.0, low=0.05, high=1.0, step=0.05)  # share of the decoder's chain, its last, guided
    scheduler: str = knob("own", choices=("own", "ddpm", "ddim", "dpm++"))  # of the decoder; own: as it was trained
    eta: float = knob(0.0, low=0.0, high=1.0, step=0.05)  # DDIM alone: 0 draws no noise, 1 as much as DDPM
    upsample: bool = knob(False)
    upsample_steps: int = knob(7, low=2, high=1000, unit="steps")


class Unclip:
    """The unCLIP painter; see the module."""

    knobs = UnclipKnobs
    targets: Mapping[str, Target] = {
        "text": TEXT, **prior.TARGETS, **decoder.TARGETS, **latents.TARGETS, "refine": REFINE,
    }  # fmt: skip

    def spare(self, knobs: UnclipKnobs) -> frozenset[str]:
        """Parts that a run with these settings never asks for."""
        return frozenset() if knobs.upsample else frozenset({"upsampler"})

    def __call__(self, prompt: Prompt, knobs: UnclipKnobs, kit: Kit, start: State | None = None) -> Painting:
        """Paint one picture a seed; `start` goes on within the stage that its State was taken in."""
        if knobs.upsample and "upsampler" not in kit.config:
            raise ValueError("upsample is True, but this suite has no upsampler; give False")
        like, rngs, way = home(kit), generators(prompt.seeds, start), _way(kit)
        on, off = yield from read(prompt, kit, like)
        enlarging = knobs.upsample_steps if knobs.upsample else 0
        stage, kept = Stage.resume(start, like) if start else (None, {})
        if "small" not in kept:
            before = 0
            if "embedding" not in kept:
                embedding, before = yield from _embed(prompt, knobs, kit, on, off, rngs, like, stage)
                stage, kept = None, {"embedding": embedding}
            if way is latents.LATENTS and "away" not in kept:
                away, before = yield from _away(prompt, knobs, kit, off, rngs, kept["embedding"], stage, before)
                stage, kept = None, kept | {"away": away}
            stage = stage or decoder.begin(way, knobs.scheduler, knobs.steps, kit, rngs, before)
            stage = replace(stage, after=enlarging)
            led = onset(knobs.guidance_from, kit.config["decoder_scheduler"])
            small = yield from decoder.decode(way, stage, kept, on, off, knobs.guidance, led, knobs.eta, rngs)
            if not enlarging:
                return picture(small)
            stage, kept = begin(small, UpsampleKnobs(enlarging), kit, rngs, before=stage.end)
        return picture((yield from enlarge(stage, kept, rngs)))


def _way(kit: Kit) -> decoder.Way:
    return latents.LATENTS if "movq" in kit.config else decoder.PIXELS


def _twice(prompt: Prompt, knobs: UnclipKnobs, kit: Kit) -> bool:
    """Whether the prior is run for the negative text too: a decoder without text knows it by its embedding alone."""
    return _way(kit) is latents.LATENTS and bool(prompt.negative) and knobs.guidance != 1


def _embed(
    prompt: Prompt, knobs: UnclipKnobs, kit: Kit, on: Text, off: Text,
    rngs: list[torch.Generator], like: Tensor, stage: Stage | None,
) -> Generator[Eval | Step, Any, tuple[Tensor, int]]:  # fmt: skip
    """Image embeddings (B, E), from wherever the knobs say, and the steps that they took."""
    if knobs.embedding == "text" and not stage:
        return (yield from ask("stand_in", on.embedding)).to(like.dtype), 0
    if knobs.embedding == "image" and not stage:
        if prompt.image is None:
            raise ValueError("embedding is 'image', but image is None; give a picture (3, H, W) in [0, 1]")
        found = yield from ask("look_at", prompt.image[None].to(like))
        return found.to(like.dtype).expand(len(rngs), -1), 0
    stage = stage or prior.begin(knobs.prior_steps, knobs.candidates, kit, rngs)
    more = knobs.prior_steps if _twice(prompt, knobs, kit) else 0
    stage = replace(stage, after=more + knobs.steps + (knobs.upsample_steps if knobs.upsample else 0))
    scale = needed(prompt, knobs.prior_guidance)

    def glance(candidates: Tensor) -> Look:
        best = yield from prior.choose(candidates, on)
        return (yield from decoder.glance(_way(kit), best, on, off, kit, prompt.seeds))

    return (yield from prior.embed(stage, on, off, scale, rngs, glance, {})), stage.end


def _away(
    prompt: Prompt, knobs: UnclipKnobs, kit: Kit, off: Text, rngs: list[torch.Generator],
    embedding: Tensor, stage: Stage | None, before: int,
) -> Generator[Eval | Step, Any, tuple[Tensor, int]]:  # fmt: skip
    """What latents are led away from (B, E): no picture, or what the negative text may look like; and steps so far."""
    if not stage and not _twice(prompt, knobs, kit):
        found = yield from ask("nothing", embedding[:1])
        return found.expand_as(embedding), before
    if not stage and knobs.embedding != "prior":
        return (yield from ask("stand_in", off.embedding)).to(embedding.dtype), before
    stage = stage or prior.begin(knobs.prior_steps, 1, kit, rngs, before)
    stage = replace(stage, after=knobs.steps + (knobs.upsample_steps if knobs.upsample else 0))

    def glance(_: Tensor) -> Look:
        return (yield from decoder.glance(_way(kit), embedding, off, off, kit, prompt.seeds))

    kept = {"embedding": embedding}
    return (yield from prior.embed(stage, off, off, 1.0, rngs, glance, kept)), stage.end
