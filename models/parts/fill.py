"""Weights into a network of our own: every one has its place, or is named with what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


def fill(net: Net, weights: Mapping[str, Tensor], folder: Path) -> Net:
    """`net` with `weights`, which were read from `folder`.  ValueError names what is misshapen, missing or strange."""
    wanted = net.state_dict()
    wrong = [
        f"{name} is {list(weights[name].shape)}, the configuration wants {list(value.shape)}"
        for name, value in wanted.items()
        if name in weights and weights[name].shape != value.shape
    ]
    wrong += [f"{name} is missing" for name in wanted if name not in weights]
    wrong += [f"{name} has no place" for name in weights if name not in wanted]
    if wrong:
        told = "; ".join(wrong[:4])
        raise ValueError(f"weights in {folder} do not fit: {told}; they are another network's than its configuration")
    net.load_state_dict(weights)
    return net
