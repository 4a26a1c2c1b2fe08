"""Files of a repository onto this computer: resumed where they broke off, and checked before they get their name.

A file that is on its way is called NAME.HASH.part, which no loader reads; only what has the right hash is renamed.
huggingface_hub finds and transfers, in chunks of 10 MiB; what a broken download had it throws away, so this keeps it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import is_offline_mode
from huggingface_hub.file_download import HfFileMetadata, http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers
from tqdm import tqdm

from models.hub.receipt import Pin, digest, here, matches, note, receipt
from models.hub.trouble import NotFetched, explain

SPARE = 64 * 2**20  # bytes of the disk that stay free
Progress = Callable[[str, int, int | None], None]  # file, bytes that are here, bytes in all


@dataclass(frozen=True, slots=True)
class Hub:
    """Where to ask, as whom, and whether at all.  `endpoint` None: HF_ENDPOINT, or huggingface.co."""

    endpoint: str | None = None
    token: str | bool | None = None
    offline: bool = field(default_factory=is_offline_mode)


def fetch(
    repo: str,
    files: Sequence[str],
    folder: Path,
    *,
    revision: str = "main",
    pins: Mapping[str, Pin] | None = None,
    hub: Hub | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """`files` of `repo` at `revision`, laid out under `folder` as in the repository; what is there is not asked for.

    Each is checked against its pin, or else against the hash the hub names.  Raises NotFetched, and then no file that
    is not whole has its name.  `progress` is called as bytes arrive, and may raise to break off.
    """
    job = _Job(repo, folder, revision, hub or Hub(), progress or (lambda *_: None))
    return {file: job.one(file, (pins or {}).get(file)) for file in files}


def commit_of(repo: str, revision: str = "main", *, hub: Hub) -> str:
    """The commit that `revision` of `repo` is now.  Raises NotFetched."""
    try:
        return HfApi(endpoint=hub.endpoint, token=hub.token).model_info(repo, revision=revision).sha or revision
    except Exception as error:
        facts = {"repo": repo, "revision": revision, "file": "the newest commit", "endpoint": hub.endpoint}
        raise explain(error, **facts) from error


@dataclass(frozen=True, slots=True)
class _Job:
    repo: str
    folder: Path
    revision: str
    hub: Hub
    progress: Progress

    def one(self, file: str, pin: Pin | None) -> Path:
        """Fetch one file, or find it here."""
        facts = {"repo": self.repo, "file": file, "revision": self.revision, "folder": self.folder}
        facts["endpoint"] = self.hub.endpoint
        inside = PurePosixPath(file)
        if inside.is_absolute() or ".." in inside.parts or "\\" in file or ":" in file or not inside.name:
            raise NotFetched("unsafe", **facts)
        path = self.folder / inside
        if matches(path, pin) if pin else self.hub.offline and here(self.folder, file):
            return path
        if self.hub.offline:
            raise NotFetched("offline", **facts)
        try:
            found = self._ask(file)
            if pin is not None or not self._same(file, found):
                path.parent.mkdir(parents=True, exist_ok=True)
                self._bring(file, path, found, pin, facts)
            return path
        except Exception as error:
            raise explain(error, **facts) from error

    def _ask(self, file: str) -> HfFileMetadata:
        url = hf_hub_url(self.repo, file, revision=self.revision, endpoint=self.hub.endpoint)
        found = get_hf_file_metadata(url, token=self.hub.token, endpoint=self.hub.endpoint)
        if not found.etag or not found.commit_hash:
            raise ValueError(f"{url} is answered without ETag and X-Repo-Commit: this is no hub")
        return found

    def _same(self, file: str, found: HfFileMetadata) -> bool:
        """Whether what is here is what the hub has."""
        known = receipt(self.folder).get(file, {})
        return here(self.folder, file) and found.etag in (known["sha256"], known["git"])

    def _bring(self, file: str, path: Path, found: HfFileMetadata, pin: Pin | None, facts: dict[str, Any]) -> None:
        """Part file, check, name, receipt."""
        part = path.with_name(f"{path.name}.{found.etag[:16]}.part")
        if pin is not None and len(found.etag) == 64 and found.etag != pin.sha256:
            raise NotFetched(
                "hash", **facts | {"detail": f"the hub names SHA-256 {found.etag}, pinned is {pin.sha256}"}
            )
        with WeakFileLock(path.with_name(f"{path.name}.lock")):
            for old in set(path.parent.glob(f"{path.name}.*.part")) - {part}:
                old.unlink()
            cached = try_to_load_from_cache(self.repo, file, revision=found.commit_hash)
            if isinstance(cached, str):  # a Space is told to preload files into the hub's own cache
                shutil.copyfile(cached, part)
            else:
                self._room(part, found.size, facts)
                self._transfer(file, part, found)
            arrived = {"revision": found.commit_hash, **digest(part)}
            wrong = _wrong(arrived, found, pin)
            if wrong:
                part.unlink()
                raise NotFetched("hash", **facts | {"detail": wrong})
            os.replace(part, path)
            note(self.folder, file, arrived)

    def _room(self, part: Path, size: int | None, facts: dict[str, Any]) -> None:
        need = (size or 0) - (part.stat().st_size if part.exists() else 0)
        free = shutil.disk_usage(part.parent).free
        if need + SPARE > free:
            raise NotFetched("disk", **facts | {"detail": f"{need:,} bytes are missing, {free:,} are free"})

    def _transfer(self, file: str, part: Path, found: HfFileMetadata) -> None:
        headers = build_hf_headers(token=self.hub.token)
        asked = hf_hub_url(self.repo, file, revision=self.revision, endpoint=self.hub.endpoint)
        if urlsplit(asked).netloc != urlsplit(found.location).netloc:
            headers.pop("authorization", None)  # the token is the hub's business, not its warehouse's
        with part.open("ab") as data:
            if data.tell() > (found.size or data.tell()):
                data.truncate(0)
            begun = data.seek(0, os.SEEK_END)
            told = _Told(data, lambda: self.progress(file, data.tell(), found.size))
            http_get(
                found.location, told, resume_size=begun, headers=headers, expected_size=found.size, tqdm_class=_Silent
            )  # fmt: skip
            data.flush()
            os.fsync(data.fileno())


class _Told:
    """A file that tells after every write; all else is the file's own."""

    def __init__(self, data: Any, tell: Callable[[], None]):
        self._data, self._tell = data, tell

    def write(self, chunk: bytes) -> int:
        written = self._data.write(chunk)
        self._tell()
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


class _Silent(tqdm):
    """A bar that nobody sees: this package prints nothing."""

    def __init__(self, *_: Any, **options: Any):
        super().__init__(disable=True, total=options.get("total"))


def _wrong(arrived: Mapping[str, Any], found: HfFileMetadata, pin: Pin | None) -> str:
    """What is wrong with a file that has arrived; empty when it is the right one."""
    if pin is not None and arrived["sha256"] != pin.sha256:
        return f"SHA-256 {arrived['sha256']}, pinned is {pin.sha256}"
    if found.etag not in (arrived["sha256"], arrived["git"]):
        return f"SHA-256 {arrived['sha256']}, the hub names {found.etag}"
    return ""
