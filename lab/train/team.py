"""A training by several processes: each draws pictures of its own, and gradients are averaged at every step.

On a CPU's two cores two processes of one thread see more pictures a second than one process of two threads: small
layers leave the second thread waiting at the end of each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import multiprocessing, nn


class Team:
    """`size` processes with the same weights at every step; this is number `rank`.  Alone, nothing is exchanged."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def rate(self) -> float:
        """How much the learning rate grows with the batch (Malladi et al., arXiv 2205.10287: square root for Adam)."""
        return self.size**0.5

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every parameter the mean of all processes' gradients, in one exchange."""
        learned = [p for p in parameters if p.grad is not None]
        if self.size == 1 or not learned:
            return
        flat = torch.cat([p.grad.flatten() for p in learned])
        dist.all_reduce(flat)
        for p, mean in zip(learned, (flat / self.size).split([p.numel() for p in learned]), strict=True):
            p.grad.copy_(mean.view_as(p))

    def agree(self, done: float = 0.0) -> float:
        """What the first process says is `done`: all must stop at the same step."""
        if self.size == 1:
            return done
        word = torch.tensor(done, dtype=torch.float64)
        dist.broadcast(word, 0)
        return word.item()

    def generator(self, step: int) -> torch.Generator:
        """Random numbers from `step` on, other ones in every process."""
        return torch.Generator().manual_seed(step + 1 + 1_000_003 * self.rank)


@contextmanager
def gathered(size: int, follow: Callable[..., None], *order: object) -> Iterator[Team]:
    """A team of `size`: this process first, the others at work on `follow(team, *order)`, ended with the `with`."""
    if size == 1:
        yield Team()
        return
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        place = (Path(folder) / "meeting").as_uri()
        context = multiprocessing.get_context("spawn")
        others = [context.Process(target=_member, args=(rank, size, place, follow, *order)) for rank in range(1, size)]
        for other in others:
            other.start()
        try:
            yield _joined(0, size, place)
        finally:
            for other in others:
                other.kill()
                other.join()
            dist.destroy_process_group()
            torch.set_num_threads(threads)


def _member(rank: int, size: int, place: str, follow: Callable[..., None], *order: object) -> None:
    follow(_joined(rank, size, place), *order)


def _joined(rank: int, size: int, place: str) -> Team:
    torch.set_num_threads(max(1, torch.get_num_threads() // size))
    dist.init_process_group("gloo", init_method=place, rank=rank, world_size=size, timeout=timedelta(minutes=10))
    return Team(rank, size)
