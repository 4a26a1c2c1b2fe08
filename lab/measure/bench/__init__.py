"""`quartet bench`: what our engine costs and gains, as ratios of times taken in turns within one run.

Stock is a diffusers pipeline around the same networks, steps and dtype; for VQGAN+CLIP, which has none, the usual
loop with kornia's augmentations (lab/measure/reference_vqgan.py), crops stacked and crop by crop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from lab.measure.bench import stock
from lab.measure.bench.table import table
from lab.measure.bench.timing import bare, first_look, newcomer, paired
from lab.measure.bench.weights import SIZES, write_suite
from lab.race import LANES, default_engine, missing, parts_of
from models.engine import Engine
from models.knobs import Knobs
from models.protocol import Prompt, Request

__all__ = ["bench", "table"]

TEXT = "a large red cat in a meadow"
LONG = 100  # steps of the job that a newcomer finds at work
FEW = {  # for tiny networks, whose times say nothing but that everything runs
    "latent": {"steps": 4}, "pixel": {"steps": 4}, "vqgan_clip": {"steps": 3, "crops": 3},
    "unclip": {"steps": 3, "prior_steps": 2, "upsample_steps": 2},
}  # fmt: skip
LIKE_STOCK = {"unclip": {"candidates": 1, "upsample": True}}  # what the stock pipeline always does


@dataclass(frozen=True, slots=True)
class Case:
    """A painter as it is timed, and those that it is timed against."""

    family: str
    knobs: Knobs
    text: str
    stock: Mapping[str, stock.Painter]

    def request(self, client: str = "bench", seed: int = 0, **knobs: Any) -> Request:
        return Request(self.family, Prompt(self.text, seeds=(seed,)), replace(self.knobs, **knobs), "classroom", client)


def bench(
    size: str = "classroom",
    families: Sequence[str] = LANES,
    visitors: Sequence[int] = (1, 4, 8),
    repeats: int = 5,
    suite: str | Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Plain data that `table` prints.  `suite` None takes the shipped weights where they are whole, else random ones.

    Raises ValueError for what cannot be timed; `report` is told what is being timed.
    """
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; give one of {SIZES}")
    if stray := [family for family in families if family not in LANES]:
        raise ValueError(f"families names {stray}; give some of {LANES}")
    if not visitors or min(visitors) < 1 or repeats < 1:
        raise ValueError(f"visitors is {tuple(visitors)}, repeats {repeats}; give numbers of at least 1")
    with _engine(size, families, suite, device) as (engine, kind):
        names = dict.fromkeys(part for family in families for part in parts_of(engine, "classroom", family))
        with engine.registry.borrow("classroom", names) as parts:
            found: dict[str, Any] = {name: [] for name in ("single", "visitors", "previews", "engine", "wait")}
            for case in [_case(engine, parts, family, size) for family in families]:
                report(case.family)
                for name, rows in _timed(engine, case, visitors, repeats).items():
                    found[name] += rows
    about = {"size": size, "weights": kind, "device": str(engine.registry.device), "repeats": repeats}
    return {**about, "threads": torch.get_num_threads(), "torch": torch.__version__, **found}


@contextmanager
def _engine(size: str, families: Sequence[str], suite: str | Path | None, device: str) -> Iterator[tuple[Engine, str]]:
    """An inline engine on given or shipped weights, or else on random ones; and which of them."""
    if suite is not None or size == "classroom":
        engine = default_engine(suite or "classroom", device=device)
        gone = missing(engine, "classroom", tuple(families))
        if not gone:
            yield engine, "shipped" if suite is None else "given"
            return
        if suite is not None:
            raise ValueError("; ".join(f"{family} is not available: {why}" for family, why in gone.items()))
    with TemporaryDirectory() as folder:
        yield default_engine(write_suite(Path(folder), size), device=device), "random"


def _case(engine: Engine, parts: Mapping[str, Any], family: str, size: str) -> Case:
    config = engine.registry.config("classroom", parts)
    folder = engine.registry.suite("classroom")["vae"].path.parent
    settings = dict(LIKE_STOCK.get(family, {})) | (FEW[family] if size == "tiny" else {})
    if family == "vqgan_clip":
        shape = config["vqgan"]["ddconfig"]
        side = shape["resolution"] * parts["vqgan"].fold
        settings |= {"width": side, "height": side}  # the loop cannot tell what a folded VQGAN's own size is
    knobs = engine.samplers[family].knobs(**settings)
    make = partial(getattr(stock, family), parts, config, knobs, folder)
    if family == "vqgan_clip":
        twins = {"loop, crops stacked": make(stacked=True), "loop, crop by crop": make(stacked=False)}
    else:
        names = {"latent": "StableDiffusionPipeline", "pixel": "DDIMPipeline", "unclip": "UnCLIPPipeline"}
        twins = {names[family]: make()}
    return Case(family, knobs, "" if family == "pixel" else TEXT, twins)


def _timed(engine: Engine, case: Case, visitors: Sequence[int], repeats: int) -> dict[str, list[dict[str, Any]]]:
    device, family = engine.registry.device, case.family
    sides = {"ours": lambda: engine.paint(case.request()), "bare": lambda: bare(engine, case.request())}
    sides |= {name: partial(paint, case.text, 0) for name, paint in case.stock.items()}
    one = paired(sides, repeats, device)
    evals = bare(engine, case.request())
    single = [
        {"family": family, "against": name, "steps": case.knobs.steps, "ours": one["ours"], "stock": one[name],
         "ratio": one[name] / one["ours"]}
        for name in case.stock
    ]  # fmt: skip
    cost = {"family": family, "evals": evals, "seconds": (one["ours"] - one["bare"]) / evals,
            "share": 1 - one["bare"] / one["ours"]}  # fmt: skip
    longer = case.request("job", steps=LONG if case.knobs.steps > 4 else 12)
    waits = newcomer(engine, longer, case.request("guest", 1))
    wait = {"family": family, **waits, "ratio": waits["queue"] / waits["engine"]}
    wait["first_look"] = first_look(engine, case.request())
    return {
        "single": single, "engine": [cost], "wait": [wait], "previews": [_preview(engine, case)],
        "visitors": [_crowd(engine, case, count, repeats) for count in visitors],
    }  # fmt: skip


def _crowd(engine: Engine, case: Case, count: int, repeats: int) -> dict[str, Any]:
    """`count` visitors at once, against our own one after another, and stock one after another."""
    asked = [case.request(f"visitor {k}", k) for k in range(count)]
    name, paint = next(iter(case.stock.items()))
    sides = {
        "together": lambda: engine.wait(*[engine.submit(each) for each in asked]),
        "in turn": lambda: [engine.paint(each) for each in asked],
        "stock": lambda: [paint(case.text, k) for k in range(count)],
    }
    took = paired(sides, repeats, engine.registry.device)
    return {
        "family": case.family, "visitors": count, "against": name, **took,
        "to_stock": took["stock"] / took["together"], "to_own": took["in turn"] / took["together"],
    }  # fmt: skip


def _preview(engine: Engine, case: Case) -> dict[str, Any]:
    """What a look costs beside a step, from a run that is looked at whenever it can be."""
    run = engine.submit(case.request())
    for _ in engine.frames(run):
        pass
    meters, looks = run.meters, max(1, run.meters.looks - 1)  # the last is the picture itself
    look, step = (meters.served - meters.device) / looks, meters.device / max(1, meters.steps)
    return {"family": case.family, "look": look, "step": step, "share": look / step}
