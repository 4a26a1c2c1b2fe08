"""What a visitor asks of this tab, checked: a sentence, a seed, settings, and a picture to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lab.lessons.own import NotAPicture, open_own
from lab.lessons.variations import true_picture
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.asking import checked, enlarges, fitting, present, settled
from lab.ui.stage.news import sentence
from models.engine import Engine
from models.samplers.unclip import UnclipKnobs

ELSEWHERE = ("embedding", "candidates", "upsample", "upsample_steps")  # settings that an act chooses, or shows itself


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that can be met."""

    text: str
    seed: int
    knobs: UnclipKnobs
    client: str


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A picture (3, H, W) in [0, 1], and a sentence that says where it comes from."""

    picture: Tensor
    says: dict[str, Any]


def asked(
    engine: Engine, suite: str, client: str, text: str | None, seed: float | None, values: Sequence[Any],
    least: int = 1, **more: Any,
) -> Asked:  # fmt: skip
    """From what stands in the controls, a sentence of `least` letters among it; `more` are settings that stand
    elsewhere.  Raises Refusal."""
    text, seed = checked(text, seed, least)
    present(engine, suite, "unclip")
    if "upsample_steps" in more and not enlarges(engine, suite):
        raise Refusal("unclip.say.noupsampler")
    base = fitting(engine, suite, "unclip")
    settings = controls.read(base, values, ELSEWHERE) | {name: int(value) for name, value in more.items()}
    return Asked(text, seed, settled("unclip", base, settings), client)


def given(engine: Engine, suite: str, text: str, seed: int, own: bool, file: str | None) -> Given:
    """The visitor's own picture, or a scene of the sentence, at the size that CLIP sees.  Raises Refusal."""
    clip = engine.registry.suite(suite).seen("unclip")["clip"]
    with engine.registry.borrow(suite, [clip]) as parts:
        side = parts[clip].size
    if not own:
        if (picture := true_picture(text, seed, side)) is None:
            raise Refusal("unclip.say.unknown")
        return Given(picture, sentence("unclip.painted"))
    if not file:
        raise Refusal("unclip.say.nofile")
    try:
        found = open_own(file, side, side)
    except NotAPicture as error:
        raise Refusal(f"unclip.say.{error.reason}") from error
    return Given(found.picture, sentence("unclip.own.cut" if found.cut else "unclip.own", n=side))
