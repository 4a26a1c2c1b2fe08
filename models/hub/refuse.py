"""What no loader is shown: a folder is looked at before anything in it is opened, and refused by file and reason.

Weights are safetensors, which is numbers alone; their headers are read by the format's own library, which refuses
headers that are cut short, too long, or disagree with the file.  Nothing here unpickles, imports or follows anything;
pickles are no loader's business at all, see `convert`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError, safe_open

TEXT = 32 * 2**20  # bytes that a file of text may have; a tokenizer's has two million
OWN_CODE = ("auto_map", "custom_pipelines", "trust_remote_code")
ELSEWHERE = ("hf_model_name", "timm_model_name")  # towers that open_clip would fetch from other libraries
NAMES_A_FILE = ("vocab_file", "merges_file", "tokenizer_file")


class Refused(ValueError):
    """A file that is not opened, and why."""

    def __init__(self, file: Path, reason: str):
        super().__init__(f"{file} is refused: {reason}")
        self.file, self.reason = file, reason


def inspect(folder: Path) -> None:
    """Raise Refused where `folder`, one part's own, holds something that must not be loaded."""
    for file in sorted(path for path in folder.iterdir() if not path.is_dir()):
        if file.suffix == ".json":
            inspect_json(file)
        elif file.suffix == ".safetensors":
            inspect_safetensors(file)
        elif file.suffix == ".txt":
            _readable(file)


def inspect_safetensors(file: Path) -> None:
    """Raise Refused unless `file` is a whole safetensors file, its tensors side by side as its header says."""
    _stays(file)
    try:
        with safe_open(file, framework="pt") as found:  # maps the file and reads its header, no tensor
            for name in found.keys():  # noqa: SIM118 - no mapping
                shape = found.get_slice(name).get_shape()
                if not name or not name.isprintable() or math.prod(shape) < 0:
                    raise Refused(file, f"{name!r} is no name of a tensor")
    except (SafetensorError, OSError, ValueError) as error:
        raise (
            error
            if isinstance(error, Refused)
            else Refused(file, f"it is no safetensors file, or not all of one: {error}")
        ) from error


def inspect_json(file: Path) -> None:
    """Raise Refused unless `file` is plain JSON that names neither code of its own nor files elsewhere."""
    _readable(file)
    try:
        found = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(file, f"no plain JSON: {error}") from error
    if not isinstance(found, dict):
        raise Refused(file, "JSON, but no object with names and values")
    if own := [key for key in OWN_CODE if found.get(key)]:
        raise Refused(file, f"{own[0]} asks for code of its own; none is ever run")
    if named := _elsewhere(found.get("model_cfg")):
        raise Refused(file, f"{named} names a network that is not beside it; none is fetched")
    for key in NAMES_A_FILE:
        if found.get(key) is not None:
            _plain_name(file, key, found[key])
    if file.name.endswith(".index.json"):
        _index(file, found.get("weight_map"))


def _elsewhere(model: Any) -> str:
    """The field of an open_clip configuration that names another library's network; empty when none does."""
    towers = [value for value in model.values() if isinstance(value, dict)] if isinstance(model, dict) else []
    return next((key for tower in towers for key in ELSEWHERE if tower.get(key)), "")


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _index(file: Path, shards: Any) -> None:
    """A table of which file holds which tensor may name safetensors beside itself, and nothing else."""
    if not isinstance(shards, dict) or not shards:
        raise Refused(file, "an index without weight_map")
    for shard in set(map(str, shards.values())):
        _plain_name(file, "weight_map", shard)
        if not shard.endswith(".safetensors"):
            raise Refused(file, f"weight_map names {shard!r}; only safetensors are read")
        if not (file.parent / shard).is_file():
            raise Refused(file, f"weight_map names {shard!r}, which is missing")


def _plain_name(file: Path, key: str, value: Any) -> None:
    if not isinstance(value, str) or "\\" in value or ":" in value or PurePosixPath(value).name != value:
        raise Refused(file, f"{key} names {value!r}; a file in the same folder is all it may name")


def _readable(file: Path) -> None:
    """Text is read as a whole, so it must be a file of its own and no longer than any that is meant."""
    _stays(file)
    if file.stat().st_size > TEXT:
        raise Refused(file, f"{file.stat().st_size:,} bytes of {file.suffix[1:].upper()}; {TEXT:,} are the most")


def _stays(file: Path) -> None:
    """A link may lead within the folder, or into the blobs of the hub's own cache; nothing but files is read."""
    real, home = file.resolve(), file.parent.resolve()
    caches = [above.parent / "blobs" for above in home.parents if above.name == "snapshots"]
    if not any(real.is_relative_to(place) for place in (home, *caches)):
        raise Refused(file, f"it is a link that leads out of its folder, to {real}")
    if not real.is_file():
        raise Refused(file, "it is a link to nothing, or no file at all")
