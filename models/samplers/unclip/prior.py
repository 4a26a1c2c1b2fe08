"""unCLIP's prior (arXiv 2204.06125, section 2.2): a transformer that denoises CLIP image embeddings under a text.

It predicts the embedding itself, not its noise (equation 2), in units of the embeddings' own mean and deviation.
The net is diffusers' PriorTransformer; where CLIP's text states are not as wide as its embeddings, the prior has
`encoder_hid_proj_type` null and is as wide as the states.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.protocol import Eval, Kit, Look, Step, Target, ask
from models.samplers.diffusion import dtype_of, fresh, own
from models.samplers.guidance import Guide, Text
from models.samplers.stage import Stage, run

Parts = Mapping[str, nn.Module]


def guess(parts: Parts, z: Tensor, t: Tensor, text: Tensor, states: Tensor, mask: Tensor) -> Tensor:
    """Noisy embeddings (B, E) at t (B,) under text embeddings, states and mask -> what the prior predicts, as z."""
    net = parts["prior"]
    given, text, states = (rows.to(dtype_of(net)) for rows in (z, text, states))
    found = net(given, t, proj_embedding=text, encoder_hidden_states=states, attention_mask=mask)
    return found.predicted_image_embedding.to(z.dtype)


def finish(parts: Parts, z: Tensor) -> Tensor:
    """Embeddings (B, E) in the prior's units -> in CLIP's."""
    return parts["prior"].post_process_latents(z)


def look_at(parts: Parts, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] -> their CLIP embeddings (B, E)."""
    return parts["clip"].image(pictures)


def stand_in(parts: Parts, text: Tensor) -> Tensor:
    """Text embeddings (B, E), as long as picture embeddings usually are: what is left to tell is the direction."""
    net = parts["prior"]
    usual = (net.clip_mean.square() + net.clip_std.square()).sum().sqrt()
    return F.normalize(text.to(usual.dtype), dim=-1) * usual


TARGETS = {
    "guess": Target(guess, ("prior",)),
    "finish": Target(finish, ("prior",)),
    "look_at": Target(look_at, ("clip",)),
    "stand_in": Target(stand_in, ("prior",)),
}


def begin(steps: int, candidates: int, kit: Kit, rngs: Sequence[torch.Generator], before: int = 0) -> Stage:
    """The prior's stage: `candidates` embeddings of noise for each picture, (B, N, E)."""
    config, shape = kit.config["prior_scheduler"], (candidates, kit.config["prior"]["embedding_dim"])
    return Stage(fresh(own(config), config, steps), kit.noise(shape, rngs), before=before)


def embed(
    stage: Stage, on: Text, off: Text, scale: float, rngs: Sequence[torch.Generator], look: Callable[[Tensor], Look],
    kept: Mapping[str, Tensor],
) -> Generator[Eval | Step, Any, Tensor]:  # fmt: skip
    """Denoise the candidates and keep the best of each picture's: CLIP image embeddings (B, E)."""
    count = stage.x.shape[1]
    rows = (
        tuple(row.repeat_interleave(count, 0) for row in (text.embedding, text.states, text.mask)) for text in (on, off)
    )
    guide = Guide(scale, *rows)

    def predict(z: Tensor, t: Tensor) -> Generator[Eval, Any, Tensor]:
        return (yield from guide.ask("guess", z.flatten(0, 1), t)).unflatten(0, (-1, count))

    return (yield from choose((yield from run(stage, predict, look, rngs, kept, {"stage": 0.0})), on))


def choose(candidates: Tensor, on: Text) -> Generator[Eval, Any, Tensor]:
    """Of (B, N, E) in the prior's units, those in CLIP's that are most similar to the text: (B, E)."""
    found = (yield from ask("finish", candidates.flatten(0, 1))).unflatten(0, candidates.shape[:2])
    best = F.cosine_similarity(found, on.embedding[:, None].to(found.dtype), dim=-1).argmax(1)
    return found[torch.arange(len(found), device=found.device), best]
