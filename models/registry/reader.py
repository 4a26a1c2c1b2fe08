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

    Before it `wanted(held)` is asked: nobody may be waiting any more.  The thread is no daemon: an interpreter on its
    way out waits for the file at hand, and whoever waits for another is told; nothing hangs or aborts.
    """

    def __init__(
        self,
        read: Callable[[Part], nn.Module],
        wanted: Callable[[Held], bool],
        done: Callable[..., None],
        threads: bool,
    ):
        self.read, self.wanted, self.done, self.threads = read, wanted, done, threads
        self._lock = threading.Lock()
        self._waiting: deque[Held] = deque()
        self._busy = False

    def add(self, held: list[Held]) -> None:
        """Have `held` read, once; returns at once, or when all is read where threads are not wanted."""
        with self._lock:
            for each in held:
                if not each.asked:  # two tickets may ask for it at once
                    self._waiting.append(each)
                each.asked = True
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
            if not self.wanted(held):
                continue
            module, error, begin = None, None, time.perf_counter()
            try:
                if not threading.main_thread().is_alive():
                    raise RuntimeError(f"part {held.part.name!r} was not read: the program is ending")
                module = self.read(held.part)
            except Exception as reason:
                error = reason
            self.done(held, module, error, time.perf_counter() - begin)
