"""The results as a Markdown table: what README shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.storybook.scene import CATEGORIES

ROWS = {
    "background_and_colour": "background and colours alone",
    "comparable": "seen pairs, colours and binding",
    "held_out": "held-out pairs",
}


def table(results: Mapping[str, Any]) -> str:
    """One column a family; shares with their 95% interval, distances with their floor."""
    families = results["families"]
    lines = [["", *families]]
    lines += [[name, *(_share(f["categories"][name]) for f in families.values())] for name in CATEGORIES]
    lines.append(["**overall**", *(f"**{_share(f['overall'])}**" for f in families.values())])
    lines += [[name, *(_share(f[key]) for f in families.values())] for key, name in ROWS.items()]
    floor = _number(results["floor"], 2)
    lines.append([f"Fréchet distance (floor {floor})", *(_number(f["frechet"], 2) for f in families.values())])
    lines.append(["CLIP score", *(_number(f["clip_score"], 3) for f in families.values())])
    lines.append(["seconds a picture", *(_number(f["seconds"], 2) for f in families.values())])
    lines.insert(1, ["---", *["---:"] * len(families)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _share(score: Mapping[str, Any]) -> str:
    if score["share"] is None:
        return "–"
    return f"{score['share']:.2f} ({score['low']:.2f}–{score['high']:.2f})"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
