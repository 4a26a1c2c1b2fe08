"""Which files a part is read from, and what their headers say: nothing here reads a weight."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.catalog import Part
from models.catalog.full import ENCODERS, PAIR
from models.hub.local import READ
from models.hub.receipt import RECEIPT
from models.hub.refuse import inspect

HEADER = 100_000_000  # bytes a safetensors header may have, by its specification
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
OURS = ("vqgan", "judge", "safety_checker")  # kinds whose weights are called as transformers calls them
TOWERS = ("clip", "picture_tower")
CONFIGS = ("config.json", "open_clip_config.json")
WORDS = ("vocab.json", "merges.txt")  # of a CLIP's tokenizer
BESIDE = ("tokenizer", "image_processor")  # folders that a CLIP may have beside its towers, and is read from too


def weights(part: Part) -> list[Path]:
    """The safetensors files of a part: one a network, or its shards.  ValueError says what is there instead."""
    for folder in _folders(part):
        inspect(folder)
    return [file for stem in stems(part) for file in _copy(stem, variant(part))]


def lying(part: Part) -> list[Path]:
    """Every file in the folders of a part that some library might read, whatever it is that they do read."""
    found = (file for folder in _folders(part) for file in sorted(folder.iterdir()))
    return [file for file in found if file.suffix in READ and file != part.root / RECEIPT]


def lacking(part: Part) -> list[Path]:
    """What a part cannot be read without, beside its weights, and what is not there."""
    folders = dict.fromkeys(stem.parent for stem in stems(part))
    found = [folder / CONFIGS[0] for folder in folders if not any((folder / name).is_file() for name in CONFIGS)]
    if part.kind == "clip":
        words = part.path / BESIDE[0]
        words = words if words.is_dir() else part.path
        found += [words / name for name in WORDS if not (words / name).is_file()]
    return found


def variant(part: Part) -> str | None:
    """ "fp16" where a part in that precision has such a copy of every network; else None."""
    halves = [stem.with_name(f"{stem.name}.fp16.safetensors").is_file() for stem in stems(part)]
    return "fp16" if part.dtype == "float16" and all(halves) else None


def stems(part: Part) -> list[Path]:
    """Where the weights of each network lie, without their endings."""
    if part.kind in TOWERS:
        if (part.path / "open_clip_config.json").is_file():
            return [part.path / "open_clip_model"]
        named = {name.partition("/")[0] for name in part.source.files}
        towers = [part.path / folder for folder in ENCODERS if folder in named or (part.path / folder).is_dir()]
        return [tower / "model" for tower in towers or [part.path]]
    if part.kind == "upsamplers":
        return [part.path / folder / "diffusion_pytorch_model" for folder in PAIR]
    return [part.path / ("model" if part.kind in OURS else "diffusion_pytorch_model")]


def sizes(part: Part) -> Iterator[tuple[int, int, bool]]:
    """(number, bytes of each, floating) of every tensor of a part, headers held against file sizes."""
    for file in weights(part):
        for tensor in header(file).values():
            kind = tensor["dtype"]
            yield math.prod(tensor["shape"]), WIDTHS.get(kind, 1), kind.startswith(("F", "BF"))


def header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file: its length (8 bytes), then JSON; ValueError when the file is cut short."""
    with file.open("rb") as data:
        (length,) = struct.unpack("<Q", data.read(8))
        if length > HEADER:
            raise ValueError(f"{file} is no safetensors file: its header claims {length} bytes")
        found = json.loads(data.read(length))
    found.pop("__metadata__", None)
    ends = 8 + length + max((tensor["data_offsets"][1] for tensor in found.values()), default=0)
    if file.stat().st_size != ends:
        raise ValueError(f"{file} has {file.stat().st_size} bytes; its header says {ends}")
    return found


def _folders(part: Part) -> list[Path]:
    """Where the files of a part lie, as far as they are here."""
    beside = [part.path / name for name in BESIDE if part.kind in TOWERS]
    found = dict.fromkeys((part.path, *(stem.parent for stem in stems(part)), *beside))
    return [folder for folder in found if folder.is_dir()]


def _copy(stem: Path, kind: str | None) -> list[Path]:
    file = stem.with_name(f"{stem.name}.{kind}.safetensors" if kind else f"{stem.name}.safetensors")
    if file.is_file():
        return [file]
    index = stem.with_name(f"{stem.name}.safetensors.index.json")
    if index.is_file():
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return [stem.parent / name for name in sorted(set(shards))]
    there = sorted(stem.parent.iterdir()) if stem.parent.is_dir() else []
    old = [path.name for path in there if path.suffix in (".bin", ".ckpt", ".pt", ".pth")]
    hint = f"; it has {', '.join(old)}: `quartet convert` makes safetensors of that" if old else ""
    raise ValueError(f"no .safetensors file in {stem.parent} (looked for {file.name}){hint}")
