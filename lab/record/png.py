"""PNG files that carry text: written whole or not at all, read within bounds."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from lab.record.plain import PIXELS, NotAReceipt

KEY = "quartet"
BYTES = 64_000_000  # of a file that is read
SHEET = 256  # pictures with a receipt of their own
MOST = PngImagePlugin.MAX_TEXT_CHUNK  # bytes that a text may have, or no Pillow would read it again


def encode_png(image: np.ndarray, notes: Sequence[Any], parameters: str) -> bytes:
    """`image` (H, W, 3) uint8 with `notes` as JSON and the A1111 text."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image is {image.dtype} {image.shape}; give uint8 (H, W, 3)")
    if image.shape[0] * image.shape[1] > PIXELS:
        raise ValueError(f"image is {image.shape[1]} x {image.shape[0]}; up to {PIXELS} pixels can be read back")
    text = written(notes)
    if len(text.encode()) > MOST:
        raise ValueError(f"the receipt has {len(text.encode())} bytes, at most {MOST} can be read back; start smaller")
    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", parameters)
    about.add_itxt(KEY, text, zip=True)
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG", pnginfo=about)
    return data.getvalue()


def written(notes: Sequence[Any]) -> str:
    """The text that holds `notes`: one by itself, several in a list."""
    return json.dumps(notes[0] if len(notes) == 1 else {"pictures": list(notes)}, ensure_ascii=False, allow_nan=False)


def write_whole(file: Path, data: bytes) -> Path:
    """`data` as a file, put in place by one rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o644)  # as other files; a temporary one is its owner's alone
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return file


def read_png(file: Path) -> tuple[np.ndarray, list[Any], str]:
    """(H, W, 3) uint8, the notes in it, and its A1111 text; NotAReceipt where it is no such picture."""
    try:
        size = file.stat().st_size
    except OSError as error:
        raise NotAReceipt(f"{file.name} cannot be read: {error.strerror}") from error
    if size > BYTES:
        raise NotAReceipt(f"{file.name} has {size} bytes; pictures of up to {BYTES} are read")
    try:
        with Image.open(file, formats=("PNG",)) as found:
            if found.width * found.height > PIXELS:
                raise NotAReceipt(f"{file.name} is {found.width} x {found.height}; up to {PIXELS} pixels are read")
            found.load()
            texts, image = dict(found.text), np.asarray(found.convert("RGB"))
    except NotAReceipt:
        raise
    except Exception as error:  # Pillow raises whatever a broken file leads it to
        raise NotAReceipt(f"{file.name} is no PNG that can be read: {error}") from error
    return image, _notes(texts.get(KEY)), str(texts.get("parameters", ""))


def _notes(text: str | None) -> list[Any]:
    if text is None:
        return []
    if (size := len(text.encode())) > MOST:  # Pillow bounds compressed texts alone
        raise NotAReceipt(f"the receipt has {size} bytes; up to {MOST} are read")
    try:
        note = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotAReceipt(f"the receipt is no JSON: {error}") from error
    if isinstance(note, dict) and "pictures" in note:
        if not isinstance(note["pictures"], list) or not 0 < len(note["pictures"]) <= SHEET:
            raise NotAReceipt(f"the receipt's pictures are not a list of 1 to {SHEET}")
        return note["pictures"]
    return [note]


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")
