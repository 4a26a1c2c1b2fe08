"""A whole suite of random weights, laid out as the classroom's: what a time is measured on needs no training."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UnCLIPScheduler, UNet2DConditionModel, UNet2DModel
from open_clip.model import CLIP
from torch import nn
from transformers import CLIPConfig, CLIPModel, CLIPTextModel

from lab.storybook.dataset import captions
from lab.train import decoder, latent, pixel, prior, upsampler
from lab.train.clip import EMBEDDING, LENGTH, MEAN, MERGES, STD, WIDTH, architecture
from lab.train.diffusion import body
from lab.train.judge import new_judge
from lab.train.ship import save_open_clip, save_text_model
from lab.train.tokens import train_tokenizer
from lab.train.vae import new_vae
from models.parts.clip import Clip
from models.parts.unclip_text import UnclipText
from models.parts.vqgan import CLASSROOM, Vqgan

SIZES = ("classroom", "tiny")
DOWN, UP = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")


class Widths(NamedTuple):
    """Of text states, of embeddings, and of the decoder's time embedding."""

    text: int
    embedding: int
    time: int


def write_suite(folder: Path, size: str = "tiny", seed: int = 0) -> Path:
    """Write every part to `folder`; `size` is classroom (the networks that are trained and shipped) or tiny."""
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; give one of {SIZES}")
    tiny = size == "tiny"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = _tiny_clip(folder) if tiny else _classroom_clip(folder)
        for path, net in _nets(widths, tiny).items():
            _shaken(net).save_pretrained(folder / path)
        _shaken(_vqgan(tiny)).save_folder(folder / "vqgan")
        new_judge().save_folder(folder / "judge")
    DDIMScheduler(**latent.SCHEDULE).save_pretrained(folder / "stable-diffusion" / "scheduler")
    DDPMScheduler(**pixel.SCHEDULE).save_pretrained(folder / "pixel" / "scheduler")
    for name, recipe in (("prior", prior), ("decoder", decoder), ("super_res", upsampler)):
        UnCLIPScheduler(**recipe.SCHEDULE).save_pretrained(folder / "unclip" / f"{name}_scheduler")
    return folder


def _nets(widths: Widths, tiny: bool) -> dict[str, Any]:
    """Every diffusers network by its folder."""
    make = partial(_tiny_body if tiny else body, text_width=widths.text)
    proj = UnclipText(
        clip_embeddings_dim=widths.embedding, time_embed_dim=widths.time, cross_attention_dim=widths.text,
        text_width=widths.text,
    )  # fmt: skip
    return {
        "stable-diffusion/vae": _tiny_vae() if tiny else new_vae(),
        "stable-diffusion/unet": make(4, 4),
        "pixel/unet": make(48, 48),
        "unclip/prior": prior.new_prior(widths.embedding, widths.text, LENGTH),
        "unclip/text_proj": proj,
        "unclip/decoder": make(48, 48, class_embed_type="identity"),
        "unclip/super_res": _tiny_upsampler() if tiny else upsampler.new_upsampler(),
    }


def _classroom_clip(folder: Path) -> Widths:
    """`clip/` and `clip-robust/` as open_clip folders; the text tower and tokenizer in `stable-diffusion/` too."""
    tokenizer = train_tokenizer(captions(range(2000), 2), folder / "clip", MERGES, LENGTH)
    shape = architecture(len(tokenizer))
    about = {"model_cfg": shape, "preprocess_cfg": {"mean": MEAN, "std": STD}}
    text = {name: value for name, value in shape["text_cfg"].items() if name != "hf_tokenizer_name"}
    for name in ("clip-robust", "clip"):
        net = CLIP(**{**shape, "text_cfg": text})
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "open_clip_config.json").write_text(json.dumps(about), encoding="utf-8")
        save_open_clip(net.state_dict(), folder / name)
    clip = Clip.from_folder(folder / "clip")
    save_text_model(net, folder / "stable-diffusion" / "text_encoder", clip)
    clip.tokenizer.save_pretrained(folder / "stable-diffusion" / "tokenizer")
    return Widths(WIDTH, EMBEDDING, 320)


def _tiny_clip(folder: Path) -> Widths:
    """The same, as transformers checkpoints with small vision transformers."""
    tokenizer = train_tokenizer(captions(range(200), 2), folder / "clip", 64, LENGTH)
    widths = Widths(32, 24, 32)
    common = {"hidden_size": widths.text, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH, **common, **ids}
    vision = {"image_size": 64, "patch_size": 8, **common}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=widths.embedding)
    for name in ("clip-robust", "clip"):
        net = _shaken(CLIPModel(config))
        net.save_pretrained(folder / name)
        about = {"size": {"shortest_edge": 64}}
        (folder / name / "preprocessor_config.json").write_text(json.dumps(about), encoding="utf-8")
    _text_tower(net).save_pretrained(folder / "stable-diffusion" / "text_encoder")
    tokenizer.save_pretrained(folder / "stable-diffusion" / "tokenizer")
    return widths


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
