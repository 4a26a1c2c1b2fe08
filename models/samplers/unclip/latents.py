"""Kandinsky 2.2's decoder (Razzhigaev et al., arXiv 2310.03502): latent diffusion under an image embedding.

The embedding enters by the net's own projections; other than in the paper there is no text beside it.  Guidance leads
away from the embedding of no picture, or from what the prior makes of the negative text.  A MoVQ (Zheng et al., arXiv
2209.09002), a VQGAN whose decoder sees the latents at every norm, makes pictures of them, not rounded to its codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from models.protocol import Kit, Target, ask
from models.samplers.diffusion import dtype_of, native
from models.samplers.guidance import Guide, Text
from models.samplers.unclip.decoder import Asked, Way

Parts = Mapping[str, nn.Module]


def draft(parts: Parts, z: Tensor, t: Tensor, image: Tensor) -> Tensor:
    """Latents (B, C, h, w) at t (B,) under image embeddings (B, E) -> what the decoder predicts, C or 2C channels."""
    net = parts["decoder"]
    told = {"image_embeds": image.to(dtype_of(net))}
    return net(z.to(dtype_of(net)), t, encoder_hidden_states=None, added_cond_kwargs=told).sample.to(z.dtype)


def develop(parts: Parts, z: Tensor) -> Tensor:
    """Latents (B, C, h, w) -> pictures (B, 3, H, W) near [-1, 1]."""
    net = parts["movq"]
    return net.decode(z.to(dtype_of(net)), force_not_quantize=True).sample.to(z.dtype)


def nothing(parts: Parts, like: Tensor) -> Tensor:
    """(B, E) as `like`: CLIP's embedding of no picture, which is the mean colour of those it was trained on."""
    clip = parts["clip"]
    return clip.image(clip.mean.expand(len(like), -1, clip.size, clip.size)).to(like.dtype)


TARGETS = {
    "draft": Target(draft, ("decoder",)),
    "develop": Target(develop, ("movq",)),
    "nothing": Target(nothing, ("clip",)),
}


def _shape(kit: Kit) -> tuple[int, int, int]:
    """(C, h, w) of one picture's latents."""
    channels = kit.config["decoder"]["in_channels"]
    return channels, *native("decoder", kit.config["decoder"], channels)[1:]


def _guidance(embedding: Tensor, away: Tensor | None, on: Text, off: Text, scale: float) -> Asked:
    """Towards one embedding, away from the other; both say all there is to say of the texts."""
    yield from ()
    return Guide(scale, (embedding,), (embedding if away is None else away,))


def _developed(z: Tensor) -> Asked:
    return (yield from ask("develop", z))


LATENTS = Way("draft", _shape, _guidance, _developed)
