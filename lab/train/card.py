"""The model card: what each part is and how it was trained, written from the suite's own files and training record."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

RECORD = "training.json"  # a list of trainings for each part, in order
FOLDERS = {
    "clip": "clip",
    "vae": "stable-diffusion/vae",
    "latent": "stable-diffusion/unet",
    "vqgan": "vqgan",
    "judge": "judge",
    "robust": "clip-robust",
    "pixel": "pixel/unet",
    "prior": "unclip/prior",
    "decoder": "unclip/decoder",
    "upsampler": "unclip/super_res",
}
DATA = {"judge": "painted scenes of every kind-colour pair, degraded"}
SCENES = "painted scenes without the held-out kind-colour pairs"


def note(
    out: Path, part: str, steps: int, minutes: float, batch: int, facts: Mapping[str, float], device: str, resumed: bool
) -> None:
    """Add one training of `part` to the suite's record: its steps and minutes, the mean facts at its end.

    One that was not `resumed` began anew, and the former ones are no part of its weights.
    """
    name, record = out / RECORD, recorded(out)
    entry = {
        "date": datetime.now(UTC).date().isoformat(),
        "steps": steps,
        "minutes": round(minutes, 2),
        "batch": batch,
        "device": f"{device}, {torch.get_num_threads()} threads" if device == "cpu" else device,
        "machine": platform.machine(),
        "facts": {key: round(float(value), 4) for key, value in facts.items()},
    }
    record[part] = [*(record.get(part, []) if resumed else []), entry]
    name.parent.mkdir(parents=True, exist_ok=True)
    part = name.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n")
    part.replace(name)


def recorded(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The suite's record: the trainings of each part, in order; empty where nothing was trained."""
    name = out / RECORD
    return json.loads(name.read_text()) if name.exists() else {}


def trained(out: Path, part: str) -> int:
    """Steps that the weights of `part` have behind them, by the suite's record; 0 where it has none."""
    return sum(entry["steps"] for entry in recorded(out).get(part, []))


def weigh(folder: Path) -> tuple[int, int, str]:
    """Parameters, bytes and the first 12 hex digits of the sha256 of a part's weights."""
    count, size, digest = 0, 0, hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            count += sum(weights.get_tensor(key).numel() for key in weights.keys())  # noqa: SIM118
        size += file.stat().st_size
        digest.update(file.read_bytes())
    return count, size, digest.hexdigest()[:12]


def table(out: Path) -> str:
    """The card's table, in Markdown: a row for each part that is there."""
    record = recorded(out)
    rows = [
        "| part | parameters | MB | sha256 | steps | pictures seen | minutes | device | at the end |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for part, folder in FOLDERS.items():
        if not any((out / folder).glob("*.safetensors")):
            continue
        count, size, digest = weigh(out / folder)
        runs = record.get(part, [])
        steps, seen = sum(r["steps"] for r in runs), sum(r["steps"] * r["batch"] for r in runs)
        minutes, where = sum(r["minutes"] for r in runs), ", ".join(dict.fromkeys(r["device"] for r in runs))
        facts = ", ".join(f"{key} {value:g}" for key, value in (runs[-1]["facts"] if runs else {}).items())
        rows.append(
            f"| {part} | {count / 1e6:.2f} M | {size / 1e6:.1f} | {digest} | {steps:,} | {seen:,} | {minutes:.0f} "
            f"| {where} | {facts} |"
        )
    return "\n".join(rows)
