"""Acts of visitors outside the race: each visitor has one at a time, and none outlives its visitor."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import torch

from lab.race.needs import refused
from lab.ui import said
from lab.ui.wall import trouble

log = logging.getLogger(__name__)
Act = Callable[[threading.Event], Iterator[Any]]


class Refusal(ValueError):
    """A visitor's request that cannot be met: a key of words and its values."""

    def __init__(self, key: str, **values: Any):
        super().__init__(f"{key}: {values}")
        self.key, self.values = key, values


def broken(error: Exception) -> dict[str, Any]:
    """The value of a wall whose act `error` ended: a sentence that says what to change, where that is known."""
    if (need := refused(error)) is not None:
        told = said.refused(need)
        return trouble(told["key"], **told["values"])
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return trouble("say.memory")
    log.error("an act ended early", exc_info=error)
    return trouble("say.early")


class Acts:
    """The act of every visitor.  Another act, `halt`, or the visitor's leaving sets the former's `stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, threading.Event] = {}

    def play(self, request: gr.Request, act: Act) -> Iterator[Any]:
        """What `act(stop)` yields; a refusal or a failure becomes a sentence on the wall."""
        visitor, stop = request.session_hash or "", threading.Event()
        with self._lock:
            former, self._now[visitor] = self._now.get(visitor), stop
        if former is not None:
            former.set()
        try:
            yield from act(stop)
        except Refusal as refusal:
            yield trouble(refusal.key, **refusal.values)
        except Exception as error:
            yield broken(error)
        finally:
            stop.set()
            with self._lock:
                if self._now.get(visitor) is stop:
                    del self._now[visitor]

    def halt(self, request: gr.Request) -> None:
        """Stop what this visitor plays, within one Eval."""
        with self._lock:
            stop = self._now.pop(request.session_hash or "", None)
        if stop is not None:
            stop.set()
