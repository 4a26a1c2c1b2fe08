"""MODEL_CARD.md of a suite: how each part was trained, what it can do, how well the painters follow prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lab.measure.suite import table as painters
from lab.storybook.scene import HELD_OUT
from lab.train.card import table as trainings

CARD, PAINTERS = "MODEL_CARD.md", "measured.json"

INTRODUCTION = """# Quartet's classroom suite

Small models of four families, trained from nothing on Storybook, a world that this project paints itself. MIT
licence. They paint 64 px pictures of eighteen kinds of thing, in ten colours, two sizes and before six backgrounds,
from captions in English and Chinese. They know nothing else: no people, no places, no style. Weights are
half-precision safetensors in the formats of diffusers, open_clip and taming-transformers.

**Data.** Painted scenes, seeds 0 to 95,999 (`lab/storybook/dataset.py` splits the seeds). One colour of every kind, a
tenth of all pairs, was shown to no CLIP, autoencoder or generator, only to the judge: {held_out}.

**Training.** `quartet train PART --minutes N --out DIR`, in the order of the table; the judge was never a loss, a
perceptual feature, a filter or a reranker of what it scores."""


def write_card(root: Path, figures: Mapping[str, Mapping[str, float]]) -> Path:
    """Write the card of the suite in `root` from its training record, `figures` of its parts, and its last measure."""
    pairs = ", ".join(f"{colour} {kind}" for kind, colour in sorted(HELD_OUT))
    text = [INTRODUCTION.format(held_out=pairs), "## Parts\n\n" + trainings(root)]
    rows = ["| part | on scenes that nothing was trained on |", "|---|---|"]
    for part, found in figures.items():
        rows.append(f"| {part} | {', '.join(f'{name} {value:.3f}' for name, value in found.items())} |")
    text.append("## Figures\n\n" + "\n".join(rows))
    if (root / PAINTERS).exists():
        text.append("## Painters\n\n" + painters(json.loads((root / PAINTERS).read_text())))
    (root / CARD).write_text("\n\n".join(text) + "\n", encoding="utf-8")
    return root / CARD
