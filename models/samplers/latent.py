"""Latent diffusion (Rombach et al., arXiv 2112.10752): denoise in an autoencoder's latents, then decode.

Text to image; image to image from a picture noised part of the way (SDEdit, arXiv 2108.01073); inpainting by
keeping the known region at every step's noise level.  Parts and configurations: clip, unet, vae, unet_scheduler.
Stable Diffusion's latents are nearly colours: one matrix shows them while they are painted, and the end is decoded.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.knobs import Knobs, knob
from models.protocol import Eval, Kit, Look, Painting, Prompt, State, Step, Target, ask
from models.samplers.diffusion import advance, dtype_of, facts, freeze, fresh, generators, home, noised, picture, thaw
from models.samplers.guidance import TEXT, Guide, needed, read

# Latents to RGB in [-1, 1], fitted by keturn on Stable Diffusion 1.4 (discuss.huggingface.co, topic 23204, post 2).
LINEAR = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))
LARGE = 1024 * 1024  # pixels above which pictures are decoded one by one, and one of them in tiles


@dataclass(frozen=True)
class LatentKnobs(Knobs):
    """How to denoise.  `strength`: how far a given picture is noised before; no `width` or `height`: the net's own."""

    steps: int = knob(12, low=1, high=1000, unit="steps")
    guidance: float = knob(3.0, low=1.0, high=30.0, step=0.5)
    scheduler: str = knob("dpm++", choices=("ddpm", "ddim", "euler", "euler_a", "dpm++", "heun"))
    eta: float = knob(0.0, low=0.0, high=1.0, step=0.05)  # DDIM alone: 0 draws no noise, 1 as much as DDPM
    strength: float = knob(0.6, low=0.0, high=1.0, step=0.05)
    width: int | None = knob(None, low=8, high=2048, step=8, unit="px")
    height: int | None = knob(None, low=8, high=2048, step=8, unit="px")
    upsample: bool = knob(False)  # four times as wide at the end, where the suite has an upsampler: `Enlarged`
    upsample_steps: int = knob(7, low=2, high=1000, unit="steps")


def denoise(parts: Mapping[str, nn.Module], z: Tensor, t: Tensor, states: Tensor) -> Tensor:
    """Latents (B, C, h, w) at t (B,) under text states (B, L, W) -> what the net predicts, as z."""
    net = parts["unet"]
    return net(z.to(dtype_of(net)), t, encoder_hidden_states=states.to(dtype_of(net))).sample.to(z.dtype)


def encode(parts: Mapping[str, nn.Module], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) in [-1, 1] -> mean and deviation (B, C, h, w) of their scaled latents."""
    vae = parts["vae"]
    found = vae.encode(pictures.to(dtype_of(vae))).latent_dist
    return tuple((m * vae.config.scaling_factor).to(pictures.dtype) for m in (found.mean, found.std))


def decode(
    parts: Mapping[str, nn.Module], z: Tensor, *, tiled: bool = False, sliced: bool = False, name: str = "vae"
) -> Tensor:
    """Scaled latents (B, C, h, w) -> pictures (B, 3, H, W) near [-1, 1].

    Two ways to less memory: `sliced` decodes row by row; `tiled` decodes overlapping squares of the size that the net
    was trained on, and blends them.
    """
    vae = parts[name]
    run = vae.tiled_decode if tiled else vae.decode
    rows = (z.to(dtype_of(vae)) / vae.config.scaling_factor).split(1 if sliced else len(z))
    return torch.cat([run(row).sample for row in rows]).to(z.dtype)


class Latent:
    """The latent painter; see the module."""

    knobs = LatentKnobs
    targets: Mapping[str, Target] = {
        "text": TEXT,
        "denoise": Target(denoise, ("unet",)),
        "encode": Target(encode, ("vae",)),
        "decode": Target(decode, ("vae",)),
    }

    def __call__(self, prompt: Prompt, knobs: LatentKnobs, kit: Kit, start: State | None = None) -> Painting:
        """Paint one picture a seed; `start` goes on from a State with its own scheduler and the new guidance."""
        like, rngs = home(kit), generators(prompt.seeds, start)
        on, off = yield from read(prompt, kit, like)
        guide = Guide(needed(prompt, knobs.guidance), (on.states,), (off.states,))
        scheduler, kept = thaw(start, like) if start else (yield from _begin(prompt, knobs, kit, rngs, like))
        z, times, mask = kept["z"], kept["t"], _mask(prompt, kept["z"])
        n, scale = len(times), _scale(kit.config["vae"])
        for i in range(start.i if start else 0, n):
            t = times[i]
            noise = yield from guide.ask("denoise", scheduler.scale_model_input(z, t), t)
            z, z0 = advance(scheduler, noise, t, z, rngs, eta=knobs.eta)
            if mask is not None:
                last = i + 1 == n
                known = kept["image"] if last else noised(scheduler, kept["image"], kept["noise"], times[i + 1])
                z, z0 = known.lerp(z, mask), kept["image"].lerp(z0.to(z.dtype), mask)
            state = partial(freeze, i + 1, kept | {"z": z}, rngs, scheduler)
            quick = partial(glance, z0) if drawable(kit.config["vae"]) and i + 1 < n else None
            yield Step(i + 1, n, partial(look, z0, scale), facts(scheduler, t), state, quick)
        return (yield from look(z, scale))


def look(z: Tensor, scale: int) -> Look:
    """Latents as pictures in [0, 1], `scale` pixels along the side of one."""
    return picture((yield from ask("decode", z, **sparing(z, scale))))


def sparing(z: Tensor, scale: int) -> dict[str, bool]:
    """How `decode` keeps within memory: many pictures one by one, a large one in tiles, small ones at once."""
    pixels = z.shape[-2] * z.shape[-1] * scale**2
    how = {"sliced": len(z) > 1 and len(z) * pixels > LARGE, "tiled": pixels > LARGE}
    return {name: True for name, wanted in how.items() if wanted}


def drawable(vae: Mapping[str, Any]) -> bool:
    """Whether an autoencoder's latents are those of Stable Diffusion 1 and 2, as far as its configuration tells."""
    return (vae["latent_channels"], vae.get("scaling_factor", 0.18215), _scale(vae)) == (4, 0.18215, 8)


