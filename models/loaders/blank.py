"""Networks without weights, on torch's meta device: what a part will weigh and need, before there is a file of it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from models.catalog import Part
from models.catalog.shapes import PAGES, SHAPES
from models.loaders import fault, load, reading
from models.loaders.build import build
from models.loaders.fits import check

FROM_CONFIG = (
    "AutoencoderKL", "PriorTransformer", "UNet2DConditionModel", "UNet2DModel", "VQModel", "text_proj", "vqgan",
)  # fmt: skip


def blank(kind: str, config: Mapping[str, Any], device: str = "meta") -> nn.Module:
    """The network of a `Part.kind` and its configuration; of a CLIP, {"text": ..., "vision": ...} as transformers'.

    On another device than meta its weights are random, as its class begins.
    """
    with reading, torch.device(device):
        return build(kind, config).eval().requires_grad_(False)


def of_part(part: Part) -> nn.Module:
    """The network of a part, in its dtype: as the configuration beside its files says, or else as published.

    To be looked at alone: whoever asks again gets the same one, as long as the files stay as they are.
    """
    there = part.path.rglob("*.*") if part.path.is_dir() else ()
    about = sorted((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in there if file.is_file())
    return _of_part(part, tuple(about))


@lru_cache(64)
def _of_part(part: Part, _: tuple[Hashable, ...]) -> nn.Module:
    file, key = part.path / "config.json", _key(part)
    if part.kind in FROM_CONFIG and file.is_file():
        if fault(part) is None:
            check(part)
        return _in(part.dtype, blank(part.kind, json.loads(file.read_text(encoding="utf-8"))))
    return _published(key, part.dtype) if key in SHAPES else _in(part.dtype, load(part).to("meta"))


def made_up(part: Part, device: str = "cpu") -> nn.Module:
    """The network of a part as published, in its dtype, with random weights; a CLIP has no tokenizer.

    ValueError where its architecture is not known.
    """
    if _key(part) not in SHAPES:
        raise ValueError(f"part is {part.name!r}, of {_key(part)}; architectures are known of {sorted(SHAPES)}")
    shape = SHAPES[_key(part)]
    return _in(part.dtype, blank(shape.kind, shape.config, device))


def _key(part: Part) -> tuple[str, str]:
    """Where its architecture stands in SHAPES."""
    repo = part.source.repo or next((name for name, page in PAGES.items() if page == part.source.url), "")
    return repo, part.source.subfolder


@lru_cache
def _published(key: tuple[str, str], dtype: str) -> nn.Module:
    return _in(dtype, blank(SHAPES[key].kind, SHAPES[key].config))


def _in(dtype: str, net: nn.Module) -> nn.Module:
    return nn.Module.to(net, getattr(torch, dtype))
