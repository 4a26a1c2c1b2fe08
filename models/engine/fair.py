"""Who is served next: the visitor with the least virtual time, then that visitor's least-served run.

Start-time fair queueing (Goyal, Vin, Cheng 1996) on two levels.  A newcomer or returner starts at the clock of
whoever was chosen last, so it can neither starve the old nor be starved, whatever it used or saved before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Protocol

REMEMBERED = 1024  # visitors whose clock is kept after they left


class Owned(Protocol):
    """What competes for turns: something of a visitor, with a name of its own."""

    client: str
    id: int


class Clocks:
    """Virtual clocks of one level; newcomers start at `floor`, the clock of whoever was chosen last, as it is now."""

    def __init__(self) -> None:
        self.spent: OrderedDict[object, float] = OrderedDict()
        self.present: set[object] = set()
        self.chosen: object = None
        self.floor = 0.0

    def enter(self, names: Iterable[object]) -> None:
        """`names` want a turn now; those who did not before start no earlier than the one chosen last."""
        now = set(names)
        for name in now - self.present:
            self.spent[name] = max(self.spent.get(name, 0.0), self.floor)
            self.spent.move_to_end(name)
        self.present = now
        while len(self.spent) > REMEMBERED + len(now) and next(iter(self.spent)) not in now:
            self.spent.popitem(last=False)

    def order(self, names: Iterable[object]) -> list[object]:
        """Least served first; ties keep the order given."""
        return sorted(names, key=lambda name: self.spent[name])

    def choose(self, name: object) -> None:
        self.chosen, self.floor = name, self.spent[name]

    def charge(self, name: object, seconds: float) -> None:
        self.spent[name] = self.spent.get(name, self.floor) + seconds
        if name == self.chosen:
            self.floor = self.spent[name]


class Fair:
    """Orders whatever competes, and charges what was used."""

    def __init__(self) -> None:
        self.visitors = Clocks()
        self.runs: dict[str, Clocks] = {}

    def order(self, jobs: Iterable[Owned]) -> list[Owned]:
        """All of `jobs`, the one to serve first, riders after it in the order of their right to ride."""
        by_client: dict[str, dict[int, Owned]] = {}
        for job in jobs:
            by_client.setdefault(job.client, {})[job.id] = job
        self.visitors.enter(by_client)
        for client in [client for client in self.runs if client not in self.visitors.spent]:
            del self.runs[client]
        ordered = []
        for client in self.visitors.order(by_client):
            clocks = self.runs.setdefault(client, Clocks())
            clocks.enter(by_client[client])
            ordered += [by_client[client][name] for name in clocks.order(by_client[client])]
        if ordered:
            first = ordered[0]
            self.visitors.choose(first.client)
            self.runs[first.client].choose(first.id)
        return ordered

    def riders(self, ordered: Sequence[Owned], ahead: float) -> list[Owned]:
        """Those of `ordered` who may share the batch of its first: whoever rides is charged, and gets ahead by it.

        Left out are visitors more than `ahead` seconds before that of the first, who would be served in the batches of
        everybody; and runs so far before another of their own visitor, which would never be that visitor's turn.
        """
        first, clocks, siblings = ordered[0].client, self.visitors.spent, {}
        for job in ordered:  # of each visitor the least served comes first
            siblings.setdefault(job.client, self.runs[job.client].spent[job.id])

        def near(job: Owned) -> bool:
            run = self.runs[job.client].spent[job.id]
            return clocks[job.client] - clocks[first] <= ahead and run - siblings[job.client] <= ahead

        return [job for job in ordered if job.client == first or near(job)]

    def charge(self, job: Owned, seconds: float) -> None:
        """`seconds` of any work done for `job`: networks, its own arithmetic, looks."""
        self.visitors.charge(job.client, seconds)
        self.runs.setdefault(job.client, Clocks()).charge(job.id, seconds)
