"""Old checkpoints into safetensors: what is written holds numbers and names, and its hash says which numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from models.hub.pickles import read
from models.hub.receipt import digest
from models.hub.refuse import Refused

LOSS = ("loss.",)  # taming keeps its discriminator and LPIPS in the same file


@dataclass(frozen=True, slots=True)
class Converted:
    """What was made of which file."""

    source: Path
    target: Path
    source_sha256: str
    sha256: str
    bytes: int
    tensors: int
    dropped: tuple[str, ...]  # names that were left out


def convert(source: Path, target: Path, drop: Sequence[str] = LOSS) -> Converted:
    """Write the weights of `source` (a .bin, .ckpt, .pt or .pth of torch.save) to `target`, a safetensors file.

    Names that begin with one of `drop` are left out; a trainer's `state_dict` is unwrapped.  Raises Refused, or OSError
    where the disk is full or shut, and then nothing was written.
    """
    if target.suffix != ".safetensors":
        raise ValueError(f"target is {target}; give a name that ends in .safetensors")
    weights, dropped = _weights(source, read(source), tuple(drop))
    before = digest(source)["sha256"]
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        save_file(weights, part, metadata={"format": "pt"})  # more entries come in any order, and the hash would too
        os.replace(part, target)
    except SafetensorError as error:  # not an OSError, though a full disk is one
        raise OSError(f"{target} cannot be written ({error}): make room there, or name another place") from error
    finally:
        part.unlink(missing_ok=True)
    after = digest(target)
    return Converted(source, target, before, after["sha256"], after["bytes"], len(weights), dropped)


def vqgan_config(file: Path) -> dict[str, Any]:
    """taming's model.yaml as the config.json of a VQGAN folder; a ValueError says what is missing."""
    try:
        params = yaml.safe_load(file.read_text(encoding="utf-8"))["model"]["params"]
        wanted = {name: params[name] for name in ("ddconfig", "n_embed", "embed_dim")}
        found = json.loads(json.dumps(wanted, allow_nan=False))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no model.yaml of taming: model.params lacks or garbles {error}") from error
    return found | {"beta": 0.25, "legacy": True}


def _weights(file: Path, found: Mapping[str, Any], drop: tuple[str, ...]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Plain tensors by name, each with bytes of its own, and the names left out."""
    inner = found.get("state_dict", found)
    if not isinstance(inner, Mapping):
        raise Refused(file, f"its state_dict is a {type(inner).__name__}")
    kept, dropped, seen = {}, [], set()
    for name, value in inner.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise Refused(file, f"{name!r} is a {type(value).__name__}, where a named tensor is expected")
        if name.startswith(drop):
            dropped.append(name)
            continue
        storage = value.untyped_storage().data_ptr()
        kept[name] = value.detach().clone() if storage in seen else value.detach().contiguous()
        seen.add(storage)
    if not kept:
        raise Refused(file, "it holds no weights")
    return kept, tuple(dropped)
