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
FULL = {  # of the levers' bench, and of the full suite's, alone
    "prior": "The prior alone, from a text to an image embedding, against stock's",
    "fewer": "A picture in few steps, against stock's in all, by time alone",
    "arrivals": "Visitors who come one by one, two in the time of a picture",
    "capped": "Requests for any painter, while all of them together have a cap",
    "swap": "A part put away and asked for again, against stock's loading and a mere copy",
    "levers": "One step with each lever, against the same without it, and what pays",
    "compiled": "One picture, against stock on compiled networks, and the first of a fresh engine against their first",
    "beside": "A picture while another painter's long job runs, against the same alone",
    "alike": "How far a pixel is off in company, in batches of one size",
    "out": "What was left out, and why",
}


def table(results: Mapping[str, Any]) -> str:
    """One table a question; times in milliseconds, ratios above 1 in our favour."""
    parts = [", ".join(f"{name} {results[name]}" for name in ABOUT if name in results)]
    if not results.get("complete"):
        parts.append("Cut short: what was measured until then.")
    for name, title in (TITLES | FULL).items():
        rows = [_row(name, row) for row in results.get(name, ())]
        if rows or (name in TITLES and results.get("size") != "full" and "levers" not in results):
            parts.append(f"**{title}**\n\n{_markdown(rows)}")
    return "\n\n".join(parts) + "\n"


def line(name: str, row: Mapping[str, Any]) -> str:
    """One row as a line by itself, for whoever watches."""
    return f"{name}: " + ", ".join(f"{head} {cell}" for head, cell in _row(name, row).items())


def _row(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    """The cells of a row by their headings; the goal last, where one is set."""
    return _cells(name, row) | ({"goal": row["goal"]} if "goal" in row else {})


def _cells(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    first = {"painter": row["family"]}
    match name:
        case "single":
            times = {"ours, ms": _ms(row["ours"]), "stock, ms": _ms(row["stock"]), "ratio": _ratio(row["ratio"])}
            return first | {"against": row["against"], **_about(row), **times, **_worked(row)}
        case "visitors":
            times = {f"{side}, ms": _ms(row[side]) for side in ("together", "in turn", "stock")}
            gains = {"to stock": _ratio(row["to_stock"]), "to our own in turn": _ratio(row["to_own"])}
            gains |= {"to stock's batch": _ratio(row["to_batch"]) if "to_batch" in row else ""}
            return first | {"visitors": str(row["visitors"]), **times, **gains}
        case "wait":
            times = {"ours, ms": _ms(row["engine"]), "in a queue, ms": _ms(row["queue"])}
            return first | {**times, "ratio": _ratio(row["ratio"]), "first preview, ms": _ms(row["first_look"])}
        case "previews":
            return first | {"look, ms": _ms(row["look"]), "step, ms": _ms(row["step"]), "share": _share(row["share"])}
        case "compiled":
            times = {"ours, ms": _ms(row["ours"]), "stock compiled, ms": _ms(row["stock"])}
            cold = {"our first, ms": _ms(row["first"]), "its first, ms": _ms(row["cold"])}
            cold |= {"first to first": _ratio(row["sooner"])}
            return first | _about(row) | {**times, "ratio": _ratio(row["ratio"]), **_worked(row), **cold}
        case "beside":
            times = {"alone, ms": _ms(row["solo"]), "beside, ms": _ms(row["beside"])}
            return first | {"job": row["job"], **times, "ratio": _ratio(row["ratio"])}
        case "engine":
            counts = {"evals": str(row["evals"]), "each, ms": _ms(row["seconds"])}
            return first | counts | {"of the run": _share(row["share"])}
    return first | _more(name, row)


def _about(row: Mapping[str, Any]) -> dict[str, str]:
    return {"in": row["dtype"], "steps": str(row["steps"])}


def _worked(row: Mapping[str, Any]) -> dict[str, str]:
    """What else is known of a picture: steps and operations a second, and how far stock's is off."""
    cells = {name: f"{row[name]:.3g}" for name in ("ours, it/s", "stock, it/s") if name in row}
    if "flops" in row:
        cells["TFLOP/s"] = f"{row['flops'] / row['ours'] / 1e12:.3g}"
    if "peak" in row:
        cells["of the peak"] = _share(row["peak"])
    if "off, mean" in row:
        cells["off, mean"] = f"{row['off, mean']:.1e}"
    if "off" in row:
        cells["off"] = "another picture" if row["off"] is None else f"{row['off']:.1e}"
    return cells


def _more(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Cells of what few benches ask."""
    match name:
        case "prior" | "fewer":
            steps = {"steps": str(row["steps"])} | ({"stock's": str(row["many"])} if "many" in row else {})
            times = {"ours, ms": _ms(row["ours"]), "stock, ms": _ms(row["stock"]), "ratio": _ratio(row["ratio"])}
            return steps | times
        case "arrivals":
            sides = ("together", "in turn", "stock, one batch")
            served = {f"{side}, pictures/s": f"{row['visitors'] / row[side]:.3g}" for side in sides}
            waits = {f"{side}, p95 ms": _ms(row[f"{side}, p95"]) for side in sides}
            gains = {"to stock's batch": _ratio(row["to_batch"]), "p95 to in turn": _ratio(row["p95"])}
            return {"visitors": str(row["visitors"]), **served, **waits, **gains}
        case "capped":
            sizes = {name: _giga(row[name]) for name in ("cap", "peak", "seen", "stock")}
            counts = {name: str(row[name]) for name in ("requests", "failed", "loads")}
            found = counts | sizes | {"each, ms": _ms(row["seconds"])}
            if "offloaded" in row:
                found |= {"stock offloaded, ms": _ms(row["offloaded"]), "its seen": _giga(row["offloaded, seen"])}
                found["to it"] = _ratio(row["to_offloaded"])
            return found
        case "swap":
            times = {f"{side}, ms": _ms(row[side]) for side in ("ours", "stock", "raw")}
            gains = {"to stock": _ratio(row["ratio"]), "of raw": _ratio(row["to_raw"])}
            return {"part": row["part"], "size": _giga(row["bytes"]), **times, **gains}
        case "levers":
            took = {"without, ms": _ms(row["without"]), "with, ms": _ms(row["with"]), "ratio": _ratio(row["ratio"])}
            return {"step": row["step"], "lever": row["lever"], "rows": str(row["rows"]), **took, "pays": row["pays"]}
        case "alike":
            return {"others": str(row["others"]), "off": f"{row['off']:.1e}"}
        case "out":
            return {"what": row["what"], "why": row["why"]}
    raise KeyError(name)


def _markdown(rows: list[dict[str, str]]) -> str:
    head = list(dict.fromkeys(name for row in rows for name in row)) or ["nothing was timed"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *([row.get(name, "") for name in head] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ms(seconds: float) -> str:
    return f"{seconds * MS:.3g}" if abs(seconds) < 1 else f"{seconds * MS:.0f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}x"


def _giga(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.3g} GB"


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"
