"""A part from its files: safetensors only, local only, and whole or not at all.

A file that is missing, cut short or foreign makes that one part `Unavailable`, with the reason; the others load.
"""

from __future__ import annotations

import json
import math
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import nn

from models.catalog import Part

HEADER = 100_000_000  # bytes a safetensors header may have, by its specification
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_reading = threading.Lock()  # the libraries patch torch.nn while they build empty networks: one at a time


class Unavailable(RuntimeError):
    """A part cannot be had; says which and why."""

    def __init__(self, part: Part, reason: str):
        super().__init__(f"part {part.name!r} is unavailable: {reason}")
        self.part, self.reason = part, reason


def load(part: Part) -> nn.Module:
    """Read `part` into host memory: evaluation mode, no gradients, in its dtype.  Raises Unavailable."""
    reason = fault(part)
    if reason is not None:
        raise Unavailable(part, reason)
    try:
        with _reading:
            module = READERS.get(part.kind, _diffusers)(part)
    except Exception as error:
        raise Unavailable(part, f"{type(error).__name__}: {error}") from error
    module = nn.Module.to(module, getattr(torch, part.dtype))  # diffusers' own `to` warns of nothing, at length
    if part.channels_last:
        module = nn.Module.to(module, memory_format=torch.channels_last)
    return module.eval().requires_grad_(False)


def fault(part: Part) -> str | None:
    """Why `part` cannot be loaded, as far as a look at its files tells; None when they are all there, and whole."""
    try:
        _sizes(part)
        for _, path in part.configs:
            json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, struct.error) as error:
        return str(error) or type(error).__name__
    return None


def weigh(part: Part) -> int:
    """Bytes of weights once loaded, in the part's dtype, from the headers of its files.  Raises Unavailable."""
    width = getattr(torch, part.dtype).itemsize
    try:
        return sum(count * (width if floating else size) for count, size, floating in _sizes(part))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise Unavailable(part, str(error) or type(error).__name__) from error


def config(part: Part, module: nn.Module) -> dict[str, Mapping[str, Any]]:
    """What a sampler may know of a part: its own configuration under its name, and each of `part.configs`."""
    further = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in part.configs}
    return {part.name: dict(getattr(module, "config", {}))} | further


def _sizes(part: Part) -> list[tuple[int, int, bool]]:
    """(number, bytes of each, floating) of every tensor of the part, read from headers and held against file sizes."""
    files = sorted(part.path.glob("*.safetensors"))
    if not files:
        raise ValueError(f"no .safetensors file in {part.path}")
    sizes = []
    for file in files:
        for tensor in _header(file).values():
            kind = tensor["dtype"]
            sizes.append((math.prod(tensor["shape"]), WIDTHS.get(kind, 1), kind.startswith(("F", "BF"))))
    return sizes


def _header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file: its length (8 bytes), then JSON; ValueError when the file is cut short."""
    with file.open("rb") as data:
        (length,) = struct.unpack("<Q", data.read(8))
        if length > HEADER:
            raise ValueError(f"{file} is no safetensors file: its header claims {length} bytes")
        header = json.loads(data.read(length))
    header.pop("__metadata__", None)
    ends = 8 + length + max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    if file.stat().st_size != ends:
        raise ValueError(f"{file} has {file.stat().st_size} bytes; its header says {ends}")
    return header


def _clip(part: Part) -> nn.Module:
    from models.parts.clip import Clip  # heavy libraries are imported by whoever needs them

    return Clip.from_folder(part.path)


def _picture_tower(part: Part) -> nn.Module:
    from models.parts.clip import Clip

    return Clip.from_folder(part.path, text=False)


def _vqgan(part: Part) -> nn.Module:
    from models.parts.vqgan import Vqgan

    return Vqgan.from_folder(part.path)


def _judge(part: Part) -> nn.Module:
    from models.parts.judge import Judge

    return Judge.from_folder(part.path)


def _text_proj(part: Part) -> nn.Module:
    from models.parts.unclip_text import UnclipText

    return UnclipText.from_folder(part.path)


def _diffusers(part: Part) -> nn.Module:
    """A diffusers network; missing or unexpected weights are an error, which diffusers only logs.

    No torch_dtype is passed: diffusers would set torch's default dtype for every thread while it reads.
    """
    if not hasattr(diffusers, part.kind):
        raise ValueError(f"kind is {part.kind!r}; give one of {sorted(READERS)} or the name of a diffusers class")
    module, info = getattr(diffusers, part.kind).from_pretrained(
        part.path, use_safetensors=True, local_files_only=True, output_loading_info=True
    )
    wrong = {name: found for name, found in info.items() if found}
    if wrong:
        raise ValueError(f"weights and configuration in {part.path} disagree: {wrong}")
    return module


READERS: dict[str, Callable[[Part], nn.Module]] = {
    "clip": _clip,
    "picture_tower": _picture_tower,
    "vqgan": _vqgan,
    "judge": _judge,
    "text_proj": _text_proj,
}