def glance(z: Tensor) -> Look:
    """Stable Diffusion's latents as pictures in [0, 1] by one matrix, coarse but at no cost."""
    yield from ()
    colours = torch.einsum("bchw,cd->bdhw", z, z.new_tensor(LINEAR))
    return picture(F.interpolate(colours, scale_factor=8, mode="bilinear"))


def _begin(
    prompt: Prompt, knobs: LatentKnobs, kit: Kit, rngs: list[torch.Generator], like: Tensor
) -> Generator[Eval, Any, tuple[Any, dict[str, Tensor]]]:
    """A fresh scheduler, and what crosses steps: latents `z`, times `t`, and for inpainting `image` and `noise`."""
    scheduler = fresh(knobs.scheduler, kit.config["unet_scheduler"], knobs.steps, clip_sample=False, thresholding=False)
    shape = _shape(knobs, kit)
    if prompt.image is None:
        return scheduler, {"z": kit.noise(shape, rngs) * scheduler.init_noise_sigma, "t": scheduler.timesteps}
    begin = (knobs.steps - min(int(knobs.steps * knobs.strength), knobs.steps)) * scheduler.order
    times = scheduler.timesteps[begin:]
    if not len(times):
        low = math.ceil(1000 / knobs.steps) / 1000  # rounded up, so that it will do
        raise ValueError(
            f"strength is {knobs.strength}; give {low:.3g} to 1, so that of {knobs.steps} steps one is left"
        )
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    scale = _scale(kit.config["vae"])
    size = (shape[1] * scale, shape[2] * scale)
    given = F.interpolate(prompt.image[None].to(like), size, mode="bilinear", antialias=True) * 2 - 1
    mean, std = yield from ask("encode", given)
    image = mean + std * kit.noise(shape, rngs)  # a draw from the posterior, as the net was trained on
    noise = kit.noise(shape, rngs)
    if prompt.mask is not None and knobs.strength == 1:
        z = noise * scheduler.init_noise_sigma  # nothing of the picture under the mask
    else:
        z = noised(scheduler, image, noise, times[0])
    kept = {"z": z, "t": times}
    return scheduler, kept if prompt.mask is None else kept | {"image": image, "noise": noise}


def _scale(vae: Mapping[str, Any]) -> int:
    """Pixels along one side of one latent."""
    return 2 ** (len(vae["block_out_channels"]) - 1)


def _shape(knobs: LatentKnobs, kit: Kit) -> tuple[int, int, int]:
    """(C, h, w) of one picture's latents."""
    unet, scale = kit.config["unet"], _scale(kit.config["vae"])
    for name in ("height", "width"):
        if (getattr(knobs, name) or 0) % scale:
            raise ValueError(f"{name} is {getattr(knobs, name)}; give a multiple of {scale}, a latent's side in pixels")
    native = unet["sample_size"]
    tall, wide = (native, native) if isinstance(native, int) else native
    return unet["in_channels"], (knobs.height or tall * scale) // scale, (knobs.width or wide * scale) // scale


def _mask(prompt: Prompt, z: Tensor) -> Tensor | None:
    """(1, 1, h, w), 1 where to repaint, at the latents' size, however thin; None where nothing is masked."""
    if prompt.mask is None:
        return None
    if prompt.image is None:
        raise ValueError("mask is given, but image is None; give the picture (3, H, W) in [0, 1] that the mask is of")
    return F.adaptive_max_pool2d((prompt.mask[None] >= 0.5).to(z), z.shape[-2:])
