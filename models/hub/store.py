"""Parts and their sources: what of a part is here, bringing the rest, and whether it is what was pinned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from models.catalog import Part
from models.catalog.seen import EXTRAS, OLDER, held, older
from models.hub.convert import convert, vqgan_config
from models.hub.fetch import Hub, Progress, commit_of, fetch
from models.hub.local import loose
from models.hub.lock import Locked
from models.hub.receipt import Pin, digest, here, matches, note, pin_of, receipt
from models.hub.refuse import Refused
from models.hub.trouble import NotFetched

COMMIT = re.compile("[0-9a-f]{40}")
OLD = (".bin", ".ckpt", ".pt", ".pth")
RENAMED = {old: new for new, old in OLDER.items()} | {"last": "model"}  # pickles, taming's too, and what is read


class ByHand(ValueError):
    """Files of a part that no hub has are not here, so that a person must fetch them."""


def key(part: Part) -> str:
    """The name under which a part's files are pinned: its repository, with the revision where somebody names one, or
    the page they are fetched from by hand.
    """
    name, revision = part.source.repo or part.source.url or "", part.source.revision
    return f"{name}@{revision}" if revision else name


def pinned(part: Part, known: Locked) -> bool:
    """Whether every file of a part that its repository has is pinned in `known`."""
    return known.files.keys() >= set(held(part.source.files, known.files, part.source.inferred))


def bring(
    part: Part,
    lock: Mapping[str, Locked],
    *,
    hub: Hub | None = None,
    progress: Progress | None = None,
    commits: dict[tuple[str, str], str] | None = None,
) -> list[Path]:
    """Fetch what is missing of a part, at its pinned revision where it has one, and make safetensors of old files.

    All files are of one commit, whatever is pushed meanwhile; parts that are brought with the same `commits` too.
    Returns the files that were made of old ones.  Raises NotFetched, Refused, or ByHand where only a person can fetch.
    """
    source, known = part.source, lock.get(key(part), Locked())
    files = list(source.files)
    if source.repo:
        revision = _commit(part, known, hub or Hub(), {} if commits is None else commits)
        files = _fetched(part, revision, known, hub, progress)
    elif missing := [file for file in source.files if not (part.root / file).is_file()]:
        raise ByHand(
            f"part {part.name!r} is on no hub: fetch {', '.join(missing)} from {source.url or 'where it is yours'} by "
            f"hand, put it into {part.root} in the same folders, and run `quartet fetch` again"
        )
    for file, pin in known.files.items():
        if not source.repo and file in source.files and not matches(part.root / file, pin):
            raise Refused(part.root / file, f"its SHA-256 is not the pinned {pin.sha256}")
    return _converted(part, files)


def _fetched(part: Part, revision: str, known: Locked, hub: Hub | None, progress: Progress | None) -> list[str]:
    """Fetch a part's files, as far as its repository has them; see `models.catalog.seen`.  Returns which came."""
    source, came = part.source, []
    wanted = held(source.files, known.files, source.inferred) if pinned(part, known) else source.files
    for file in wanted:
        instead = [file]
        try:
            fetch(source.repo, instead, part.root, revision=revision, pins=known.files, hub=hub, progress=progress)
        except NotFetched as error:
            instead = held(instead, {older(file)} - {file}, source.inferred)
            if error.kind not in ("file", "offline") or file in (*instead, *known.files):
                raise
            fetch(source.repo, instead, part.root, revision=revision, pins=known.files, hub=hub, progress=progress)
        came += instead
    return came


def _commit(part: Part, known: Locked, hub: Hub, commits: dict[tuple[str, str], str]) -> str:
    """What a part is fetched at: where it is pinned, or else what its branch was when it was first asked for."""
    source, pins = part.source, known.revision if pinned(part, known) else None
    asked = source.repo or "", pins or source.revision or known.revision or "main"
    if hub.offline or COMMIT.fullmatch(asked[1]):
        return asked[1]
    if asked not in commits:
        commits[asked] = commit_of(*asked, hub=hub)
    return commits[asked]


