"""A receipt as plain data: what may stand in it, and how pictures to start from are packed into it.

What comes out of a file was written by anyone: names are looked up and never opened or run, sizes are bounded.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

VERSION = 1
PIXELS = 4096 * 4096  # of any picture that is read
PICTURES = 64  # seeds of a run
TEXT = 20_000  # characters of a prompt, all its texts together
MORE = 16  # further texts of a prompt


class NotAReceipt(ValueError):
    """A file that is no picture, or says of itself what cannot be; the message says what."""


FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "quartet": int, "made": str, "sampler": str, "suite": str, "prompt": dict, "seeds": list, "index": int,
    "knobs": dict, "exact": bool, "budget": (int, float, type(None)), "stop": (int, type(None)), "cut": bool,
    "step": list, "facts": dict, "timings": dict, "parts": dict, "versions": dict, "device": str, "threads": int,
    "platform": str, "box": list,
}  # fmt: skip
ASKED: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "negative": str, "more": list, "image": (dict, type(None)), "mask": (dict, type(None)),
}  # fmt: skip


def check(note: Any) -> dict[str, Any]:
    """`note` itself if it can be a receipt; NotAReceipt names the field that is wrong."""
    if not isinstance(note, dict):
        raise NotAReceipt(f"the receipt is {type(note).__name__}; it must be an object")
    if note.get("quartet") != VERSION:
        raise NotAReceipt(f"the receipt's version is {note.get('quartet')!r}; this program reads version {VERSION}")
    _typed(note, FIELDS, "")
    _typed(note["prompt"], ASKED, "prompt.")
    bounded(note)
    _demand(0 <= note["index"] < len(note["seeds"]), "index", "one of the seeds' places")
    _demand(len(note["step"]) == 2 and all(map(whole, note["step"])), "step", "[i, n]")
    _demand(len(note["box"]) == 4 and all(whole(side) and 0 <= side < 2**16 for side in note["box"]), "box", "4 sides")
    _demand(all(isinstance(files, dict) for files in note["parts"].values()), "parts", "files by part")
    return note


def bounded(note: Mapping[str, Any]) -> None:
    """NotAReceipt where what a receipt asks for is more than one may hold: seeds, texts."""
    seeds, asked = note["seeds"], note["prompt"]
    _demand(0 < len(seeds) <= PICTURES, "seeds", f"1 to {PICTURES} seeds", len(seeds))
    _demand(all(whole(s) and 0 <= s < 2**63 for s in seeds), "seeds", "numbers from 0 to 2**63 - 1", seeds)
    pairs = [isinstance(pair, list) and [type(item) for item in pair] for pair in asked["more"]]
    _demand(all(pair in ([str, float], [str, int]) for pair in pairs), "prompt.more", "[text, weight] pairs")
    _demand(len(pairs) <= MORE, "prompt.more", f"up to {MORE} pairs", len(pairs))
    size = sum(map(len, [asked["text"], asked["negative"], *(text for text, _ in asked["more"])]))
    _demand(size <= TEXT, "prompt", f"up to {TEXT} characters", size)


def whole(value: Any) -> bool:
    return type(value) is int


def _typed(values: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> None:
    for name, kind in fields.items():
        if name not in values:
            raise NotAReceipt(f"the receipt lacks {where}{name}")
        value = values[name]
        allowed = kind if isinstance(kind, tuple) else (kind,)
        _demand(type(value) in allowed, where + name, " or ".join(one.__name__ for one in allowed))


def _demand(holds: bool, name: str, what: str, given: Any = None) -> None:
    if not holds:
        raise NotAReceipt(f"the receipt's {name} is not {what}" + ("" if given is None else f": it has {given}"))


def plain(value: Any) -> Any:
    """`value` as JSON takes it: NumPy numbers unwrapped, tuples as lists, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pack(picture: Tensor | None) -> dict[str, Any] | None:
    """A picture (C, H, W) in [0, 1], lossless: as bytes where 255 levels hold it, else as float32."""
    if picture is None:
        return None
    values = picture.detach().cpu().float()
    levels = (values * 255).round()
    fits = bool((levels / 255 == values).all()) and levels.min() >= 0 and levels.max() <= 255
    kind, data = ("uint8", levels.byte()) if fits else ("float32", values)
    packed = base64.b64encode(zlib.compress(data.contiguous().numpy().tobytes(), 9)).decode()
    return {"shape": list(values.shape), "dtype": kind, "zlib": packed}


def unpack(packed: Any) -> Tensor | None:
    """What `pack` packed; NotAReceipt for anything that it did not."""
    if packed is None:
        return None
    shape, kind = packed.get("shape"), packed.get("dtype")
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(side) is int and side > 0 for side in shape)):
        raise NotAReceipt(f"a packed picture has shape {shape!r}; it must be [channels, height, width]")
    if shape[0] > 4 or shape[1] * shape[2] > PIXELS or kind not in ("uint8", "float32"):
        raise NotAReceipt(f"a packed picture is {shape} of {kind!r}; give up to {PIXELS} pixels, uint8 or float32")
    size = math.prod(shape) * (1 if kind == "uint8" else 4)
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(packed.get("zlib", ""), validate=True), size + 1)
    except (zlib.error, binascii.Error, TypeError, ValueError) as error:
        raise NotAReceipt(f"a packed picture cannot be unpacked: {error}") from error
    if len(data) != size:
        raise NotAReceipt(f"a packed picture has {len(data)} bytes or more; its shape says {size}")
    values = torch.from_numpy(np.frombuffer(data, kind).reshape(shape).copy())
    return values / 255 if kind == "uint8" else values
