"""unCLIP's decoder (arXiv 2204.06125, section 2.1): pixel diffusion under a CLIP image embedding and a text.

The embedding enters as time embedding and as extra tokens of context, both made by `text_proj`; guidance leads away
from the learned embedding of "no image" together with the negative text.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.protocol import Eval, Kit, Look, Step, Target, ask
from models.samplers.diffusion import advance, dtype_of, folded, fresh, generators, native, own, picture
from models.samplers.guidance import Guide, Text
from models.samplers.stage import Stage, run

Parts = Mapping[str, nn.Module]
Asked = Generator[Eval, Any, Any]
GLANCE = 4  # steps of DDIM that make an embedding visible


class Way(NamedTuple):
    """What a decoder denoises, and how it is told of an embedding: here pixels; in `latents`, latents.

    `guidance(embedding, away, on, off, scale)` gives the Guide towards image embeddings (B, E); `develop` makes
    pictures (B, 3, H, W) near [-1, 1] of what is denoised.
    """

    target: str
    shape: Callable[[Kit], tuple[int, int, int]]
    guidance: Callable[[Tensor, Tensor | None, Text, Text, float], Asked]
    develop: Callable[[Tensor], Asked]


def condition(parts: Parts, image: Tensor, text: Tensor, states: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (B, E), states (B, L, W), whether the image counts (B,) -> context (B, K + L, C), time (B, T)."""
    net = parts["text_proj"]
    return net(*(rows.to(dtype_of(net)) for rows in (image, text, states)), given)


def paint(parts: Parts, x: Tensor, t: Tensor, context: Tensor, time: Tensor, mask: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) at t (B,) under `condition`'s results -> what the decoder predicts, 3 or 6 channels."""
    net = parts["decoder"]
    context, time = context.to(dtype_of(net)), time.to(dtype_of(net))
    return folded(net, x, t, encoder_hidden_states=context, class_labels=time, encoder_attention_mask=mask)


TARGETS = {"condition": Target(condition, ("text_proj",)), "paint": Target(paint, ("decoder",))}


def begin(way: Way, name: str, steps: int, kit: Kit, rngs: Sequence[torch.Generator], before: int) -> Stage:
    """The decoder's stage, from noise; `name` is a scheduler's or "own"."""
    config = kit.config["decoder_scheduler"]
    scheduler = fresh(own(config) if name == "own" else name, config, steps)
    return Stage(scheduler, kit.noise(way.shape(kit), rngs), before=before)


def decode(
    way: Way, stage: Stage, kept: Mapping[str, Tensor], on: Text, off: Text, scale: float, start: float,
    eta: float, rngs: Sequence[torch.Generator],
) -> Generator[Eval | Step, Any, Tensor]:  # fmt: skip
    """Denoise pictures (B, 3, H, W), in [-1, 1], under the text and image embeddings (B, E).

    `kept` has the `embedding`, and where the way needs it the one to lead `away` from; it leads from timestep `start`.
    """
    embedding = kept["embedding"]
    guide = yield from way.guidance(embedding, kept.get("away"), on, off, scale)
    guide.begin = start
    similar = F.cosine_similarity(embedding, on.embedding.to(embedding.dtype)).mean()
    tell = {"stage": 1.0, "similarity": float(similar)}
    x = yield from run(stage, partial(guide.ask, way.target), partial(_look, way), rngs, kept, tell, eta)
    return (yield from way.develop(x)).clamp(-1, 1)


def guidance(embedding: Tensor, _: Tensor | None, on: Text, off: Text, scale: float) -> Generator[Eval, Any, Guide]:
    """Towards the embedding and the text, away from no embedding, which is learned, and the negative text."""
    both = Text(*(torch.cat(pair) for pair in zip(off, on, strict=True)))
    images, given = torch.cat([embedding, embedding]), torch.zeros_like(both.mask[:, 0])
    given[len(embedding) :] = 1
    context, time = yield from ask("condition", images, both.embedding, both.states, given)
    mask = F.pad(both.mask, (context.shape[1] - both.mask.shape[1], 0), value=1.0)
    away, towards = zip(*(rows.chunk(2) for rows in (context, time, mask)), strict=True)
    return Guide(scale, towards, away)


def glance(way: Way, embedding: Tensor, on: Text, off: Text, kit: Kit, seeds: Sequence[int]) -> Look:
    """What the decoder sees in image embeddings (B, E): a few unguided steps of DDIM from the seeds' own noise."""
    guide = yield from way.guidance(embedding, None, on, off, 1.0)
    scheduler, rngs = fresh("ddim", kit.config["decoder_scheduler"], GLANCE), generators(seeds)
    x = x0 = kit.noise(way.shape(kit), rngs)
    for t in scheduler.timesteps:
        x, x0 = advance(scheduler, (yield from guide.ask(way.target, x, t)), t, x, rngs)
    return (yield from _look(way, x0))


def _look(way: Way, x: Tensor) -> Look:
    """What is denoised, as pictures (B, 3, H, W) in [0, 1]."""
    return picture((yield from way.develop(x)))


def _shape(kit: Kit) -> tuple[int, int, int]:
    """(3, H, W) of one picture."""
    return 3, *native("decoder", kit.config["decoder"])[1:]


def _developed(x: Tensor) -> Asked:
    """Pixels are a picture already."""
    yield from ()
    return x


PIXELS = Way("paint", _shape, guidance, _developed)
