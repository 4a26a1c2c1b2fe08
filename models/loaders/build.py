"""Networks from configurations alone, as their classes begin: one table for all that the catalog names."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
from torch import nn

from models.loaders.readers import Upsamplers

LENGTH, END = 77, 49407  # tokens of a text, and the last one's id, in every CLIP that the catalog names


def build(kind: str, config: Mapping[str, Any]) -> nn.Module:
    """The network of a `Part.kind`, on torch's default device; a CLIP's `config` holds "text" and "vision" as
    transformers writes them."""
    return BUILDERS.get(kind, _diffusers)(kind, config)


def _diffusers(kind: str, config: Mapping[str, Any]) -> nn.Module:
    return getattr(diffusers, kind).from_config(dict(config))


def _text_proj(_: str, config: Mapping[str, Any]) -> nn.Module:
    from models.parts.unclip_text import UnclipText

    return UnclipText.from_config(dict(config))


def _upsamplers(_: str, config: Mapping[str, Any]) -> nn.Module:
    return Upsamplers({name: _diffusers("UNet2DModel", config) for name in ("first", "last")})


def _vqgan(_: str, config: Mapping[str, Any]) -> nn.Module:
    from models.parts.vqgan import Vqgan

    return Vqgan(config)


def _judge(_: str, config: Mapping[str, Any]) -> nn.Module:
    from models.parts.judge import Judge

    return Judge(config)


def _clip(_: str, config: Mapping[str, Any]) -> nn.Module:
    from transformers import CLIPConfig, CLIPModel

    from models.parts.clip import Clip
    from models.parts.clip.folders import Picture, Text, about

    text, vision = config["text"], config["vision"]
    whole = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=text["projection_dim"]))
    shape = about(text["hidden_size"], text["projection_dim"], LENGTH, vision["image_size"], {})
    towers = Text(whole.text_model, whole.text_projection), Picture(whole)
    return Clip(*towers, whole.logit_scale, SimpleNamespace(eos_token_id=END), shape)


def _encoders(_: str, config: Mapping[str, Any]) -> nn.Module:
    import transformers

    from models.parts.clip import Clip
    from models.parts.clip.folders import Picture, Text, about

    text = transformers.CLIPTextConfig(**config["text"])
    width, end = text.hidden_size, SimpleNamespace(eos_token_id=END)
    if "vision" not in config:
        words = Text(transformers.CLIPTextModel(text), None)
        return Clip(words, None, torch.zeros(()), end, about(width, width, LENGTH, 0, {}))
    vision = transformers.CLIPVisionConfig(**config["vision"])
    net, seen = transformers.CLIPTextModelWithProjection(text), transformers.CLIPVisionModelWithProjection(vision)
    shape = about(width, text.projection_dim, LENGTH, vision.image_size, {})
    return Clip(Text(net.text_model, net.text_projection), Picture(seen), torch.zeros(()), end, shape)


def _safety_checker(_: str, config: Mapping[str, Any]) -> nn.Module:
    from transformers import CLIPConfig

    from models.parts.safety import SafetyChecker

    vision = config["vision"]
    return SafetyChecker(CLIPConfig(vision_config=vision, projection_dim=vision["projection_dim"]))


BUILDERS = {
    "clip": _clip, "encoders": _encoders, "judge": _judge, "text_proj": _text_proj, "upsamplers": _upsamplers,
    "vqgan": _vqgan, "safety_checker": _safety_checker,
}  # fmt: skip
