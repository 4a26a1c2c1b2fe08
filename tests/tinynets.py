"""Tiny networks of every family with random weights, in float64, for tests against stock pipelines."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet2DModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from models.parts.clip import Clip
from tests.tinyclip import LENGTH, WIDTH, shake, write_transformers

LATENT = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
LATENT |= {"set_alpha_to_one": False, "steps_offset": 1, "clip_sample": True}  # true: a latent run must override it
PIXEL = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "num_train_timesteps": 1000}
DOWN, UP = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
BODY = {"layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 4}


def still(net: torch.nn.Module, seed: int) -> torch.nn.Module:
    return shake(net, seed).to(torch.float64).requires_grad_(False)


@cache
def clips() -> tuple[Clip, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer]:
    """The one CLIP, and what stock pipelines take of the same folder."""
    with TemporaryDirectory() as folder:
        write_transformers(Path(folder), seed=3)
        stock = [kind.from_pretrained(folder).double().eval() for kind in (CLIPTextModel, CLIPTextModelWithProjection)]
        return Clip.from_folder(folder, dtype=torch.float64), *stock, CLIPTokenizer.from_pretrained(folder)


@cache
def latent_parts() -> dict[str, torch.nn.Module]:
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, down_block_types=DOWN, up_block_types=UP,
        cross_attention_dim=WIDTH, **BODY,
    )  # fmt: skip
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4,
        block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, sample_size=16,
    )  # fmt: skip
    return {"clip": clips()[0], "unet": still(unet, 1), "vae": still(vae, 2)}


def latent_config() -> dict:
    parts = latent_parts()
    return {"unet": parts["unet"].config, "vae": parts["vae"].config, "unet_scheduler": LATENT}


def pixel_net(fold: int = 1, out: int = 3, words: bool = False, seed: int = 4) -> torch.nn.Module:
    """A pixel net for pictures of 16 x 24, or folded from them; `words`: text-conditional."""
    common = {"sample_size": (16 // fold, 24 // fold), "in_channels": 3 * fold**2, "out_channels": out * fold**2}
    if words:
        blocks = {"down_block_types": DOWN, "up_block_types": UP, "cross_attention_dim": WIDTH}
        return still(UNet2DConditionModel(**common, **blocks, **BODY), seed)
    blocks = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
    return still(UNet2DModel(**common, **blocks, **BODY), seed)


__all__ = ["LATENT", "LENGTH", "PIXEL", "clips", "latent_config", "latent_parts", "pixel_net", "still"]
