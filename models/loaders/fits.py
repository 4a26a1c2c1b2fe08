"""Whether a configuration asks for what the weights beside it can fill, found before any memory is taken.

The network is built on torch's meta device, where tensors have shapes and no numbers, and stopped at the first tensor
beyond its allowance: a width of 10^5 channels costs nothing there, and a depth of 10^6 layers never gets far.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.catalog import Part
from models.loaders import files
from models.loaders.build import build

# Weights may leave some of a network out (a picture tower's text tower), and building one takes tensors that it drops.
TIMES, NUMBERS, TENSORS = 2, 2**26, 2000
CONFIGS = ("config.json", "open_clip_config.json")
LARGEST = 2**20  # of whole numbers in a configuration: libraries make lists that long before they make a tensor


def check(part: Part) -> None:
    """Raise ValueError where the configuration of `part` makes far more than its safetensors hold."""
    held = [count for count, _, _ in files.sizes(part)]
    for folder in {part.path, *(stem.parent for stem in files.stems(part))}:
        for file in (folder / name for name in CONFIGS if (folder / name).is_file()):
            _modest(file, _json(file))
    with torch.device("meta"), Allowance(part.path, sum(held), len(held)):
        SKELETONS.get(part.kind, _one)(part)


def _modest(file: Path, value: Any, name: str = "") -> None:
    """Raise ValueError for a whole number beyond LARGEST, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _modest(file, inner, key)
    elif isinstance(value, list):
        for inner in value:
            _modest(file, inner, name)
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"{file} asks for far more than its weights: {name} is {value:,}, {LARGEST:,} is the most")


class Allowance(TorchDispatchMode):
    """While it is on, on this thread: tensors may be made as many and as large as weights of this size call for."""

    def __init__(self, path: Path, numbers: int, tensors: int):
        super().__init__()
        self.path, self.held = path, (numbers, tensors)
        self.left = [TIMES * numbers + NUMBERS, TIMES * tensors + TENSORS]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and not any(isinstance(value, Tensor) for value in args):
            self.left = [self.left[0] - out.numel(), self.left[1] - 1]
            if min(self.left) < 0:
                told = f"the weights hold {self.held[0]:,} numbers in {self.held[1]:,} tensors"
                raise ValueError(f"the configuration in {self.path} asks for far more than its weights: {told}")
        return out


def _one(part: Part) -> nn.Module:
    return build(part.kind, _json(part.path / "config.json"))


def _upsamplers(part: Part) -> nn.Module:
    return nn.ModuleList(build("UNet2DModel", _json(stem.parent / "config.json")) for stem in files.stems(part))


def _safety_checker(part: Part) -> nn.Module:
    from transformers import CLIPConfig

    from models.parts.safety import SafetyChecker

    return SafetyChecker(CLIPConfig.from_pretrained(part.path, local_files_only=True))


def _clip(part: Part) -> nn.Module:
    """Each of the layouts that `models.parts.clip` reads."""
    if (part.path / "open_clip_config.json").is_file():
        from open_clip.model import CustomTextCLIP

        model = _json(part.path / "open_clip_config.json")["model_cfg"]
        return CustomTextCLIP(**{key: value for key, value in model.items() if key != "custom_text"})
    from transformers import CLIPConfig, CLIPModel

    if (part.path / "config.json").is_file():
        return CLIPModel(CLIPConfig.from_pretrained(part.path, local_files_only=True))
    return nn.ModuleList(_tower(stem.parent) for stem in files.stems(part))


def _tower(folder: Path) -> nn.Module:
    """One tower of a CLIP, with its projection, out of a diffusers pipeline's folder."""
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    if folder.name == "image_encoder":
        return CLIPVisionModelWithProjection(CLIPVisionConfig.from_pretrained(folder, local_files_only=True))
    return CLIPTextModelWithProjection(CLIPTextConfig.from_pretrained(folder, local_files_only=True))


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


SKELETONS: dict[str, Callable[[Part], nn.Module]] = {
    "clip": _clip,
    "picture_tower": _clip,
    "safety_checker": _safety_checker,
    "upsamplers": _upsamplers,
}
