"""Files of one's own on this computer, which quartet.toml names or a folder laid out like the classroom's holds: which
of them a part reads, and whether they are as pinned.  They are pinned under one name, by the paths that were given:
relative ones hold wherever they are taken to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from models.catalog import SHIPPED, Part
from models.hub.lock import Locked
from models.hub.receipt import matches, pin_of

HERE = "this computer"  # in the place of a repository
READ = (".json", ".safetensors", ".txt")


def own_files(part: Part) -> list[Path]:
    """Every file that `part` may be read from and that neither a repository nor a page is the source of."""
    source, found = part.source, []
    away = {part.root / file for file in source.files if source.repo or source.url}
    elsewhere = not (source.files or source.url) and not part.path.resolve().is_relative_to(SHIPPED)
    if elsewhere or (source.files and not away):
        found += sorted(file for file in part.path.rglob("*") if file.suffix in READ) or [part.path]
    if elsewhere or source.files:
        found += [path for _, path in part.configs if path not in (*away, *found)]
    for lora in part.loras:
        beside = lora.file.with_name("adapter_config.json")
        found += [lora.file, *([beside] if beside.is_file() else [])]
    return found


def pin_own(part: Part, before: Locked) -> Locked:
    """`before`, with pins of all that is one's own in `part` as it is now.  OSError names a file that is missing."""
    found = {file.as_posix(): pin_of(file) for file in own_files(part)}
    return Locked(None, {**before.files, **found})


def loose(part: Part, lock: Mapping[str, Locked]) -> str:
    """Why one's own files of `part` are not known to be what was pinned; empty where they are, or where it has none."""
    pins = lock.get(HERE, Locked()).files
    for file in own_files(part):
        if not file.is_file():
            return f"{file} is yours to bring and not here"
        if file.as_posix() not in pins:
            return f"{file} is your own and not pinned; `quartet pin {part.name}` does that, online or not"
        if not matches(file, pins[file.as_posix()]):
            return f"{file} is not the pinned file; if the change is yours, run `quartet pin {part.name}`"
    return ""
