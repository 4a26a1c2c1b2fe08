"""Lends parts within a budget of memory: all that a run asks for, or none yet.

The unit is a part, never a pipeline; equal parts are loaded once.  Lent parts are never evicted; of the others the
least recently used go first.  Tickets are served in the order they came: nobody overtakes for memory.
The lock is held only to count.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from models import loaders
from models.catalog import Part, Suite
from models.loaders import Unavailable
from models.registry.reader import Reader
from models.registry.shelf import Counts, Fits, Held, Shelf, WontFit, advice
from models.registry.ticket import Ticket, nobody

__all__ = ["Counts", "Fits", "Registry", "Ticket", "Unavailable", "WontFit", "advice"]


class Registry:
    """Parts of `suites` on `device`, within `budget` bytes of weights and workspace (None is no limit).

    `read` turns a part into a module and `weigh` into the bytes it will have.  `threads=False` reads files on the
    asking thread, as a forked child must.
    """

    def __init__(
        self,
        suites: Iterable[Suite],
        budget: int | None = None,
        device: str | torch.device = "cpu",
        read: Callable[[Part], nn.Module] = loaders.load,
        weigh: Callable[[Part], int] = loaders.weigh,
        threads: bool = True,
    ):
        self.suites = {suite.name: suite for suite in suites}
        self.device, self._changed = torch.device(device), threading.Condition()
        self._shelf = Shelf(budget, weigh)
        self._queue: deque[Ticket] = deque()
        self._granted: dict[Ticket, list[Held]] = {}
        self._reader = Reader(read, self._wanted, self._loaded, threads)

    def suite(self, name: str) -> Suite:
        if name not in self.suites:
            raise ValueError(f"suite is {name!r}; this registry has {sorted(self.suites)}")
        return self.suites[name]

    def faults(self, suite: str) -> dict[str, str]:
        """Parts of `suite` whose files are missing or broken, with the reason."""
        found = {name: loaders.fault(part) for name, part in self.suite(suite).parts.items()}
        return {name: reason for name, reason in found.items() if reason}

    def ask(self, suite: str, names: Iterable[str], workspace: int = 0, wake: Callable[[], None] = nobody) -> Ticket:
        """Queue for the parts `names` and `workspace` bytes beside them; `wake` is called whenever that changes.

        Raises ValueError for a name the suite has not, Unavailable, and WontFit.
        """
        ticket = Ticket(self, {name: self.suite(suite)[name] for name in dict.fromkeys(names)}, workspace, wake)
        for part in ticket.wanted.values():
            self._shelf.weight(part)  # opens its files: not under the lock
        with self._changed:
            self._shelf.check(set(ticket.wanted.values()), workspace)
            self._queue.append(ticket)
        self._serve()
        return ticket

    @contextmanager
    def borrow(self, suite: str, names: Iterable[str], workspace: int = 0) -> Iterator[Mapping[str, nn.Module]]:
        """The parts as read, on any device, for as long as the block lasts; waits its turn for memory and files."""
        with self.ask(suite, names, workspace) as ticket:
            yield ticket.wait(place=False)

    def config(self, suite: str, parts: Mapping[str, nn.Module]) -> dict[str, Mapping[str, Any]]:
        """What samplers may know of `parts`: configurations by the names that `loaders.config` gives."""
        table, found = self.suite(suite).parts, {}
        for name, module in parts.items():
            found |= loaders.config(table[name], module)
        return found

    def report(self) -> dict[str, Any]:
        """Counts, bytes used, most ever used, budget, and each resident part with its bytes and loans."""
        with self._changed:
            shelf, counts = self._shelf, sum(self._shelf.counts.values(), Counts())
            parts = {held.part.name: {"bytes": held.bytes, "lent": held.lent} for held in shelf.held.values()}
            return {"counts": counts, "used": shelf.used, "peak": shelf.peak, "budget": shelf.budget, "parts": parts}

    @property
    def free(self) -> float:
        """Bytes of the budget that no part takes; without a budget there is no end to them."""
        with self._changed:
            return self._shelf.free

    def standing(self, suite: str) -> dict[str, tuple[str, int, Counts]]:
        """Of each part of `suite`: away, reading, resident, lent or evicted; how often lent now; and its counts."""
        with self._changed:
            return {name: self._shelf.standing(part) for name, part in self.suite(suite).parts.items()}

    def limit(self, budget: int | None) -> None:
        """Have another budget: evicts, and ends tickets it will never hold.  WontFit where what is lent needs more."""
        with self._changed:
            self._shelf.limit(budget, max([ticket.workspace for ticket in self._granted], default=0))
            for ticket in list(self._queue):
                try:
                    self._shelf.check(set(ticket.wanted.values()), ticket.workspace)
                except WontFit as error:
                    ticket.fail(error)
                    self._drop(ticket)
        self._serve()

    def fetch(self, suite: str, names: Iterable[str], seconds: float) -> bool:
        """Have parts in memory for whoever comes next; False when that takes longer.  Raises what `ask` raises."""
        with self.ask(suite, names) as ticket:
            with self._changed:
                for held in self._granted.get(ticket, ()):
                    held.fetched = True
            return ticket.read(seconds)

    def evict(self, suite: str, name: str) -> bool:
        """Forget a part; False where it is lent or being read, and stays."""
        with self._changed:
            gone = self._shelf.discard(self.suite(suite)[name])
        self._serve()
        return gone

    def _serve(self) -> None:
        """Grant as many tickets as fit, in order; then have read what they miss."""
        wanted: list[Held] = []
        with self._changed:
            while self._queue:
                ticket = self._queue[0]
                # one network runs at a time: live loans need the largest workspace among them, not the sum
                workspace = max([ticket.workspace, *(other.workspace for other in self._granted)])
                taken = self._shelf.take(list(dict.fromkeys(ticket.wanted.values())), workspace)
                if taken is None:
                    break
                self._queue.popleft()
                self._granted[ticket], ticket.state = taken, "loading"
                wanted += taken
            self._settle()
        self._reader.add(wanted)

    def _wanted(self, held: Held) -> bool:
        """Whether a part is still to be read, now that it is its turn; if not, what waits for its room may have it."""
        with self._changed:
            if not self._shelf.unwanted(held):
                return True
        self._serve()
        return False

    def _loaded(self, held: Held, module: nn.Module | None, error: Exception | None, seconds: float) -> None:
        """A part was read, or could not be: then all who wait for it end, and the others go on."""
        counts = self._shelf.counts[held.part]
        with self._changed:
            counts.seconds += seconds
            if error is None:
                held.module, held.placed = module, self.device.type == "cpu"
                counts.loads, counts.bytes = counts.loads + 1, counts.bytes + held.bytes
            else:
                counts.failures += 1
                del self._shelf.held[held.part]
                for ticket in [ticket for ticket, taken in self._granted.items() if held in taken]:
                    ticket.fail(error)
                    self._drop(ticket)
        self._serve()

    def _settle(self) -> None:
        """Tickets whose parts are all read are ready."""
        for ticket, taken in self._granted.items():
            if ticket.state == "loading" and all(held.module is not None for held in taken):
                modules = {held.part: held.module for held in taken}
                ticket.parts = {name: modules[part] for name, part in ticket.wanted.items()}
                ticket.state = "ready"
                ticket.wake()
        self._changed.notify_all()

    def _release(self, ticket: Ticket) -> None:
        with self._changed:
            if ticket.state == "over":
                return
            self._drop(ticket)
        self._serve()

    def _drop(self, ticket: Ticket) -> None:
        """End a ticket: its parts are given back, and it can no longer be used to reach them."""
        if ticket in self._queue:
            self._queue.remove(ticket)
        self._shelf.give_back([held.part for held in self._granted.pop(ticket, [])])
        ticket.state, ticket.parts = "over", {}
        ticket.wake()
        self._changed.notify_all()