def _converted(part: Part, files: Iterable[str]) -> list[Path]:
    """Make safetensors of old checkpoints among `files`, and config.json of taming's model.yaml, unless it is done."""
    made = []
    for file in files:
        target, source = made_of(part, file), part.root / file
        if target is None:
            continue
        name, before = target.relative_to(part.root).as_posix(), pin_of(source).sha256
        if here(part.root, name) and receipt(part.root)[name].get("source_sha256") == before:
            continue
        if source.suffix in OLD:
            convert(source, target)
        else:
            target.write_text(json.dumps(vqgan_config(source), indent=2) + "\n", encoding="utf-8")
        note(part.root, name, {"revision": None, **digest(target), "source_sha256": before})
        made.append(target)
    return made


def made_of(part: Part, file: str) -> Path | None:
    """What is made of a file: of a checkpoint safetensors, beside it or for taming's in the part's own folder; of
    taming's model.yaml config.json; None where it is read as it is.
    """
    source = part.root / file
    if source.name == "model.yaml":
        return part.path / "config.json"
    if source.suffix not in OLD:
        return None
    return (part.path if part.kind == "vqgan" else source.parent) / renamed(source)


def renamed(file: Path) -> str:
    """What the safetensors made of an old checkpoint must be called to be found: of pytorch_model.bin
    model.safetensors."""
    name, dot, copy = file.stem.partition(".")  # the copy in half precision is called so behind its name
    return f"{RENAMED.get(name, name)}{dot}{copy}.safetensors"


def unpinned(parts: Iterable[Part], lock: Mapping[str, Locked]) -> dict[str, str]:
    """By part: why it is not known to be what was pinned.  Parts that ship with this project are pinned by git."""
    found = {}
    for part in parts:
        why = _loose(part, lock.get(key(part), Locked())) if key(part) else ""
        if why := why or loose(part, lock):
            found[part.name] = why
    return found


def stray(part: Part, lying: Iterable[Path], lock: Mapping[str, Locked]) -> str:
    """Why one of the files `lying` where a part is read from is not as pinned; empty if all are.

    Which of them a library takes is its own affair: of a file and its shards, say, or of two precisions.
    """
    known, notes = lock.get(key(part), Locked()).files, receipt(part.root)
    origin = {made_of(part, file): file for file in known}
    for path in lying:
        name = path.relative_to(part.root).as_posix()
        name = name if name in known else origin.get(path, name)
        if name not in known:
            return f"{path.name} lies beside the pinned files, where it may be read, and is not pinned; move it away"
        if why := _changed(part, name, known[name], notes):
            return why
    return ""


def _loose(part: Part, known: Locked) -> str:
    files = held(part.source.files, known.files, part.source.inferred)
    extras = [file for file in part.source.files if PurePosixPath(file).name in EXTRAS and (part.root / file).exists()]
    if missing := [file for file in (*files, *extras) if file not in known.files]:
        return f"{missing[0]} is not in the lock file; `quartet pin` writes it while online"
    notes = receipt(part.root)
    return next(filter(None, (_changed(part, file, known.files[file], notes) for file in files)), "")


def _changed(part: Part, file: str, pin: Pin, notes: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a file of a part, or what is read in its place, is not what was pinned; empty if it is."""
    path = part.root / file
    if not path.is_file():
        return f"{file} is not here; `quartet fetch` brings it"
    if not matches(path, pin):
        return f"{file} is not the pinned file; delete it and run `quartet fetch`"
    if made := made_of(part, file):
        name = made.relative_to(part.root).as_posix()
        if not here(part.root, name) or notes[name].get("source_sha256") != pin.sha256:
            return f"{made.name} was not made of the pinned {file}; `quartet fetch` makes it"
    return ""
