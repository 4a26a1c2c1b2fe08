"""Fetching, against a hub on this computer that answers over real HTTP: nothing half or foreign is ever kept."""

import errno
import io
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from models.hub.fetch import Hub, fetch
from models.hub.receipt import Pin, digest, here, note, receipt
from models.hub.trouble import SENTENCES, NotFetched, explain
from tests.standin import COMMIT, blob, sha, standin

REPO, LARGE, SMALL = "painters/red-cat", "unet/model.safetensors", "unet/config.json"
DATA = np.random.default_rng(0).bytes(3_000_000)
FILES = {(REPO, LARGE): DATA, (REPO, SMALL): b'{"a": 1}\n'}
PINS = {name: Pin(len(data), sha(data)) for (_, name), data in FILES.items()}


@pytest.fixture
def hub():
    with standin(FILES) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_account(monkeypatch, tmp_path):
    """Neither the token nor the cache of whoever runs the tests."""
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)  # else 10 MiB are in the air at once


def get(server, folder, *files, **options):
    options.setdefault("hub", Hub(server.url, offline=False))
    return fetch(REPO, files or (LARGE, SMALL), folder, **options)


def names(folder):
    """What a loader could see: every file but locks."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


def refused(kind, server, folder, *files, **options):
    with pytest.raises(NotFetched) as caught:
        get(server, folder, *files, **options)
    assert caught.value.kind == kind, caught.value
    assert not list(folder.rglob("*.safetensors")), "a file that is not whole has its name"
    return caught.value


def test_files_arrive_whole_with_a_receipt_and_are_not_asked_for_again(hub, tmp_path):
    seen = []
    found = get(hub, tmp_path, progress=lambda *told: seen.append(told))
    assert found == {LARGE: tmp_path / LARGE, SMALL: tmp_path / SMALL}
    assert (tmp_path / LARGE).read_bytes() == DATA
    assert names(tmp_path) == ["fetched.json", SMALL, LARGE]
    assert receipt(tmp_path)[LARGE] == {"revision": COMMIT, "bytes": len(DATA), "sha256": sha(DATA), "git": blob(DATA)}
    large = [(done, total) for name, done, total in seen if name == LARGE]
    assert large == sorted(large)
    assert large[-1] == (len(DATA), len(DATA))
    before = dict(hub.served)
    get(hub, tmp_path)  # unpinned: the hub is asked whether anything changed, and no byte is sent
    assert hub.served == before
    del hub.asked[:]
    get(hub, tmp_path, pins=PINS)  # pinned: nobody is asked at all
    assert hub.asked == []
    get(hub, tmp_path, hub=Hub("http://127.0.0.1:9", offline=True))


def test_a_new_version_replaces_the_old_one(hub, tmp_path):
    get(hub, tmp_path)
    hub.files[REPO, LARGE] = DATA[::-1]
    get(hub, tmp_path)
    assert (tmp_path / LARGE).read_bytes() == DATA[::-1]
    assert receipt(tmp_path)[LARGE]["sha256"] == sha(DATA[::-1])


def test_cut_at_60_percent_only_the_rest_is_fetched(hub, tmp_path):
    hub.trouble[LARGE] = ("cut", 0.6, 1)
    get(hub, tmp_path)
    assert (tmp_path / LARGE).read_bytes() == DATA
    assert hub.served[LARGE] == len(DATA)  # 60% and then 40%
    assert [reach for verb, path, reach, _ in hub.asked if verb == "GET" and path.endswith(LARGE)] == [
        None,
        f"bytes={int(len(DATA) * 0.6)}-",
    ]


def test_broken_off_by_the_user_another_process_fetches_only_the_rest(hub, tmp_path):
    hub.trouble[LARGE] = ("cut", 0.6, 99)  # and after that 60% of the rest, and so on: the line is bad

    def impatient(_, done, total):
        if done > 0.5 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(hub, tmp_path, LARGE, progress=impatient)
    assert not here(tmp_path, LARGE)
    (part,) = names(tmp_path)
    assert part.endswith(".part")
    kept = (tmp_path / part).stat().st_size
    assert 0.5 * len(DATA) < kept <= 0.6 * len(DATA)
    assert (tmp_path / part).read_bytes() == DATA[:kept]
    hub.trouble.clear()
    hub.served.clear()
    get(hub, tmp_path, LARGE)
    assert hub.served[LARGE] == len(DATA) - kept
    assert (tmp_path / LARGE).read_bytes() == DATA


def test_a_line_that_gives_nothing_is_given_up_and_what_came_is_kept(hub, tmp_path):
    hub.trouble[LARGE] = ("cut", 0.6, 1)
    server_cut = {"left": 1}
    bytes_of = hub.RequestHandlerClass.bytes_of

    def silent(self, repo, name, body, commit):
        if body and name == LARGE and not server_cut["left"]:
            self.close_connection = True  # hangs up without a word
            return
        server_cut["left"] -= body and name == LARGE
        bytes_of(self, repo, name, body, commit)

    hub.RequestHandlerClass = type("Silent", (hub.RequestHandlerClass,), {"bytes_of": silent})
    refused("network", hub, tmp_path, LARGE)
    (part,) = names(tmp_path)
    assert (tmp_path / part).read_bytes() == DATA[: int(len(DATA) * 0.6)]


@pytest.mark.parametrize("size", [1, 10_000])
def test_what_has_the_wrong_hash_is_refused_and_not_kept(hub, tmp_path, size):
    data = b"x" * size
    hub.files[REPO, "x.safetensors"] = data
    bad = Pin(size, sha(b"y" * size))
    error = refused("hash", hub, tmp_path, "x.safetensors", pins={"x.safetensors": bad})
    assert sha(data) in str(error)
    assert bad.sha256 in str(error)
    assert names(tmp_path) == []
    assert hub.served.get("x.safetensors", 0) == (size if size < 1000 else 0)  # a large one is not even asked for


def test_what_is_damaged_on_the_way_is_refused(hub, tmp_path):
    hub.hashes[LARGE] = sha(b"what the hub has")
    refused("hash", hub, tmp_path)
    assert names(tmp_path) == []
    hub.hashes.clear()
    part = tmp_path / f"{LARGE}.{sha(DATA)[:16]}.part"
    part.write_bytes(b"?" * 1000)  # a first part that does not belong to the rest
    refused("hash", hub, tmp_path, LARGE)
    assert names(tmp_path) == []
    get(hub, tmp_path, LARGE)
    assert (tmp_path / LARGE).read_bytes() == DATA


@pytest.mark.parametrize(
    ("trouble", "kind", "says"),
    [
        ("gated", "gated", ("accept its conditions", f"/{REPO}", "/settings/tokens", "HF_TOKEN")),
        (401, "absent", ("private", "HF_TOKEN")),
        (403, "token", ("refuses the token", "/settings/tokens")),
        (404, "file", (LARGE, COMMIT)),
        (500, "server", ("500", "HF_ENDPOINT")),
        (503, "server", ("503", "HF_ENDPOINT")),
    ],
)
def test_every_answer_of_a_hub_is_explained(hub, tmp_path, trouble, kind, says):
    hub.trouble[LARGE] = trouble
    error = refused(kind, hub, tmp_path, revision=COMMIT)
    assert all(word in str(error) for word in (REPO, hub.url, *says)), error
    assert names(tmp_path) == []


def test_a_mirror_is_named_in_the_environment(hub, tmp_path):
    """In a process of its own: the hub's library reads its environment when it is imported."""
    program = f"from pathlib import Path; from models.hub.fetch import fetch; fetch({REPO!r}, [{SMALL!r}], Path('.'))"
    told = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=os.environ | told)
    assert (tmp_path / SMALL).read_bytes() == FILES[REPO, SMALL]
    assert hub.asked, "and nobody else was"


