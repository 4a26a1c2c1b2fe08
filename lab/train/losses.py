"""The loss table of a training."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path


class LossTable:
    """loss.csv: one row every 20 steps, means of the facts in between."""

    def __init__(self, name: Path, fresh: bool) -> None:
        self.file = name.open("w" if fresh else "a", newline="")
        self.fresh, self.sums, self.count, self.last = fresh, {}, 0, {}

    def __enter__(self) -> LossTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, i: int, minutes: float, facts: Mapping[str, float]) -> None:
        for key, value in facts.items():
            self.sums[key] = self.sums.get(key, 0.0) + float(value)
        self.count += 1
        if i % 20:
            return
        writer = csv.writer(self.file)
        if self.fresh:
            writer.writerow(["step", "minutes", *self.sums])
            self.fresh = False
        self.last = {key: value / self.count for key, value in self.sums.items()}
        writer.writerow([i, f"{minutes:.2f}", *(f"{value:.5g}" for value in self.last.values())])
        self.file.flush()
        self.sums, self.count = {}, 0
