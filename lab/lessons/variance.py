"""How much chance a step back may have.

DDPM adds fresh noise after every step back.  Two variances are right in two extreme worlds: beta_t if pictures were
pure noise, and the posterior's beta-tilde_t if there were only one picture; the truth lies between.  Over a thousand
steps the two are nearly one number, but with few strides they part near the picture, where every bit of noise is seen:
beta leaves grain, beta-tilde does not.  Hence nets that learn a mixture of both.

Ho et al., arXiv 2006.11239, section 3.2; Nichol & Dhariwal, arXiv 2102.09672, section 3.1 and figure 1.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lab.lessons.together import together
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.pixel import PixelKnobs

KINDS = ("beta", "posterior")


def run(
    engine: Engine,
    suite: str,
    text: str,
    seeds: Sequence[int],
    stop: threading.Event,
    knobs: PixelKnobs,
    client: str = "variance",
) -> Iterator[Event]:
    """DDPM by `knobs` with either variance, a picture for each of `seeds`: events of the lanes in KINDS."""
    prompt = Prompt(text, seeds=tuple(seeds))
    requests = {
        kind: Request("pixel", prompt, replace(knobs, scheduler="ddpm", variance=kind), suite, client) for kind in KINDS
    }
    yield from together(engine, requests, stop)


def grain(image: np.ndarray) -> float:
    """How much neighbours differ: the mean step between pixels of (H, W, 3) uint8, 0 to 255, both ways averaged."""
    levels = image.astype(float)
    return float((np.abs(np.diff(levels, axis=0)).mean() + np.abs(np.diff(levels, axis=1)).mean()) / 2)
