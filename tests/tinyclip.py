"""Tiny CLIP folders of both kinds, random weights and a real byte-pair tokenizer, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import bytes_to_unicode
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

LENGTH, WIDTH, EMBED, SIZE = 16, 32, 24, 32
MERGES = [("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "t</w>"), ("b", "lue</w>"), ("l", "ue</w>"), ("u", "e</w>")]

RESNET = {"layers": [1, 1, 1, 1], "width": 16}
VIT = {"layers": 2, "width": 32, "patch_size": 8, "head_width": 16}


def write_tokenizer(folder: Path, length: int = LENGTH) -> int:
    """Write vocab.json, merges.txt, tokenizer_config.json.  Returns the number of ids; the end has the highest."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters)]
    words += [a + b for a, b in MERGES] + ["<|startoftext|>", "<|endoftext|>"]
    vocab = {word: i for i, word in enumerate(dict.fromkeys(words))}
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in MERGES)])
    (folder / "merges.txt").write_text(merges + "\n", encoding="utf-8")
    about = {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "model_max_length": length,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    return len(vocab)


def shake(net: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Give every weight and statistic a random value of its own, so that no zero initialisation hides a fault."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point() and value.ndim:
                around_one = value.ndim == 1 and name.endswith(("weight", "running_var"))
                spread = 0.1 if value.ndim == 1 else value[0].numel() ** -0.5
                value.copy_(torch.randn(value.shape, generator=rng) * spread + around_one)
    return net.eval()


def write_open_clip(folder: Path, seed: int = 0, vision: dict[str, Any] = RESNET) -> Path:
    """An open_clip folder with a small picture tower: a ModifiedResNet, as the classroom suite stores it, or VIT."""
    words = write_tokenizer(folder)
    model = {
        "embed_dim": EMBED,
        "vision_cfg": {"image_size": SIZE, **vision},
        "text_cfg": {"context_length": LENGTH, "vocab_size": words, "width": WIDTH, "heads": 2, "layers": 2},
    }
    about = {"model_cfg": model, "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}}
    (folder / "open_clip_config.json").write_text(json.dumps(about), encoding="utf-8")
    net = shake(open_clip.model.CLIP(**model), seed)
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def write_transformers(folder: Path, seed: int = 0, embed: int = EMBED) -> Path:
    """A transformers CLIP checkpoint with a small ViT picture tower, as the full suite stores it."""
    words = write_tokenizer(folder)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": WIDTH, "intermediate_size": 48}
    ids = {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": words - 1}
    config = CLIPConfig(
        text_config=dict(vocab_size=words, max_position_embeddings=LENGTH, projection_dim=embed, **layers, **ids),
        vision_config=dict(image_size=SIZE, patch_size=8, projection_dim=embed, **layers),
        projection_dim=embed,
    )
    shake(CLIPModel(config), seed).save_pretrained(folder)
    about = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "size": {"shortest_edge": SIZE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(about), encoding="utf-8")
    return folder
