"""Tiny networks of every family with random weights, in float64, for tests against stock pipelines."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diffusers import AutoencoderKL, PriorTransformer, UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from models.parts.clip import Clip
from models.parts.unclip_text import UnclipText
from tests.tinyclip import EMBED, LENGTH, WIDTH, shake, write_transformers

LATENT = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
LATENT |= {"set_alpha_to_one": False, "steps_offset": 1, "clip_sample": True}  # true: a latent run must override it
PIXEL = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "num_train_timesteps": 1000}
DOWN, UP = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
BODY = {"layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 4}


def still(net: torch.nn.Module, seed: int) -> torch.nn.Module:
    return shake(net, seed).to(torch.float64).requires_grad_(False)


@cache
def clips(embed: int = EMBED) -> tuple[Clip, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer]:
    """The one CLIP, and what stock pipelines take of the same folder; unCLIP's wants states as wide as embeddings."""
    with TemporaryDirectory() as folder:
        write_transformers(Path(folder), seed=3, embed=embed)
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


def unclip_stock(fold: int = 1, out: int = 6) -> dict[str, torch.nn.Module]:
    """Prior, text_proj, decoder and two super-resolution nets as Karlo has them, for states as wide as embeddings."""
    return _unclip_stock(fold, out)


@cache
def _unclip_stock(fold: int, out: int) -> dict[str, torch.nn.Module]:
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=WIDTH, num_embeddings=LENGTH
    )
    proj = UnCLIPTextProjModel(clip_embeddings_dim=WIDTH, time_embed_dim=32, cross_attention_dim=WIDTH)
    down, up = ("ResnetDownsampleBlock2D",), ("ResnetUpsampleBlock2D",)
    body = {**BODY, "resnet_time_scale_shift": "scale_shift"}
    decoder = UNet2DConditionModel(
        sample_size=8 // fold, in_channels=3 * fold**2, out_channels=out * fold**2, class_embed_type="identity",
        down_block_types=(*down, "SimpleCrossAttnDownBlock2D"), mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", *up), cross_attention_dim=WIDTH, **body,
    )  # fmt: skip
    refine = [
        UNet2DModel(
            sample_size=32 // fold, in_channels=6 * fold**2, out_channels=3 * fold**2,
            down_block_types=down * 2, up_block_types=up * 2, **body,
        )
        for _ in range(2)
    ]  # fmt: skip
    nets = {"prior": prior, "text_proj": proj, "decoder": decoder, "first": refine[0], "last": refine[1]}
    return {name: still(net, seed) for seed, (name, net) in enumerate(nets.items(), 5)}


@cache
def unclip_parts(fold: int = 1, out: int = 6) -> dict[str, torch.nn.Module]:
    """The same as the parts of our painter."""
    stock = unclip_stock(fold, out)
    ours = UnclipText(**{k: v for k, v in stock["text_proj"].config.items() if not k.startswith("_")}).double()
    ours.load_state_dict(stock["text_proj"].state_dict())
    upsampler = torch.nn.ModuleDict({"first": stock["first"], "last": stock["last"]})
    keep = {name: stock[name] for name in ("prior", "decoder")}
    return keep | {"clip": clips(WIDTH)[0], "text_proj": ours.eval(), "upsampler": upsampler}


def unclip_config(fold: int = 1, out: int = 6) -> dict:
    stock, common = unclip_stock(fold, out), {"_class_name": "UnCLIPScheduler", "num_train_timesteps": 1000}
    variance = {"variance_type": "learned_range" if out == 6 else "fixed_small_log"}
    schedulers = {
        "prior_scheduler": {**common, "prediction_type": "sample", "clip_sample_range": 5.0},
        "decoder_scheduler": {**common, **variance},
        "upsampler_scheduler": common,
    }
    configs = {name: stock[name].config for name in ("prior", "text_proj", "decoder")}
    return {**configs, **schedulers, "upsampler": stock["first"].config}
