"""What the bench of the full suite paints: a plan a painter, the least work first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lab.measure.bench.cases import LIKE_STOCK, TEXT
from models.engine import Engine
from models.protocol import Prompt, Request

WHOLE = "full:clip-vit-b-32"  # the usual guide of VQGAN+CLIP; the others keep the one CLIP
SMALL = "full:ddpm-cifar10-32,clip-vit-b-32"
KANDINSKY = "full:kandinsky-2.2,clip-vit-b-32"


@dataclass(frozen=True, slots=True)
class Plan:
    """A painter as it is to be timed.  `goals` are those of a GPU, by question; `knobs` are beside the steps."""

    title: str
    family: str
    suite: str
    steps: int
    knobs: Mapping[str, Any] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)

    def request(self, engine: Engine, steps: int) -> Request:
        settings = LIKE_STOCK.get(self.family, {}) | self.knobs | {"steps": steps}
        if self.family == "unclip":
            settings |= {"prior_steps": min(steps, 25), "upsample_steps": min(steps, 7)}
        text = "" if self.family == "pixel" else TEXT
        knobs = engine.samplers[self.family].knobs(**settings)
        return Request(self.family, Prompt(text, seeds=(0,)), knobs, self.suite, "bench")


def _climb(side: int, goal: str) -> Plan:
    knobs = {"tower": "ordinary", "rule": "adam", "crops": 32, "width": side, "height": side}
    return Plan(f"vqgan_clip {side}", "vqgan_clip", WHOLE, 20, knobs, {"single": goal, "visitors": "1.8x our own"})


PLANS = (  # the least work first
    Plan("pixel 32", "pixel", SMALL, 50, {"clip_guidance": 0.0}, {"single": "4x", "fewer": "20x"}),
    Plan("pixel 256", "pixel", WHOLE, 50, {"clip_guidance": 0.0}, {"single": "2.5x", "fewer": "20x"}),
    _climb(256, "4x"),
    _climb(512, "2.5x"),
    Plan("latent 512", "latent", WHOLE, 50, {"guidance": 7.5}, {
        "single": "2x", "compiled": "1.15x; the first 5x sooner, in 10 s", "wait": "10x",
        "visitors": "4x stock, 1.8x our own, 1.2x its batch",
        "fewer": "20x", "arrivals": "1.2x its batch, 1.7x in p95"}),
    Plan("unclip 256", "unclip", WHOLE, 25, {"prior_guidance": 4.0, "guidance": 8.0}, {"single": "2x", "prior": "4x"}),
    Plan("kandinsky 512", "unclip", KANDINSKY, 50, {"prior_guidance": 4.0, "guidance": 4.0, "upsample": False}),
)  # fmt: skip


def chosen(families: Sequence[str], steps: int | None = None) -> list[Plan]:
    """The plans of some painters, at `steps` where given."""
    found = [plan for plan in PLANS if plan.family in families]
    return [replace(plan, steps=steps) for plan in found] if steps else found
