"""Parts and their sources: what of a part is here, bringing the rest, and whether it is what was pinned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from models.catalog import Part
from models.hub.convert import convert, vqgan_config
from models.hub.fetch import Hub, Progress, fetch
from models.hub.local import loose
from models.hub.lock import Locked
from models.hub.receipt import digest, here, note, receipt
from models.hub.refuse import Refused

OLD = (".bin", ".ckpt", ".pt", ".pth")
RENAMED = {"pytorch_model": "model", "last": "model"}  # what transformers and taming call it, and what is read


def key(part: Part) -> str:
    """The name under which a part's files are pinned: its repository, or the page they are fetched from by hand."""
    return part.source.repo or part.source.url or ""


def bring(
    part: Part, lock: Mapping[str, Locked], *, hub: Hub | None = None, progress: Progress | None = None
) -> list[Path]:
    """Fetch what is missing of a part, at its pinned revision where it has one, and make safetensors of old files.

    Returns the files it was converted to.  Raises NotFetched, Refused, or a ValueError where only a person can fetch.
    """
    source, known = part.source, lock.get(key(part), Locked())
    if source.repo:
        revision = source.revision or known.revision or "main"
        fetch(source.repo, source.files, part.root, revision=revision, pins=known.files, hub=hub, progress=progress)
    elif missing := [file for file in source.files if not (part.root / file).is_file()]:
        raise ValueError(
            f"part {part.name!r} is on no hub: fetch {', '.join(missing)} from {source.url or 'where it is yours'} by "
            f"hand, put it into {part.root} in the same folders, and run `quartet fetch` again"
        )
    for file, pin in known.files.items():
        if not source.repo and file in source.files and digest(part.root / file)["sha256"] != pin.sha256:
            raise Refused(part.root / file, f"its SHA-256 is not the pinned {pin.sha256}")
    return _converted(part)


def _converted(part: Part) -> list[Path]:
    """Make safetensors of a part's old checkpoints, and config.json of taming's model.yaml, unless that was done."""
    made = []
    for file in part.source.files:
        source = part.root / file
        if source.suffix not in OLD:
            if source.name == "model.yaml":
                text = json.dumps(vqgan_config(source), indent=2) + "\n"
                (part.path / "config.json").write_text(text, encoding="utf-8")
            continue
        target = target_of(part, file)
        before = digest(source)["sha256"]
        name = target.relative_to(part.root).as_posix()
        if here(part.root, name) and receipt(part.root)[name].get("source_sha256") == before:
            continue
        convert(source, target)
        note(part.root, name, {"revision": None, **digest(target), "source_sha256": before})
        made.append(target)
    return made


def target_of(part: Part, file: str) -> Path:
    """Where the safetensors of an old checkpoint go: beside it, or for taming's into the part's own folder."""
    source = part.root / file
    folder = part.path if part.kind == "vqgan" else source.parent
    return folder / f"{RENAMED.get(source.stem, source.stem)}.safetensors"


def unpinned(parts: Iterable[Part], lock: Mapping[str, Locked]) -> dict[str, str]:
    """By part: why it is not known to be what was pinned.  Parts that ship with this project are pinned by git."""
    found = {}
    for part in parts:
        why = _loose(part, lock.get(key(part), Locked())) if key(part) else ""
        if why := why or loose(part, lock):
            found[part.name] = why
    return found


def _loose(part: Part, known: Locked) -> str:
    if missing := [file for file in part.source.files if file not in known.files]:
        return f"{missing[0]} is not in the lock file; `quartet pin` writes it while online"
    notes = receipt(part.root)
    for file in part.source.files:
        pin, path = known.files[file], part.root / file
        if not path.is_file():
            return f"{file} is not here; `quartet fetch` brings it"
        if not here(part.root, file, pin) and digest(path)["sha256"] != pin.sha256:
            return f"{file} is not the pinned file; delete it and run `quartet fetch`"
        if path.suffix in OLD:
            made = target_of(part, file)
            name = made.relative_to(part.root).as_posix()
            if not here(part.root, name) or notes[name].get("source_sha256") != pin.sha256:
                return f"{made.name} was not made of the pinned {file}; `quartet fetch` makes it"
    return ""
