"""The results as Markdown tables: what README shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MS = 1000.0
ABOUT = ("size", "weights", "device", "threads", "torch", "repeats")
TITLES = {
    "single": "One picture, against stock with the same weights and steps",
    "visitors": "Several visitors at once",
    "wait": "A newcomer's first step behind a long job, and the first preview alone",
    "previews": "What a preview costs",
    "engine": "What the engine adds to each evaluation",
}


def table(results: Mapping[str, Any]) -> str:
    """One table a question; times in milliseconds, ratios above 1 in our favour."""
    parts = [", ".join(f"{name} {results[name]}" for name in ABOUT)]
    for name, title in TITLES.items():
        rows = [_row(name, row) for row in results[name]]
        parts.append(f"**{title}**\n\n{_markdown(rows)}")
    return "\n\n".join(parts) + "\n"


def _row(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    """The cells of a row by their headings."""
    first = {"painter": row["family"]}
    match name:
        case "single":
            times = {"steps": str(row["steps"]), "ours, ms": _ms(row["ours"]), "stock, ms": _ms(row["stock"])}
            return first | {"against": row["against"], **times, "ratio": _ratio(row["ratio"])}
        case "visitors":
            times = {f"{side}, ms": _ms(row[side]) for side in ("together", "in turn", "stock")}
            gains = {"to stock": _ratio(row["to_stock"]), "to our own in turn": _ratio(row["to_own"])}
            return first | {"visitors": str(row["visitors"]), **times, **gains}
        case "wait":
            times = {"ours, ms": _ms(row["engine"]), "in a queue, ms": _ms(row["queue"])}
            return first | {**times, "ratio": _ratio(row["ratio"]), "first preview, ms": _ms(row["first_look"])}
        case "previews":
            return first | {"look, ms": _ms(row["look"]), "step, ms": _ms(row["step"]), "share": _share(row["share"])}
    return first | {"evals": str(row["evals"]), "each, ms": _ms(row["seconds"]), "of the run": _share(row["share"])}


def _markdown(rows: list[dict[str, str]]) -> str:
    head = list(rows[0]) if rows else ["nothing was timed"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *([row[name] for name in head] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ms(seconds: float) -> str:
    return f"{seconds * MS:.3g}" if abs(seconds) < 1 else f"{seconds * MS:.0f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}x"


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"