def test_names_that_are_not_there_are_explained(hub, tmp_path):
    assert "unet/no.safetensors" in str(refused("file", hub, tmp_path, "unet/no.safetensors"))
    refused("revision", hub, tmp_path, revision="f" * 40)
    with pytest.raises(NotFetched) as caught:
        fetch("painters/nobody", [LARGE], tmp_path, hub=Hub(hub.url, offline=False))
    assert caught.value.kind == "absent"
    refused("network", hub, tmp_path, hub=Hub("http://127.0.0.1:9", offline=False))
    refused("offline", hub, tmp_path, hub=Hub(hub.url, offline=True))
    assert set(SENTENCES) >= {"gated", "token", "absent", "revision", "file", "server", "network", "offline", "disk"}


def test_a_place_that_cannot_be_written_is_no_trouble_of_the_network(hub, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotFetched, match="cannot be written into") as caught:
        get(hub, tmp_path / "file")
    assert caught.value.kind == "shut"
    assert explain(PermissionError(errno.EACCES, "denied"), repo=REPO).kind == "shut"


def test_two_who_fetch_into_one_folder_lose_no_note(tmp_path):
    def many(who):
        for i in range(40):
            note(tmp_path, f"{who} {i}", {"bytes": i})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(many, ("a", "b")))
    assert len(receipt(tmp_path)) == 80


