"""Diffusion in pixels (Ho et al., arXiv 2006.11239), from noise to picture with nothing in between.

Ancestral sampling over the whole chain (algorithm 2) or a respaced one (Nichol & Dhariwal, arXiv 2102.09672,
section 4), DDIM (arXiv 2010.02502) and DPM-Solver++ (arXiv 2211.01095).  The net is either text-conditional, and
then the empty prompt makes it unconditional, or an unconditional UNet2DModel, which CLIP may guide by its x0.
Parts and configurations: clip, pixel, pixel_scheduler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.knobs import Knobs, knob
from models.protocol import Kit, Painting, Prompt, State, Step, Target, ask
from models.samplers.diffusion import (
    advance,
    dtype_of,
    facts,
    folded,
    freeze,
    fresh,
    generators,
    grain,
    home,
    implied,
    implying,
    native,
    picture,
    show,
    thaw,
)
from models.samplers.guidance import TEXT, Guide, needed, onset, read

VARIANCES = {"own": {}, "beta": {"variance_type": "fixed_large"}, "posterior": {"variance_type": "fixed_small"}}


@dataclass(frozen=True)
class PixelKnobs(Knobs):
    """How to denoise.  DDPM over all its steps is the paper's chain; fewer respace it."""

    steps: int = knob(25, low=1, high=1000, unit="steps")
    guidance: float = knob(1.5, low=1.0, high=30.0, step=0.5)
    guidance_from: float = knob(1.0, low=0.05, high=1.0, step=0.05)  # share of the chain, its last, that is guided
    scheduler: str = knob("ddim", choices=("ddpm", "ddim", "dpm++"))
    eta: float = knob(0.0, low=0.0, high=1.0, step=0.05)  # DDIM alone: 0 draws no noise, 1 as much as DDPM
    variance: str = knob("own", choices=tuple(VARIANCES))  # DDPM alone: the net's own, beta_t, or beta-tilde_t
    clip_guidance: float = knob(0.0, low=0.0, high=1.0, step=0.05)  # how far x0 moves uphill where all is noise
    width: int | None = knob(None, low=8, high=1024, step=8, unit="px")
    height: int | None = knob(None, low=8, high=1024, step=8, unit="px")
    upsample: bool = knob(False)  # four times as wide at the end, where the suite has an upsampler: `Enlarged`
    upsample_steps: int = knob(7, low=2, high=1000, unit="steps")


def denoise(parts: Mapping[str, nn.Module], x: Tensor, t: Tensor, *states: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) at t (B,), and text states (B, L, W) if the net takes them -> what the net predicts."""
    net = parts["pixel"]
    return folded(net, x, t, **({"encoder_hidden_states": states[0].to(dtype_of(net))} if states else {}))


def ascend(parts: Mapping[str, nn.Module], x0: Tensor, towards: Tensor, *away: Tensor) -> Tensor:
    """Gradient in x0 (B, 3, H, W), in [-1, 1], of its cosine to text embeddings (B, E); mean square 1 a picture.

    Of what lies `away`, the negative prompt's embeddings (B, E) where there is one, the cosine is to fall.
    """
    with torch.enable_grad():
        x0 = x0.detach().requires_grad_()
        found = parts["clip"].image(x0 / 2 + 0.5).to(x0.dtype)
        near, *far = (F.cosine_similarity(found, text.to(x0.dtype)).sum() for text in (towards, *away))
        (uphill,) = torch.autograd.grad(near - sum(far), x0)
    return uphill / uphill.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)


class Pixel:
    """The pixel painter; see the module."""

    knobs = PixelKnobs
    targets: Mapping[str, Target] = {
        "text": TEXT,
        "denoise": Target(denoise, ("pixel",)),
        "ascend": Target(ascend, ("clip",)),
    }

    def __call__(self, prompt: Prompt, knobs: PixelKnobs, kit: Kit, start: State | None = None) -> Painting:
        """Paint one picture a seed; `start` goes on from a State with its own scheduler and the new guidance."""
        like, rngs, config = home(kit), generators(prompt.seeds, start), kit.config["pixel"]
        conditional, climb = "cross_attention_dim" in config, knobs.clip_guidance
        guide = Guide(1.0, (), ())
        if conditional or climb:
            on, off = yield from read(prompt, kit, like)
            aims = (on.embedding, off.embedding) if prompt.negative else (on.embedding,)
        if conditional:
            begin = onset(knobs.guidance_from, kit.config["pixel_scheduler"])
            guide = Guide(needed(prompt, knobs.guidance), (on.states,), (off.states,), begin)
        if start:
            scheduler, kept = thaw(start, like)
        else:
            scheduler = _scheduler(knobs, kit)
            kept = {"x": kit.noise(_shape(knobs, kit), rngs), "t": scheduler.timesteps}
        x, times = kept["x"], kept["t"]
        for i in range(start.i if start else 0, len(times)):
            t = times[i]
            found = yield from guide.ask("denoise", x, t)
            if climb:
                x0 = implied(scheduler, found[:, :3], t, x).clamp(-1, 1)
                noise = (1 - scheduler.alphas_cumprod[t]).sqrt()
                x0 = (x0 + climb * noise * (yield from ask("ascend", x0, *aims))).clamp(-1, 1)
                found = torch.cat([implying(scheduler, x0, t, x), found[:, 3:]], 1)
            x, x0 = advance(scheduler, found, t, x, rngs, eta=knobs.eta)
            state = partial(freeze, i + 1, {"x": x, "t": times}, rngs, scheduler)
            yield Step(i + 1, len(times), partial(show, x0), facts(scheduler, t), state)
        return picture(x)


def _scheduler(knobs: PixelKnobs, kit: Kit):
    return fresh(knobs.scheduler, kit.config["pixel_scheduler"], knobs.steps, **VARIANCES[knobs.variance])


def _shape(knobs: PixelKnobs, kit: Kit) -> tuple[int, int, int]:
    """(3, H, W) of one picture."""
    fold, tall, wide = native("pixel", kit.config["pixel"])
    least = grain(fold, kit.config["pixel"])
    for name in ("height", "width"):
        if (getattr(knobs, name) or 0) % least:
            raise ValueError(f"{name} is {getattr(knobs, name)}; give a multiple of {least}, as the net halves it")
    return 3, knobs.height or tall, knobs.width or wide
