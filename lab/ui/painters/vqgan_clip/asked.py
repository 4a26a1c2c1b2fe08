"""What a visitor asks of this tab, checked: a sentence, a seed, settings, switches, and where to begin."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from lab.lessons.augmentations import OFF, switched
from lab.lessons.climbing import NAME, trained
from lab.lessons.given import page, resized, tensor
from lab.lessons.own import NotAPicture, open_own
from lab.lessons.variations import true_picture
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.asking import checked, fitting, present, settled
from lab.ui.stage.news import sentence
from lab.ui.wall import Said
from models.engine import Engine
from models.protocol import Prompt
from models.samplers.vqgan_clip import VqganClipKnobs

BEGINNINGS = ("noise", "codes", "picture")
# Settings with a control of their own; and enlarging, of which no act here has anything to show.
ELSEWHERE = ("steps", "crops", "flip", "begin", "upsample", "upsample_steps")


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The values of the controls that all acts share, in the order in which the tab lists them."""

    text: str
    seed: float | None
    steps: float
    crops: float
    switches: Sequence[str]
    begin: str
    file: str | None
    negative: str
    knobs: Sequence[Any]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Form:
        """From a handler's arguments: whatever follows the first eight are the drawer's settings."""
        return cls(*values[:8], values[8:])


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request that can be met.  `said` is what there is to say of the visitor's own picture."""

    prompt: Prompt
    knobs: VqganClipKnobs
    on: tuple[str, ...]
    client: str
    said: tuple[Said, ...] = ()
    stop: threading.Event = field(default_factory=threading.Event)


def asked(
    engine: Engine, suite: str, client: str, form: Form, stop: threading.Event | None = None, climbs: bool = True
) -> Asked:
    """Raises Refusal where something will not do.  One that does not climb needs no sentence to look at the
    visitor's own picture."""
    present(engine, suite, NAME)
    least = 1 if climbs or form.begin != "picture" else 0
    (text, seed), (negative, _) = checked(form.text, form.seed, least), checked(form.negative, form.seed, least=0)
    knobs, on = settings(fitting(engine, suite, NAME), form), tuple(name for name in OFF if name in form.switches)
    prompt, said = Prompt(text, negative, (seed,)), ()
    if form.begin == "picture":
        picture, said = own(engine, suite, form.file, knobs)
        prompt = replace(prompt, image=picture)
    return Asked(prompt, knobs, on, client, said, stop or threading.Event())


def settings(base: VqganClipKnobs, form: Form) -> VqganClipKnobs:
    """`base` with the switches applied.  Raises Refusal that names the one that will not do."""
    given = controls.read(base, form.knobs, ELSEWHERE)
    given |= {name: _whole(getattr(form, name)) for name in ("steps", "crops")}
    given |= {"begin": form.begin} if form.begin != "picture" else {}
    return switched(settled(NAME, base, given), form.switches)


def own(engine: Engine, suite: str, file: str | None, knobs: VqganClipKnobs) -> tuple[Tensor, tuple[Said, ...]]:
    """The visitor's picture at the size of the climb, and what was done to it.  Raises Refusal."""
    if not file:
        raise Refusal("vq.say.nofile")
    side = trained(engine, suite)
    try:
        found = open_own(file, knobs.height or side, knobs.width or side)
    except NotAPicture as error:
        raise Refusal(f"vq.say.{error.reason}") from error
    tall, wide = found.picture.shape[1:]
    return found.picture, (sentence("vq.own.cut" if found.cut else "vq.own", width=wide, height=tall),)


def given(engine: Engine, suite: str, asked: Asked) -> Tensor:
    """A picture to look at, (3, H, W) in [0, 1]: the visitor's own, or one painted from the sentence, or any page."""
    if asked.prompt.image is not None:
        return asked.prompt.image
    side, seed = trained(engine, suite), asked.prompt.seeds[0]
    painted = true_picture(asked.prompt.text, seed, side)
    return resized(tensor(page(seed).picture), side, side) if painted is None else painted


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
