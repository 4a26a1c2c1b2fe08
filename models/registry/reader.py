"""Reads parts from files, one after another, on a thread that lives as long as there is something to read."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from torch import nn

from models.catalog import Part
from models.registry.shelf import Held


class Reader:
    """`done(held, module or None, error or None, seconds)` is called after each part, outside any lock.

    The thread is no daemon: an interpreter on its way out waits for the file at hand, and nothing hangs or aborts.
    """

    def __init__(self, read: Callable[[Part], nn.Module], done: Callable[..., None], threads: bool):
        self.read, self.done, self.threads = read, done, threads
        self._lock = threading.Lock()
        self._waiting: deque[Held] = deque()
        self._busy = False

    def add(self, held: list[Held]) -> None:
        """Have `held` read; returns at once, or when all is read where threads are not wanted."""
        with self._lock:
            self._waiting += held
            start = bool(self._waiting) and not self._busy
            self._busy |= start
        if start and self.threads:
            threading.Thread(target=self._work, name="quartet-reader").start()
        elif start:
            self._work()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                held = self._waiting.popleft()
            module, error, begin = None, None, time.perf_counter()
            try:
                module = self.read(held.part)
            except Exception as reason:
                error = reason
            self.done(held, module, error, time.perf_counter() - begin)
