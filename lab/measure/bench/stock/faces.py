"""What our parts wear inside stock pipelines."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModelOutput


@dataclass(frozen=True, slots=True)
class Painter:
    """`paint`: prompt, seed -> one picture; `latent`'s takes several seeds and paints them as one batch.

    `pipes` are the pipelines that it runs, none where it is a loop of its own.
    """

    paint: Callable[..., Any]
    pipes: tuple[Any, ...] = ()

    def __call__(self, text: str, *seeds: int) -> Any:
        return self.paint(text, *seeds)


@contextmanager
def hushed() -> Iterator[None]:
    """Deprecations and advice on how pipelines are put together are not ours to act on."""
    log = logging.getLogger("diffusers")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


class Wrapped(nn.Module):
    """A network under the face that a pipeline expects of it; `like` is the net whose precision the pipeline has."""

    def __init__(self, net: nn.Module, call: Callable[..., Any], like: nn.Module | None = None):
        super().__init__()
        self.net, self.call, self.config, self.like = net, call, net.config, net if like is None else like

    @property
    def device(self) -> torch.device:
        return next(self.net.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.like.parameters()).dtype

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(self.net, *args, **kwargs)


class Named(nn.Module):
    """A CLIP with its configuration by name, as pipelines like it."""

    def __init__(self, clip: nn.Module):
        super().__init__()
        self.clip, self.config = clip, type("Config", (), clip.config)()


def said(clip: Any, ids: Tensor, dtype: torch.dtype) -> CLIPTextModelOutput:
    """What a text tower with a projection says."""
    found = clip.text(ids)
    return CLIPTextModelOutput(text_embeds=found.embedding.to(dtype), last_hidden_state=found.states.to(dtype))
