"""Stands in for the module `spaces` of a ZeroGPU Space: what it marks runs in a real fork, for a time.

As there: arguments and what is yielded are pickled, the task runs on a thread of the forked process, whoever closes the
stream early waits for the task's own end, and a task whose time is over is killed: the caller gets an error.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any

forks = multiprocessing.get_context("fork")
asked: list[float] = []  # seconds, call by call
ends: list[int] = []  # after how many yields the next calls are killed


class Aborted(Exception):
    """The time was over."""


def GPU(task: Callable[..., Iterator[Any]] | None = None, *, duration: Any = 60) -> Any:
    if task is None:
        return partial(GPU, duration=duration)

    @wraps(task)
    def lent(*args: Any) -> Iterator[Any]:
        asked.append(duration(*args) if callable(duration) else duration)
        left = ends.pop(0) if ends else None
        hear, tell = forks.Pipe(duplex=False)
        worker = forks.Process(target=_work, args=(task, args, tell), daemon=True)
        worker.start()
        tell.close()
        try:
            while (found := _next(hear)) is not None:
                if isinstance(found, Exception):
                    raise found
                yield found[0]
                left = left and left - 1
                if left == 0:
                    worker.kill()
        finally:
            worker.join()
            hear.close()

    return lent


def _next(hear: Any) -> Any:
    try:
        return hear.recv()
    except EOFError:
        raise Aborted("GPU task aborted") from None


def _work(task: Callable[..., Iterator[Any]], args: tuple[Any, ...], tell: Any) -> None:
    def iterate() -> None:
        try:
            for value in task(*args):
                tell.send([value])
            tell.send(None)
        except Exception as error:
            tell.send(error)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(iterate)
