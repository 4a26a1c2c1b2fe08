"""A part from its files: safetensors only, local only, and whole or not at all.

A file that is missing, cut short or foreign makes that one part `Unavailable`, with the reason; the others load.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from models.catalog import Part
from models.hub.refuse import inspect_json, inspect_safetensors
from models.loaders import files
from models.loaders.fits import check
from models.loaders.lora import add_loras
from models.loaders.readers import read

__all__ = ["Unavailable", "config", "expect", "fault", "load", "reading", "weigh"]

reading = threading.Lock()  # the libraries patch torch.nn while they build empty networks: one at a time


class Unavailable(RuntimeError):
    """A part cannot be had; says which and why."""

    def __init__(self, part: Part, reason: str):
        super().__init__(f"part {part.name!r} is unavailable: {reason}")
        self.part, self.reason = part, reason

    def __reduce__(self) -> tuple[type, tuple[Part, str]]:
        return Unavailable, (self.part, self.reason)  # so that it can be copied, and come out of a forked process


def load(part: Part) -> nn.Module:
    """Read `part` into host memory: evaluation mode, no gradients, in its dtype.  Raises Unavailable."""
    reason = fault(part)
    if reason is not None:
        raise Unavailable(part, reason)
    try:
        with reading:
            check(part)
            module = add_loras(part, read(part))
    except Exception as error:
        raise Unavailable(part, f"{type(error).__name__}: {error}") from error
    module = nn.Module.to(module, getattr(torch, part.dtype))  # diffusers' own `to` warns of nothing, at length
    if part.channels_last:
        module = nn.Module.to(module, memory_format=torch.channels_last)
    return module.eval().requires_grad_(False)


def fault(part: Part) -> str | None:
    """Why `part` cannot be loaded, as far as a look at its files tells; None when they are all there, and whole."""
    try:
        list(files.sizes(part))
        if missing := files.lacking(part):
            return f"{missing[0].name} is missing in {missing[0].parent}"
        for lora in part.loras:
            inspect_safetensors(lora.file)
        for _, path in part.configs:
            inspect_json(path)
    except (OSError, ValueError, KeyError, struct.error) as error:
        return str(error) or type(error).__name__
    return None


def weigh(part: Part) -> int:
    """Bytes of weights once loaded, in the part's dtype, from the headers of its files.  Raises Unavailable."""
    width = getattr(torch, part.dtype).itemsize
    try:
        return sum(count * (width if floating else size) for count, size, floating in files.sizes(part))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise Unavailable(part, str(error) or type(error).__name__) from error


def expect(part: Part) -> int | None:
    """Bytes of weights once loaded: what `weigh` says, else by the published architecture, else None."""
    try:
        return weigh(part)
    except Unavailable:
        known = part.source.parameters
        return None if known is None else known * getattr(torch, part.dtype).itemsize


def config(part: Part, module: nn.Module) -> dict[str, Mapping[str, Any]]:
    """What a sampler may know of a part: its own configuration under its name, and each of `part.configs`."""
    further = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in part.configs}
    return {part.name: dict(getattr(module, "config", {}))} | further
