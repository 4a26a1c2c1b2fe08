"""Reading old checkpoints, which are pickles in a zip: looked through before, opened by torch's weights-only reader.

torch.load(weights_only=True) calls nothing but a list of its own; the list here is shorter still, and whatever else a
checkpoint names is named in the refusal.  What would fill the memory is refused as well: packed records, records that
claim the same bytes, tensors that claim more numbers than the file has.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from models.hub.refuse import Refused

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
ALLOWED = {
    "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
    "torch.nn.parameter.Parameter", "torch.Size", *(f"torch.{name}" for name in DTYPES),
    *(f"torch.{name}Storage" for name in STORAGES),
}  # fmt: skip
BYSTANDERS = ("pytorch_lightning.", "lightning.")  # a trainer's notes beside the weights: read as Nobody, and dropped
PROGRAM = 64 * 2**20  # bytes of the pickle itself, which holds names and shapes
OLD = 4  # pickles in a row begin a file of the old format: three about the machine, then the weights
TIMES = 4  # tensors may share their bytes, within reason


class Nobody:
    """Stands for whatever object of a bystander; takes everything, keeps nothing."""

    __slots__ = ()

    def __new__(cls, *_: Any, **__: Any) -> Nobody:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


def read(file: Path) -> Mapping[str, Any]:
    """What a checkpoint holds, tensors in host memory; Refused with every object it names that is not allowed."""
    named = _names(file, _program(file))
    foul = sorted(name for name in named - ALLOWED if not name.startswith(BYSTANDERS))
    if foul:
        raise Refused(file, f"it names {', '.join(foul)}; a checkpoint of weights has no use for that")
    nobodies = [(Nobody, name) for name in named - ALLOWED]
    try:
        with torch.serialization.safe_globals(nobodies):
            # first without the numbers, so that what a tensor claims costs nothing
            _within(file, torch.load(file, map_location="meta", weights_only=True, mmap=True))
            found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Refused:
        raise
    except Exception as error:  # a foul pickle breaks its reader in any way it likes
        raise Refused(file, f"it cannot be read: {type(error).__name__}: {str(error).splitlines()[0]}") from error
    if not isinstance(found, Mapping):
        raise Refused(file, f"it holds a {type(found).__name__}, no table of weights")
    return found


def _program(file: Path) -> bytes:
    """The pickle of a torch.save zip, after a look at the zip's own table."""
    if file.is_symlink() or not file.is_file():
        raise Refused(file, "it is a link, or no file at all")
    if not zipfile.is_zipfile(file):
        with file.open("rb") as data:
            begin = data.read(PROGRAM)
        if begin.startswith(b"PK"):
            raise Refused(file, "its zip is cut short")
        named = ", ".join(sorted(_names(file, begin))) or "nothing"
        raise Refused(file, f"it is no zip, as torch.save has written since 1.6; read as a pickle it names {named}")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _archive(file, entries)
            return archive.read(next(entry for entry in entries if entry.filename.endswith("/data.pkl")))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise Refused(file, f"its zip is broken: {error}") from error


def _archive(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        raise Refused(file, "it is TorchScript: a program, not weights")
    for entry in entries:
        inside = PurePosixPath(entry.filename)
        if inside.is_absolute() or ".." in inside.parts or "\\" in entry.filename or ":" in entry.filename:
            raise Refused(file, f"its zip has the entry {entry.filename!r}, which leads out of it")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Refused(file, f"its zip packs {entry.filename!r} into {entry.compress_size:,} of "
                          f"{entry.file_size:,} bytes; torch.save packs nothing")  # fmt: skip
    total, size = sum(entry.file_size for entry in entries), file.stat().st_size
    if total > size or len(set(names)) != len(names):
        raise Refused(file, f"its zip claims {total:,} bytes in {len(names)} entries; the file has {size:,}")
    programs = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(programs) != 1 or programs[0].file_size > PROGRAM:
        raise Refused(file, f"it has {len(programs)} entries data.pkl; one of at most {PROGRAM:,} bytes is expected")


def _names(file: Path, program: bytes) -> set[str]:
    """Every object that a pickle names, as module.name, without running a step of it."""
    found, texts, stream = set(), [], io.BytesIO(program)
    try:
        for code, value, _ in chain.from_iterable(pickletools.genops(stream) for _ in range(OLD)):
            if code.name in ("GLOBAL", "INST"):
                found.add(value.replace(" ", "."))
            elif code.name == "STACK_GLOBAL":
                found.add(".".join(texts[-2:]) if len(texts) > 1 else "an object of unknown name")
            elif code.name in ("EXT1", "EXT2", "EXT4"):
                found.add(f"extension {value}")
            elif isinstance(value, str):
                texts.append(value)
    except Exception:  # a foul pickle is broken in any way it likes, and the end of the file is one of them
        return found
    return found


def _within(file: Path, found: Any) -> None:
    """Refuse tensors that claim more numbers than the file can hold."""
    size, total = file.stat().st_size, 0
    for name, tensor in tensors(found):
        claim = tensor.numel() * tensor.element_size()
        total += claim
        if claim > size or total > TIMES * size:
            raise Refused(file, f"{name} claims {claim:,} bytes; the file has {size:,}")
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise Refused(file, f"{name} is no plain tensor but {tensor.layout}")


def tensors(found: Any, name: str = "", depth: int = 0) -> list[tuple[str, Tensor]]:
    """Every tensor within nested mappings, lists and tuples, by its path."""
    if isinstance(found, Tensor):
        return [(name, found)]
    if depth > 8 or not isinstance(found, Mapping | list | tuple):
        return []
    pairs = found.items() if isinstance(found, Mapping) else enumerate(found)
    return [pair for key, value in pairs for pair in tensors(value, f"{name}.{key}".lstrip("."), depth + 1)]
