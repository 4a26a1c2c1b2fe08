"""The lock file: which revision of each repository is meant, and what each of its files weighs and hashes to.

It is written from what a hub answers, or from a file that lies here; nothing in it is ever made up.

    {"owner/name": {"revision": "40 hexadecimal digits", "files": {"unet/config.json": {"bytes": 1, "sha256": "..."}}}}

Of a revision that quartet.toml names it is "owner/name@revision".
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoSibling

from models.catalog.seen import held
from models.hub.fetch import Hub, fetch
from models.hub.receipt import Pin, pin_of
from models.hub.trouble import NotFetched, explain

LOCK = Path(__file__).with_name("lock.json")


@dataclass(frozen=True, slots=True)
class Locked:
    """One repository: its revision (None where files came by hand) and the pins of its files."""

    revision: str | None = None
    files: Mapping[str, Pin] = field(default_factory=dict)


def read_lock(path: Path = LOCK) -> dict[str, Locked]:
    """What is pinned; nothing where there is no file yet.  A ValueError where it is no lock."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            repo: Locked(one["revision"], {file: Pin(**pin) for file, pin in one["files"].items()})
            for repo, one in found.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no lock file ({error}): delete it and run `quartet pin`") from error


def write_lock(lock: Mapping[str, Locked], path: Path = LOCK) -> None:
    """Whole or not at all, in an order that does not change."""
    text = json.dumps({repo: asdict(one) for repo, one in lock.items()}, indent=1, sort_keys=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(f"{text}\n", encoding="utf-8")
    os.replace(part, path)


def pin(
    repo: str,
    files: Sequence[str],
    *,
    inferred: Collection[str] = (),
    revision: str | None = None,
    hub: Hub | None = None,
) -> Locked:
    """Ask the hub for the present revision (or `revision`) of `repo`, and for length and SHA-256 of `files` in it.

    The hub names the SHA-256 of large files; small ones are fetched and hashed.  What may be missing, and what comes
    in the place of names that were `inferred`, says `models.catalog.seen`.  Raises NotFetched.
    """
    hub = hub or Hub()
    facts = {"repo": repo, "revision": revision or "main", "file": "the list of files", "endpoint": hub.endpoint}
    if hub.offline:
        raise NotFetched("offline", **facts)
    try:
        api = HfApi(endpoint=hub.endpoint, token=hub.token)
        found = api.model_info(repo, revision=revision, files_metadata=True)
    except Exception as error:
        raise explain(error, **facts) from error
    there = {one.rfilename: one for one in found.siblings or ()}
    files = held(files, there, inferred)
    if missing := [file for file in files if file not in there]:
        raise NotFetched("file", **facts | {"file": missing[0], "revision": found.sha})
    return Locked(found.sha, {file: _pin(repo, there[file], found.sha, hub) for file in files})


def pin_here(folder: Path, files: Sequence[str]) -> Locked:
    """Pin files that were put into `folder` by hand to what they are now."""
    return Locked(None, {file: pin_of(folder / file) for file in files})


def _pin(repo: str, one: RepoSibling, revision: str, hub: Hub) -> Pin:
    if one.lfs is not None:
        return Pin(one.lfs.size, one.lfs.sha256)
    with TemporaryDirectory() as folder:
        return pin_of(fetch(repo, [one.rfilename], Path(folder), revision=revision, hub=hub)[one.rfilename])
