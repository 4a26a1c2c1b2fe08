"""Fetching in the background: one fetch at a time, told as it goes, to be broken off and gone on with."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lab.race.painters import plan, precision
from models.catalog import Part
from models.hub.fetch import Hub
from models.hub.lock import read_lock
from models.hub.store import bring, key, pinned

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is: in the `nth` of `parts`, `done` bytes of `total` (None: nobody says) of `file`.

    `state` is running, stopping, done, stopped or failed; `error` says why for the last.
    """

    suite: str
    parts: tuple[str, ...]
    nth: int = 0
    file: str = ""
    done: int = 0
    total: int | None = None
    state: str = "running"
    error: Exception | None = None

    @property
    def busy(self) -> bool:
        return self.state in ("running", "stopping")


def bring_pinned(suite: str, device: str) -> None:
    """Fetch what a suite lacks of its repositories, as pinned, before it is served: a Space begins with an empty disk.

    What the hub's own cache was filled with beforehand is taken from there.  What is not pinned is left; whoever serves
    to the public says so.  Raises NotFetched or Refused.
    """
    lock = read_lock()
    for part in plan(suite, precision(suite, device)).parts.values():
        if part.source.repo and key(part) in lock and pinned(part, lock[key(part)]):
            log.info("%s is brought as pinned", part.name)
            bring(part, lock)


class Fetching:
    """Whoever begins a fetch may leave: it goes on, and what has arrived is kept, also when it is stopped.

    `hub` is where to ask; None is the hub that the environment names.
    """

    def __init__(self, hub: Hub | None = None):
        self._hub, self._lock, self._stop = hub, threading.Lock(), threading.Event()
        self.now: Progress | None = None  # the present fetch, or the last

    @property
    def busy(self) -> bool:
        return self.now is not None and self.now.busy

    def begin(self, suite: str, parts: Mapping[str, Part]) -> bool:
        """Fetch `parts` for `suite` on a thread of its own; False, and nothing happens, while another goes on."""
        with self._lock:
            if self.busy:
                return False
            self._stop.clear()
            self.now = Progress(suite, tuple(parts))
        threading.Thread(target=self._run, args=(list(parts.values()),), name="quartet-fetch", daemon=True).start()
        return True

    def stop(self) -> None:
        """Break off with the next bytes that arrive, 10 MiB at a time."""
        self._stop.set()
        self._tell(only="running", state="stopping")

    def _run(self, parts: list[Part]) -> None:
        state, error, commits = "done", None, {}
        try:
            for nth, part in enumerate(parts):
                self._tell(nth=nth, file="", done=0, total=None)
                bring(part, read_lock(), hub=self._hub, progress=self._arrived, commits=commits)
        except Exception as caught:
            state, error = ("stopped", None) if self._stop.is_set() else ("failed", caught)
            if error is not None:
                log.warning("a fetch broke off: %s", error, exc_info=not isinstance(error, (RuntimeError, ValueError)))
        self._tell(state=state, error=error)

    def _arrived(self, file: str, done: int, total: int | None) -> None:
        self._tell(file=file, done=done, total=total)
        if self._stop.is_set():
            raise InterruptedError("stopped by a visitor")

    def _tell(self, only: str = "", **news: object) -> None:
        with self._lock:
            if self.now is not None and only in ("", self.now.state):
                self.now = replace(self.now, **news)
