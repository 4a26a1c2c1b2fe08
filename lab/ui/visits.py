"""Who is painting what: the race of each visitor, and the latest races that are over, for those who keep them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from lab.race import Race

OWN, KEPT = 12, 96  # races remembered after their end: as many of one visitor as the strip shows, and of all together


@dataclass(eq=False)
class Visit:
    """One race as a visitor started it."""

    key: str  # nobody can guess it: whoever has it may keep the pictures
    race: Race
    marks: dict[str, Any]  # by lane, as they are found: the words of the sentence and how they came out
    visitor: str = ""


class Visits:
    """Races by visitor and by key; safe on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, Visit] = {}
        self._kept: OrderedDict[str, Visit] = OrderedDict()

    def enter(self, visitor: str, visit: Visit) -> None:
        """A visitor paints one race at a time: the former is stopped."""
        with self._lock:
            former, self._now[visitor], visit.visitor = self._now.get(visitor), visit, visitor
            self._kept[visit.key] = visit
            mine = [key for key, kept in self._kept.items() if kept.visitor == visitor]
            for key in mine[:-OWN]:
                del self._kept[key]
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if former is not None:
            former.race.stop()

    def leave(self, visitor: str, visit: Visit | None = None) -> None:
        """The visitor's race is over, or the visitor is gone; with `visit`, only if that is the one."""
        with self._lock:
            if visit is not None and self._now.get(visitor) is not visit:
                return
            former = self._now.pop(visitor, None)
        if former is not None:
            former.race.stop()

    def race(self, visitor: str) -> Race | None:
        """What the visitor is painting now."""
        with self._lock:
            visit = self._now.get(visitor)
        return visit.race if visit else None

    def kept(self, key: str) -> Visit | None:
        """A race by its key, as long as it is remembered."""
        with self._lock:
            return self._kept.get(key)

    def of(self, visitor: str) -> list[Visit]:
        """The races of one visitor that are remembered, the newest first."""
        with self._lock:
            return [visit for visit in reversed(self._kept.values()) if visit.visitor == visitor]
