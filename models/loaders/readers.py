"""How each kind of part is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.utils import is_accelerate_available
from torch import nn

from models.catalog import Part
from models.catalog.full import PAIR
from models.loaders.files import header, stems, variant, weights


class Upsamplers(nn.ModuleDict):
    """Karlo's two networks of super-resolution: `last` takes the last step, `first` those before."""

    @property
    def config(self) -> Any:
        return self["first"].config


def read(part: Part) -> nn.Module:
    """The module of a part, as its files hold it."""
    return READERS.get(part.kind, _diffusers)(part)


def _clip(part: Part) -> nn.Module:
    from models.parts.clip import Clip  # heavy libraries are imported by whoever needs them

    return Clip.from_folder(part.path, variant=variant(part)).fold()


def _picture_tower(part: Part) -> nn.Module:
    from models.parts.clip import Clip

    return Clip.from_folder(part.path, text=False, variant=variant(part)).fold()


def _vqgan(part: Part) -> nn.Module:
    from models.parts.vqgan import Vqgan

    return Vqgan.from_folder(part.path)


def _judge(part: Part) -> nn.Module:
    from models.parts.judge import Judge

    return Judge.from_folder(part.path)


def _safety_checker(part: Part) -> nn.Module:
    from models.parts.safety import SafetyChecker

    return SafetyChecker.from_folder(part.path, weights(part)[0].name)


def _text_proj(part: Part) -> nn.Module:
    from models.parts.unclip_text import UnclipText

    return pretrained(UnclipText, part.path, None)


def _upsamplers(part: Part) -> nn.Module:
    nets = [pretrained(diffusers.UNet2DModel, stem.parent, variant(part)) for stem in stems(part)]
    return Upsamplers(dict(zip((name.rpartition("_")[2] for name in PAIR), nets, strict=True)))


def _diffusers(part: Part) -> nn.Module:
    if not hasattr(diffusers, part.kind):
        raise ValueError(f"kind is {part.kind!r}; give one of {sorted(READERS)} or the name of a diffusers class")
    return pretrained(getattr(diffusers, part.kind), part.path, variant(part))


def pretrained(kind: Any, path: Path, copy: str | None) -> nn.Module:
    """A diffusers network; weights that are missing, unexpected or misshapen are an error that names them.

    No torch_dtype is passed: diffusers would set torch's default dtype for every thread while it reads.
    """
    try:
        module, info = kind.from_pretrained(
            path, use_safetensors=True, local_files_only=True, output_loading_info=True, variant=copy,
            low_cpu_mem_usage=is_accelerate_available(),  # as it would be anyhow, but for the complaint
        )  # fmt: skip
    except (ValueError, RuntimeError) as error:
        if wrong := _misshapen(kind, path, copy):
            raise ValueError(f"weights in {path} do not fit: {'; '.join(wrong[:4])}") from error
        raise
    wrong = {name: found for name, found in info.items() if found}
    if wrong:
        raise ValueError(f"weights and configuration in {path} disagree: {wrong}")
    return module


def _misshapen(kind: Any, path: Path, copy: str | None) -> list[str]:
    """Tensors in the files of `path` whose shape is not the one that its configuration makes."""
    with torch.device("meta"):
        wanted = kind.from_config(kind.load_config(path, local_files_only=True)).state_dict()
    found = {
        name: tensor["shape"]
        for file in path.glob(f"*{copy or ''}.safetensors")
        for name, tensor in header(file).items()
        if copy or ".fp16." not in file.name
    }
    return [
        f"{name} is {shape}, the configuration wants {list(wanted[name].shape)}"
        for name, shape in found.items()
        if name in wanted and list(wanted[name].shape) != shape
    ]


READERS: dict[str, Callable[[Part], nn.Module]] = {
    "clip": _clip,
    "picture_tower": _picture_tower,
    "vqgan": _vqgan,
    "judge": _judge,
    "safety_checker": _safety_checker,
    "text_proj": _text_proj,
    "upsamplers": _upsamplers,
}
