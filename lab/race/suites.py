"""What of each suite is here, what could be fetched, and what this machine cannot do: known before anybody clicks.

Everything told is plain data: sizes and licences as the catalog has them, None where nobody has verified them.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.constants import is_offline_mode

from lab.race.commands import options, typed
from lab.race.painters import LANES, SAMPLERS, budget_of, named_by, open_suite, own_file, plan, precision
from models import loaders
from models.catalog import Part, Suite
from models.catalog.full import CHOICES, WORK, home
from models.hub.local import own_files
from models.hub.lock import Locked, read_lock
from models.hub.store import key, stray, unpinned

log = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a suite has to fit: bytes of memory for runs, bytes free on the disk, and whether there is a hub.

    `memory` is None where the computer does not tell it, as Windows does not.
    """

    device: str
    memory: int | None
    disk: int
    offline: bool

    @classmethod
    def here(cls, device: str = "cpu") -> Machine:
        if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
            device, memory = "cuda", budget_of("cuda")
        else:
            device, memory = "cpu", _memory()
        return cls(device, memory, shutil.disk_usage(_standing(home())).free, is_offline_mode())


def availability(machine: Machine, lock: Mapping[str, Locked] | None = None) -> list[Row]:
    """A row for every painter of the classroom, and for every choice of weights that it has in the full suite.

    `state` is ready, fetch, byhand or impossible; `why` is the reason for the last: memory, disk, offline, or own,
    where `quartet.toml` does not go with that choice, as `wrong` says.
    """
    known = read_lock() if lock is None else lock
    rows = [_row("classroom", lane, plan("classroom"), machine, known) for lane in LANES]
    return rows + [_choice(choice, machine, known) for choice in CHOICES]


def needed(suite: Suite, lane: str) -> dict[str, Part]:
    """The parts of a suite that a painter runs on, by name."""
    seen = suite.seen(lane)
    return {seen[name]: suite.parts[seen[name]] for name in dict.fromkeys(named_by(SAMPLERS[lane])) if name in seen}


def guard_of(suite: Suite, lane: str) -> dict[str, Part]:
    """The safety checker, which comes along with Stable Diffusion: pictures are shown to everybody under it alone."""
    return {name: suite.parts[name] for name in ("safety",) if lane == "latent" and name in suite.parts}


def suite_to_serve(name: str, device: str = "cpu", public: bool = False, safety: bool = True) -> Suite:
    """The suite that an app runs, under guard where its safety checker is here.

    To the public only what is pinned is shown, and published weights paint only under guard, unless whoever serves
    them says that they are to be shown unchecked (`safety=False`).  ValueError says what is missing.
    """
    suite = open_suite(name, precision(name, device))
    if not safety:
        suite = replace(suite, parts={k: part for k, part in suite.parts.items() if k != "safety"})
    if public and (why := unfit_for_public(suite)):
        more = options(name, device)
        raise ValueError(f"{why}.  Give both commands{more}" if more else why)
    foreign = any(key(part) or own_files(part) for part in suite.parts.values())
    if public and safety and foreign and "safety" not in suite.parts:
        fetch = f"run `{typed('fetch', ['safety'], name, device)}`, or " if "safety" in plan(name).parts else ""
        raise ValueError(
            f"suite {suite.name!r} has no safety checker here: {fetch}add --no-safety to show its pictures to "
            "everybody unchecked"
        )
    return suite


def unfit_for_public(suite: Suite, lock: Mapping[str, Locked] | None = None) -> str | None:
    """Why a suite may not be served to everybody: parts that nobody can say are what was looked at and pinned."""
    known = read_lock() if lock is None else lock
    loose = unpinned(suite.parts.values(), known)
    foreign = [part for part in suite.parts.values() if key(part) and part.name not in loose]
    loose |= {part.name: why for part in foreign if (why := stray(part, loaders.files.lying(part), known))}
    if not loose:
        return None
    told = "; ".join(f"{name}: {why}" for name, why in loose.items())
    return f"suite {suite.name!r} is not served to the public while parts of it are not pinned. {told}"


def _choice(choice: str, machine: Machine, lock: Mapping[str, Locked]) -> Row:
    """The row of one choice of the full suite."""
    name, slot = f"full:{choice}", CHOICES[choice].slot
    kind, guide = precision(name, machine.device), slot == "guide"
    lane, work = "vqgan_clip" if guide else slot, WORK[choice][kind != "float32"] * 10**6
    try:
        row = _row(name, lane, plan(name, kind), machine, lock, work)
    except (OSError, ValueError) as error:  # the suite itself is sound: it is what quartet.toml puts into it
        log.info("suite %s cannot be put together: %s", name, error)
        wrong = str(error).replace(str(own_file()), own_file().name)
        row = _row(name, lane, Suite(name), machine, lock) | {
            "state": "impossible", "why": "own", "wrong": wrong, "memory": None, "weights": None,
        }  # fmt: skip
    return row | {"guide": guide}


def _row(name: str, lane: str, suite: Suite, machine: Machine, lock: Mapping[str, Locked], work: int = 0) -> Row:
    """`work`: bytes that a run needs beside the weights."""
    parts, guard = needed(suite, lane), guard_of(suite, lane)
    missing, unguarded = _missing(parts), _missing(guard)
    both = parts | guard
    weights, size = _sum(map(loaders.expect, both.values())), _sum(map(_bytes, (missing | unguarded).values()))
    memory = None if weights is None else weights + work
    by_hand = sorted({part.source.url for part in missing.values() if part.source.url})
    state, why = "ready" if not missing else "byhand" if by_hand else "fetch", None
    obstacle = "offline" if machine.offline else "disk" if (size or 0) > machine.disk else None
    if None not in (memory, machine.memory) and memory > machine.memory:
        state, why = "impossible", "memory"
    elif missing and obstacle:
        state, why = "impossible", obstacle
    absent = [*missing, *([] if state == "ready" and obstacle else unguarded)]  # a painter can do without a guard
    sources = {part.source.repo or part.source.url or "": part.source for part in both.values()}
    return {
        "suite": name, "family": lane, "guide": False, "state": state, "why": why, "wrong": "", "parts": list(parts),
        "missing": absent, "bytes": size if absent else 0, "memory": memory, "weights": weights,
        "guard": next(({"bytes": _bytes(part), "licence": part.source.licence} for part in unguarded.values()), None),
        "have": machine.memory,
        "disk": machine.disk, "pages": by_hand, "pinned": not unpinned(parts.values(), lock),
        "licences": [[repo, source.licence] for repo, source in sources.items()],
        "inferred": sorted({f"{part.source.repo}/{file}" for part in both.values() for file in part.source.inferred}),
        "command": typed("fetch", absent, name, machine.device) if absent else "",
    }  # fmt: skip


def _memory() -> int | None:
    """Bytes of memory that this computer has; None where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _missing(parts: Mapping[str, Part]) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if loaders.fault(part)}


def _bytes(part: Part) -> int | None:
    """About what fetching takes: as the pages say, or else as its parameters weigh in the copy that is fetched."""
    known, half = part.source.parameters, any(".fp16." in file for file in part.source.files)
    return part.source.bytes or (None if known is None else known * (2 if half else 4))


def _sum(values: Iterable[int | None]) -> int | None:
    found = list(values)
    return None if None in found else sum(found)


def _standing(folder: Path) -> Path:
    """The nearest folder above that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())
