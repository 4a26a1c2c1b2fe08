"""What a measurement has found so far, one JSON line a picture, so that nothing is painted twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Notes:
    """`notes[family, k]` is what is known of picture k.  With a file, every `add` is on disk before it returns.

    The first line says what is measured; a file of another measurement is refused with a ValueError.  A last line
    that was cut off by a kill is forgotten.
    """

    def __init__(self, file: Path | None, about: Mapping[str, Any]) -> None:
        self.file, self.rows = file, {}
        if file is None:
            return
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        if whole and whole[0] != about:
            raise ValueError(f"resume_file {file} belongs to other weights, seeds or counts; delete it or name another")
        self.rows = {(row["family"], row["k"]): row for row in whole[1:]}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in (whole or [about])), encoding="utf-8")

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
