"""A whole suite of random weights, laid out as the classroom's: what a time is measured on needs no training."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UnCLIPScheduler, UNet2DConditionModel, UNet2DModel
from torch import nn
from transformers import CLIPConfig, CLIPModel, CLIPTextModel

from lab.storybook.dataset import captions
from lab.train import decoder, latent, pixel, prior, upsampler
from lab.train.clip import EMBEDDING, HEADS, LAYERS, LENGTH, MERGES, WIDTH
from lab.train.diffusion import body
from lab.train.judge import new_judge
from lab.train.tokens import train_tokenizer
from lab.train.vae import new_vae
from models.parts.unclip_text import UnclipText
from models.parts.vqgan import CLASSROOM, Vqgan

SIZES = ("classroom", "tiny")
DOWN, UP = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")


def write_suite(folder: Path, size: str = "tiny", seed: int = 0) -> Path:
    """Write every part to `folder`; `size` is classroom (its networks, but for the CLIP's picture tower) or tiny."""
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; give one of {SIZES}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = _write_clip(folder, size == "tiny")
        nets = _nets(clip, size == "tiny")
        for path, net in nets.items():
            _shaken(net).save_pretrained(folder / path)
        _shaken(_vqgan(size == "tiny")).save_folder(folder / "vqgan")
        new_judge().save_folder(folder / "judge")
    stable = folder / "stable-diffusion"
    DDIMScheduler(**latent.SCHEDULE).save_pretrained(stable / "scheduler")
    DDPMScheduler(**pixel.SCHEDULE).save_pretrained(folder / "pixel" / "scheduler")
    for name, recipe in (("prior", prior), ("decoder", decoder), ("super_res", upsampler)):
        UnCLIPScheduler(**recipe.SCHEDULE).save_pretrained(folder / "unclip" / f"{name}_scheduler")
    return folder


def _nets(clip: CLIPModel, tiny: bool) -> dict[str, Any]:
    """Every diffusers network by its folder."""
    width, embedding = clip.config.text_config.hidden_size, clip.config.projection_dim
    length, time = clip.config.text_config.max_position_embeddings, 32 if tiny else 320
    make = partial(_tiny_body, text_width=width) if tiny else partial(body, text_width=width)
    proj = UnclipText(clip_embeddings_dim=embedding, time_embed_dim=time, cross_attention_dim=width, text_width=width)
    return {
        "stable-diffusion/vae": _tiny_vae() if tiny else new_vae(),
        "stable-diffusion/unet": make(4, 4),
        "pixel/unet": make(48, 48),
        "unclip/prior": prior.new_prior(embedding, width, length),
        "unclip/text_proj": proj,
        "unclip/decoder": make(48, 48, class_embed_type="identity"),
        "unclip/super_res": _tiny_upsampler() if tiny else upsampler.new_upsampler(),
    }


def _write_clip(folder: Path, tiny: bool) -> CLIPModel:
    """`clip/` as a transformers checkpoint, whose text tower stands in `stable-diffusion/` too, and `clip-robust/`."""
    tokenizer = train_tokenizer(captions(range(200), 2), folder / "clip", 64 if tiny else MERGES, LENGTH)
    width, layers = (32, 1) if tiny else (WIDTH, LAYERS)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    common = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": HEADS}
    common |= {"intermediate_size": 4 * width, "projection_dim": 24 if tiny else EMBEDDING}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH, **common, **ids}
    config = CLIPConfig(
        text_config=text, vision_config={"image_size": 64, "patch_size": 8, **common},
        projection_dim=common["projection_dim"],
    )  # fmt: skip
    about = {"size": {"shortest_edge": 64}}
    for name in ("clip-robust", "clip"):
        net = _shaken(CLIPModel(config))
        net.save_pretrained(folder / name)
        (folder / name / "preprocessor_config.json").write_text(json.dumps(about), encoding="utf-8")
    stable = folder / "stable-diffusion"
    _text_tower(net).save_pretrained(stable / "text_encoder")
    tokenizer.save_pretrained(stable / "tokenizer")
    return net


def _text_tower(net: CLIPModel) -> CLIPTextModel:
    """The text half alone, as diffusers' folders hold it."""
    tower, weights = CLIPTextModel(net.config.text_config), net.state_dict()
    names = {name: name if name in weights else f"text_model.{name}" for name in tower.state_dict()}
    tower.load_state_dict({name: weights[source] for name, source in names.items()})
    return tower


def _shaken(net: Any) -> Any:
    """Give what training begins at zero a random value, so that nothing is computed for nothing."""
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim > 1 and not value.any():
                nn.init.normal_(value, std=value[0].numel() ** -0.5)
    return net.eval()


def _tiny_body(channels_in: int, channels_out: int, text_width: int, **extra: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16, in_channels=channels_in, out_channels=channels_out, block_out_channels=(8, 16),
        layers_per_block=1, down_block_types=DOWN, up_block_types=UP, norm_num_groups=4, attention_head_dim=4,
        cross_attention_dim=text_width, **extra,
    )  # fmt: skip


def _tiny_vae() -> AutoencoderKL:
    return AutoencoderKL(
        latent_channels=4, sample_size=64, layers_per_block=1, norm_num_groups=4, block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip


def _tiny_upsampler() -> UNet2DModel:
    return UNet2DModel(
        sample_size=64, in_channels=96, out_channels=48, block_out_channels=(8, 8), layers_per_block=1,
        norm_num_groups=4, down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
        add_attention=False,
    )  # fmt: skip


def _vqgan(tiny: bool) -> Vqgan:
    shape = CLASSROOM["ddconfig"] | ({"ch": 32} if tiny else {})
    net = Vqgan({**CLASSROOM, "ddconfig": shape, "n_embed": 32 if tiny else CLASSROOM["n_embed"]})
    nn.init.normal_(net.quantize.embedding.weight)
    return net