@pytest.mark.parametrize("name", ["../escape.bin", "/etc/passwd", "unet/../../x", "C:\\x", "a\\b", ""])
def test_a_name_that_leads_out_of_the_folder_is_never_asked_for(hub, tmp_path, name):
    refused("unsafe", hub, tmp_path / "in", name)
    assert hub.asked == []
    assert not list(tmp_path.iterdir())


@contextmanager
def limited(most):
    """The kernel itself refuses what goes beyond `most` bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Crowded(io.FileIO):
    """A file on a disk that has room for `most` bytes of it: what fits is written, then there is no space left."""

    most = 1_000_000

    def write(self, data):
        if not (fits := self.most - self.tell()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)
        return super().write(memoryview(data)[:fits])


@contextmanager
def crowded(most):
    plain = Path.open

    def opened(path, mode="r", **more):
        return io.BufferedWriter(Crowded(path, "a")) if mode == "ab" else plain(path, mode, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crowded, "most", most)
        patch.setattr(Path, "open", opened)
        yield


@pytest.mark.parametrize("full", [limited, crowded])
def test_a_full_disk_is_said_and_what_came_is_kept(hub, tmp_path, full):
    with full(1_000_000):
        error = refused("disk", hub, tmp_path)
    assert "make room" in str(error)
    assert os.strerror(errno.EFBIG if full is limited else errno.ENOSPC) in str(error)
    (part,) = names(tmp_path)
    assert 900_000 <= (tmp_path / part).stat().st_size <= 1_000_000
    assert (tmp_path / part).read_bytes() == DATA[: (tmp_path / part).stat().st_size]
    hub.served.clear()
    get(hub, tmp_path)
    assert (tmp_path / LARGE).read_bytes() == DATA
    assert hub.served[LARGE] < len(DATA)


def test_a_disk_that_is_too_small_is_seen_before_a_byte_is_asked_for(hub, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 64 * 2**20})
    monkeypatch.setattr("models.hub.fetch.shutil.disk_usage", lambda _: usage)
    assert f"{len(DATA):,} bytes are missing" in str(refused("disk", hub, tmp_path))
    assert LARGE not in hub.served


def test_the_token_goes_to_the_hub_and_not_to_its_warehouse(hub, tmp_path):
    get(hub, tmp_path, hub=Hub(hub.url, token="hf_secret", offline=False))
    tokens = {("warehouse" in path, token) for _, path, _, token in hub.asked}
    assert tokens == {(False, "Bearer hf_secret"), (True, None)}


def test_what_the_hubs_own_cache_has_is_taken_from_there(hub, tmp_path, monkeypatch):
    from huggingface_hub import hf_hub_download

    cache = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    hf_hub_download(REPO, LARGE, cache_dir=cache, endpoint=hub.url)
    hub.served.clear()
    get(hub, tmp_path / "own", LARGE)
    assert hub.served.get(LARGE, 0) == 0
    assert (tmp_path / "own" / LARGE).read_bytes() == DATA


def test_a_file_hashes_as_git_and_sha256_have_it(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert digest(tmp_path / "a") == {
        "bytes": 6,
        "sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "git": "ce013625030ba8dba906f756967f9e9ca394464a",
    }
