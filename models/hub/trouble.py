"""Why a file could not be fetched, in one sentence that says what to do."""

from __future__ import annotations

import errno
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SHUT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)

SENTENCES = {
    "gated": "{repo} is gated: open {page}, accept its conditions there, make a token that may read at {host}/settings/"
    "tokens, and give it with `hf auth login` or in the variable HF_TOKEN",
    "token": "{repo} refuses the token that was given (status {status}): make a new one that may read at {host}/"
    "settings/tokens, and give it with `hf auth login` or in the variable HF_TOKEN",
    "absent": "{repo} is not to be seen at {host} (status {status}): it does not exist, or it is private; open {page}, "
    "and if your account may see it, give a token with `hf auth login` or in the variable HF_TOKEN",
    "revision": "{repo} has no revision {revision}: run `quartet pin` to take the present one, or name another where "
    "quartet.toml names it",
    "file": "{repo} has no file {file} at revision {revision}: see {page}/tree/{revision}",
    "server": "{host} answers with status {status} for {file} of {repo}: try later, or set HF_ENDPOINT to a mirror",
    "network": "{host} cannot be reached for {file} of {repo} ({detail}): what has arrived is kept; run it again",
    "cut": "{file} of {repo} broke off before its end ({detail}): what has arrived is kept; run it again",
    "offline": "{file} of {repo} is not on this computer and HF_HUB_OFFLINE is set: unset it once to fetch the file",
    "disk": "{file} of {repo} does not fit on the disk of {folder} ({detail}): make room, or set QUARTET_HOME",
    "shut": "{file} of {repo} cannot be written into {folder} ({detail}): give this user leave to write there, or set "
    "QUARTET_HOME to another folder",
    "hash": "{file} of {repo} is not the file that was asked for ({detail}): it was not kept; try again, and if it "
    "happens again do not use this source",
    "unsafe": "{file} of {repo} is no place inside a folder: such a name is never fetched",
}


class NotFetched(RuntimeError):
    """A file of a repository could not be had.  `kind` is a key of SENTENCES; `facts` are the values in it."""

    def __init__(self, kind: str, **facts: Any):
        host = facts.pop("endpoint", None) or constants.ENDPOINT
        blank = dict.fromkeys(("file", "revision", "status", "detail", "folder"), "")
        self.kind, self.facts = kind, blank | {"host": host, "page": f"{host}/{facts.get('repo')}"} | facts
        super().__init__(SENTENCES[kind].format(**self.facts))


def explain(error: Exception, **facts: Any) -> NotFetched:
    """The trouble behind an exception of huggingface_hub, its HTTP library or the file system."""
    if isinstance(error, NotFetched):
        return error
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else 0
    detail = str(error).strip().split("\n")[0] or type(error).__name__
    return NotFetched(_kind(error, status), status=status, detail=detail, **facts)


def _kind(error: Exception, status: int) -> str:
    kinds = {
        GatedRepoError: "gated", RevisionNotFoundError: "revision", RemoteEntryNotFoundError: "file",
        RepositoryNotFoundError: "absent", OfflineModeIsEnabled: "offline",
    }  # fmt: skip
    for kind, name in kinds.items():  # gated before absent: the one is a case of the other
        if isinstance(error, kind):
            return name
    if status in (401, 403):
        return "token"
    if status:
        return "file" if status == 404 else "server"
    if isinstance(error, OSError) and error.errno in FULL:
        return "disk"
    if isinstance(error, OSError) and error.errno in SHUT:
        return "shut"
    return "cut" if isinstance(error, OSError) and "Consistency check" in str(error) else "network"
