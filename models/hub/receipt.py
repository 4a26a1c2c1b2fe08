"""What was fetched into a folder: a small file beside it that says of each file what it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from huggingface_hub.utils import WeakFileLock

RECEIPT = "fetched.json"


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file must be: its length, and the SHA-256 of its bytes in hexadecimal."""

    bytes: int
    sha256: str


def receipt(folder: Path) -> dict[str, dict[str, Any]]:
    """What was fetched into `folder`, by file: revision, bytes, sha256, git (its hash as a git blob)."""
    try:
        return json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def here(folder: Path, file: str) -> bool:
    """Whether `file` is in `folder` byte by byte as it was fetched or made."""
    note = receipt(folder).get(file)
    return note is not None and matches(folder / file, Pin(note["bytes"], note["sha256"]))


def matches(path: Path, pin: Pin) -> bool:
    """Whether there is a file at `path`, and it is the pinned one byte by byte."""
    return path.is_file() and path.stat().st_size == pin.bytes and pin_of(path) == pin


def pin_of(path: Path) -> Pin:
    """Length and SHA-256 of a file.  A large one is read once, as long as it stays as it is."""
    about = path.stat()
    return _pin_of(path.resolve(), about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@lru_cache(1024)
def _pin_of(path: Path, size: int, *changed: int) -> Pin:
    with path.open("rb") as data:
        return Pin(size, hashlib.file_digest(data, "sha256").hexdigest())


def digest(path: Path) -> dict[str, Any]:
    """Length of a file, its SHA-256, and its hash as a git blob, which the hub gives for small files."""
    size = path.stat().st_size
    plain, git = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as data:
        while chunk := data.read(2**20):
            plain.update(chunk)
            git.update(chunk)
    return {"bytes": size, "sha256": plain.hexdigest(), "git": git.hexdigest()}


def note(folder: Path, file: str, found: dict[str, Any]) -> None:
    """Write down that `file` is here, whole; others may do the same for theirs."""
    new = folder / f"{RECEIPT}.part"
    with WeakFileLock(folder / f"{RECEIPT}.lock"):
        notes = receipt(folder) | {file: found}
        new.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(new, folder / RECEIPT)
