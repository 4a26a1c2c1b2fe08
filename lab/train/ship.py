"""A network to its folder in the suite, and back out of it to be trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import ModelMixin
from open_clip.model import CLIP
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from models.parts.clip import Clip

Net = TypeVar("Net", bound=ModelMixin)


def ship(net: ModelMixin, folder: Path) -> None:
    """Write a half-precision copy of `net`; the net itself stays as it is, for it may go on training."""
    config = {name: value for name, value in net.config.items() if name != "_name_or_path"}  # says nothing to others
    twin = type(net).from_config(config)
    twin.load_state_dict(net.state_dict())
    twin.half().save_pretrained(folder)


def shipped(kind: type[Net], folder: Path, resume: bool) -> Net | None:
    """What lies in `folder`, in float32, if a training is to `resume` and there is something."""
    return kind.from_pretrained(folder).float() if resume and (folder / "config.json").exists() else None


def save_open_clip(weights: dict[str, Tensor], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Weights under open_clip's own names."""
    weights = {k: v.to(dtype).contiguous() if v.is_floating_point() else v for k, v in weights.items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})


def load_open_clip(folder: Path) -> CLIP:
    """The open_clip model of a folder, float32, ready to train on."""
    cfg = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    text = {k: v for k, v in cfg["text_cfg"].items() if k != "hf_tokenizer_name"}
    net = CLIP(**{**cfg, "text_cfg": text})
    net.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
    return net


def save_text_model(net: CLIP, folder: Path, clip: Clip) -> None:
    """The text tower as transformers' CLIPTextModel, which is what diffusers' folders hold."""
    width, layers = net.ln_final.normalized_shape[0], len(net.transformer.resblocks)
    cfg = CLIPTextConfig(
        vocab_size=net.vocab_size,
        hidden_size=width,
        intermediate_size=4 * width,
        projection_dim=net.text_projection.shape[1],
        num_hidden_layers=layers,
        num_attention_heads=net.transformer.resblocks[0].attn.num_heads,
        max_position_embeddings=len(net.positional_embedding),
        hidden_act="gelu",
        bos_token_id=clip.tokenizer.bos_token_id,
        eos_token_id=clip.tokenizer.eos_token_id,
        pad_token_id=clip.tokenizer.pad_token_id,
    )
    model = CLIPTextModel(cfg)
    old, new = net.state_dict(), {}
    new["embeddings.token_embedding.weight"] = old["token_embedding.weight"]
    new["embeddings.position_embedding.weight"] = old["positional_embedding"]
    for k in range(layers):
        a, b = f"transformer.resblocks.{k}.", f"encoder.layers.{k}."
        for kind in ("weight", "bias"):
            for part, rows in zip("qkv", old[f"{a}attn.in_proj_{kind}"].chunk(3), strict=True):
                new[f"{b}self_attn.{part}_proj.{kind}"] = rows
            new[f"{b}self_attn.out_proj.{kind}"] = old[f"{a}attn.out_proj.{kind}"]
            for ours, theirs in (
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                new[f"{b}{theirs}.{kind}"] = old[f"{a}{ours}.{kind}"]
    new |= {f"final_layer_norm.{kind}": old[f"ln_final.{kind}"] for kind in ("weight", "bias")}
    prefix = "text_model." if any(k.startswith("text_model.") for k in model.state_dict()) else ""
    model.load_state_dict({prefix + k: v for k, v in new.items()})
    model.half().save_pretrained(folder)
