"""What a measurement has found so far, one JSON line a picture, so that nothing is painted twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARK = b'{"weights": '  # as every file of notes begins


class Notes:
    """`notes[family, k]` is what is known of picture k.  With a file, every `add` is on disk before it returns.

    The first line says what is measured; any other file, and one of another measurement, is refused with a ValueError
    and left as it is.  A last line that was cut off by a kill is forgotten.
    """

    def __init__(self, file: Path | None, about: Mapping[str, Any]) -> None:
        self.file, self.rows = file, {}
        if file is None:
            return
        first = (json.dumps(about) + "\n").encode()
        text = file.read_bytes() if file.exists() else b""
        if not (first.startswith(text) or text.startswith(first)):
            what = "other weights, seeds, counts or another device" if text.startswith(MARK) else "something else"
            raise ValueError(f"resume_file {file} holds notes of {what}; name another file")
        file.parent.mkdir(parents=True, exist_ok=True)
        if len(text) < len(first):
            file.write_bytes(first)
            return
        kept = text[: text.rindex(b"\n") + 1]
        os.truncate(file, len(kept))
        rows = [json.loads(line) for line in kept.splitlines()[1:]]
        self.rows = {(row["family"], row["k"]): row for row in rows}

    def __contains__(self, key: tuple[str, int]) -> bool:
        return key in self.rows

    def __getitem__(self, key: tuple[str, int]) -> dict[str, Any]:
        return self.rows[key]

    def add(self, family: str, rows: Mapping[int, Mapping[str, Any]]) -> None:
        new = {(family, k): {"family": family, "k": k, **row} for k, row in rows.items()}
        self.rows |= new
        if self.file:
            with self.file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in new.values())
