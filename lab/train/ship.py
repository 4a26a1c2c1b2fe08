"""A diffusers network to its folder in the suite, and back out of it to be trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from diffusers import ModelMixin

Net = TypeVar("Net", bound=ModelMixin)


def ship(net: ModelMixin, folder: Path) -> None:
    """Write a half-precision copy of `net`; the net itself stays as it is, for it may go on training."""
    config = {name: value for name, value in net.config.items() if name != "_name_or_path"}  # says nothing to others
    twin = type(net).from_config(config)
    twin.load_state_dict(net.state_dict())
    twin.half().save_pretrained(folder)


def shipped(kind: type[Net], folder: Path, resume: bool) -> Net | None:
    """What lies in `folder`, in float32, if a training is to `resume` and there is something."""
    return kind.from_pretrained(folder).float() if resume and (folder / "config.json").exists() else None
