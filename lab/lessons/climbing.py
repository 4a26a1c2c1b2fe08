"""Climbs side by side, each seen from inside: what CLIP is shown, which tiles are laid, and what fresh eyes say.

A climb reports how similar CLIP finds its picture to the sentence, and of course that number rises: it is what is
being climbed.  Whoever is asked the same question again and again can be pleased without being right.  So every
picture is also held before eyes that no step has listened to: crops that were never drawn, and the other CLIP.
The distance between the two numbers is how far CLIP was fooled rather than pleased.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.lessons.given import pixels
from lab.lessons.together import together
from lab.race import Event, parts_of
from models.engine import Engine, Run
from models.engine.endings import outcome
from models.protocol import Kit, Prompt, Request, State, Target
from models.samplers.crops import CropKnobs, Crops, cut, draw_crops
from models.samplers.guidance import TEXT
from models.samplers.vqgan_clip import VqganClipKnobs
from models.samplers.vqgan_clip.targets import TOWERS
from models.samplers.vqgan_clip.views import VIEWS

NAME = "vqgan_clip"
EVERY = 0.6  # seconds between two looks
FRESH = CropKnobs(crops=9)  # eyes that no step listens to: the whole picture, then eight crops
FRESH_SEED = 2**40  # of those crops, above every seed that a visitor can give


@dataclass(frozen=True, slots=True)
class Opinion:
    """Cosines to the sentence of one CLIP: of the whole picture, and the mean over the fresh crops."""

    whole: float
    fresh: float


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What stands behind a picture: `crops`, all of the next step on one sheet, and `codes`, a pixel a tile and a
    colour a code, both (H, W, 3) uint8; what each CLIP of the suite thinks of the picture, by TOWERS' names."""

    crops: np.ndarray
    codes: np.ndarray
    opinions: Mapping[str, Opinion]


@dataclass(frozen=True, slots=True, eq=False)
class Climbed:
    """News of one climb; `sight` where there is a new picture, `state` the newest one, to go on from."""

    event: Event
    sight: Sight | None
    state: State | None


def request(suite: str, prompt: Prompt, knobs: VqganClipKnobs, client: str, start: State | None = None) -> Request:
    """One climb as plain data."""
    return Request(NAME, prompt, knobs, suite, client, start=start)


def trained(engine: Engine, suite: str) -> int:
    """Pixels a side of the pictures that the suite's VQGAN was trained on."""
    with engine.registry.borrow(suite, ["vqgan"]) as parts:
        shape = parts["vqgan"].config["ddconfig"]
    return shape["resolution"] * math.isqrt(shape["in_channels"] // 3)


def watch(
    engine: Engine, requests: Mapping[str, Request], stop: threading.Event, every: float | None = EVERY
) -> Iterator[Climbed]:
    """News of every climb until all are over.  After `stop` nothing more is looked into."""
    runs: dict[str, Run] = {}
    eyes: dict[str, Eyes] = {}
    last = max(asked.knobs.steps for asked in requests.values())
    for event in together(engine, requests, stop, every, runs=runs, keep=range(1, last + 1)):
        key, run, sight = event.lane, runs[event.lane], None
        states = dict(run.states)
        if event.frame is not None and not stop.is_set():
            eyes[key] = eyes.get(key) or Eyes(engine, requests[key], run.tokens.ids[:1])
            sight = eyes[key].see(states[event.shown], event.frame)
        for old in [i for i in states if i < event.shown]:
            run.states.pop(old, None)
        yield Climbed(event, sight, states[max(states)] if states else requests[key].start)


@dataclass(eq=False)
class Eyes:
    """Looks into one climb through the engine, as its visitor; `tokens` (1, L) are the sentence's."""

    engine: Engine
    asked: Request
    tokens: Tensor
    config: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        with self.engine.registry.borrow(self.asked.suite, parts_of(self.engine, self.asked.suite, NAME)) as parts:
            self.config = self.engine.registry.config(self.asked.suite, parts)
        self.towers = {name: part for name, part in TOWERS.items() if part in self.config}
        self.words = self._call(TEXT, self.tokens)[1]

    def see(self, state: State, frame: np.ndarray) -> Sight:
        """What stands behind `frame` (1, H, W, 3), painted at `state`.  Raises EngineStopped."""
        picture = torch.from_numpy(np.array(frame)).movedim(-1, 1).float() / 255
        return Sight(self._view("crops", state), self._view("codes", state), self.opinions(picture))

    def opinions(self, picture: Tensor) -> dict[str, Opinion]:
        """What every CLIP of the suite thinks of a picture (1, 3, H, W) in [0, 1]."""
        crops = draw_crops(FRESH, [torch.Generator().manual_seed(FRESH_SEED)], *picture.shape[-2:])
        found = {}
        for name, part in self.towers.items():
            cosines = self._call(Target(partial(similar, tower=part), (part,)), picture, self.words, *crops)[0]
            found[name] = Opinion(float(cosines[0]), float(cosines[1:].mean()))
        return found

    def _view(self, name: str, state: State) -> np.ndarray:
        look = VIEWS[name](state, self.asked.knobs, Kit(self.config, None, torch.empty))
        targets = self.engine.samplers[NAME].targets
        run = self.engine.play(look, targets, client=self.asked.client, suite=self.asked.suite)
        return pixels(outcome(self.engine.wait(run))[0])

    def _call(self, target: Target, *rows: Tensor) -> Any:
        return self.engine.call(target, *rows, client=self.asked.client, suite=self.asked.suite)


def similar(parts: Mapping[str, Any], pictures: Tensor, words: Tensor, *crops: Tensor, tower: str) -> Tensor:
    """Cosines (B, N) of every crop of pictures (B, 3, H, W) to the texts' embeddings (B, E), as `tower` sees them."""
    clip = parts[tower]
    seen = cut(pictures, Crops(*crops).like(pictures), clip.size)
    found = clip.image(seen.flatten(0, 1)).unflatten(0, seen.shape[:2])
    return F.cosine_similarity(found, words.to(found).unsqueeze(1), dim=-1)
