"""The loop around the core's turns: on a thread of its own, or inline on the thread of whoever waits."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable

from models.engine.core import Core
from models.engine.endings import EngineStopped
from models.engine.orders import Order
from models.engine.run import Frame, Run

NAP = 0.5  # seconds between looks at the clock while there is nothing to do


class Loop:
    """Turns `core` until stopped.  If a turn raises, the loop is dead: every run fails with the cause."""

    def __init__(self, core: Core):
        self.core = core
        self._thread: threading.Thread | None = None
        self._turning = threading.RLock()  # held while the core is turned or closed
        self._stopping = self._closed = False
        self._cause: EngineStopped | None = None
        self._process = os.getpid()

    def start(self) -> None:
        """A thread of its own; harmless when there is one.  A daemon, but joined before the interpreter goes."""
        self.check()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="quartet-engine", daemon=True)
            atexit.register(self.stop)
            self._thread.start()

    def stop(self) -> None:
        """End every run as cancelled and join the thread."""
        self._stopping = True
        self.core.lobby.wake()
        if self._thread is None:
            self._close()
        elif self._thread is not threading.current_thread() and self._process == os.getpid():
            self._thread.join()
        atexit.unregister(self.stop)

    def check(self) -> None:
        """EngineStopped, with the cause, when nothing will ever turn again."""
        if self._stopping or self._closed:
            raise self._cause or EngineStopped("the engine was stopped")
        if self._thread is not None and self._process != os.getpid():
            raise EngineStopped("this engine's thread stayed in the process that was forked; build a fresh engine")

    def post(self, order: Order) -> Run:
        self.check()
        self.core.lobby.take(order)
        if self._closed:  # it ended between the two lines above
            with self._turning:
                self.core.lobby.close(self._cause)
        return order.run

    def wait(self, run: Run) -> Run:
        """Until `run` is over."""
        self._until(run, lambda: run.over, run.wait)
        return run

    def pull(self, run: Run) -> Frame | None:
        """`run.pull`, which turns the core itself where no thread does."""
        run.wanted = True
        seen = run.seen
        self._until(run, lambda: run.over or run.newest is not seen, lambda: None)
        return run.pull()

    def rest(self, seconds: float) -> None:
        """One turn inline, or `seconds` of sleep where a thread turns the core.  Raises what `check` raises."""
        self.check()
        if self._thread is None:
            self._turn(lambda: False)
        else:
            time.sleep(seconds)

    def _until(self, run: Run, done: Callable[[], bool], threaded: Callable[[], object]) -> None:
        if self._thread is None:
            while not done():
                self._turn(done)
        elif self._thread is threading.current_thread():
            raise RuntimeError(f"run {run.id} is waited for on the engine's own thread; yield its Evals instead")
        else:
            threaded()

    def _turn(self, done: Callable[[], bool]) -> None:
        """One turn inline; a KeyboardInterrupt passes through and leaves the loop alive."""
        with self._turning:
            if done():
                return
            try:
                worked = self.core.turn()
            except Exception as error:
                self._die(error)
                raise
        if not worked:
            self.core.lobby.sleep(NAP)

    def _work(self) -> None:
        try:
            while not self._stopping:
                with self._turning:
                    worked = self.core.turn()
                if not worked:
                    self.core.lobby.sleep(NAP)
        except BaseException as error:
            self._die(error)
        self._close()

    def _die(self, error: BaseException) -> None:
        self._cause = EngineStopped(f"the engine died: {type(error).__name__}: {error}")
        self._cause.__cause__ = error
        self._close()

    def _close(self) -> None:
        with self._turning:
            self._closed = True
            self.core.close(self._cause)
