"""What was fetched into a folder: a small file beside it that says of each file what it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def here(folder: Path, file: str, pin: Pin | None = None) -> bool:
    """Whether `file` was fetched whole, and is the pinned one.  Looks at no byte of it: its name was earned."""
    note, path = receipt(folder).get(file), folder / file
    whole = note is not None and path.is_file() and path.stat().st_size == note["bytes"]
    return whole and (pin is None or note["sha256"] == pin.sha256)


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
    """Write down that `file` is here, whole."""
    notes = receipt(folder) | {file: found}
    new = folder / f"{RECEIPT}.part"
    new.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(new, folder / RECEIPT)
