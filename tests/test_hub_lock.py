"""Pinning, fetching and converting by part and from a shell: what is served is what was pinned."""

import io
import json
import os
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save
from typer.testing import CliRunner

from lab.cli import app
from lab.race.fetching import Fetching, bring_pinned
from lab.race.painters import open_suite, plan
from models.catalog import Part, Source, classroom
from models.hub.fetch import Hub
from models.hub.lock import pin, pin_here, read_lock, write_lock
from models.hub.receipt import Pin, receipt
from models.hub.refuse import Refused
from models.hub.store import ByHand, bring, key, unpinned
from models.hub.trouble import NotFetched
from models.parts.vqgan import CLASSROOM, Vqgan
from tests.standin import COMMIT, sha, standin
from tests.test_hub import _no_account  # noqa: F401 - neither token nor cache of whoever runs the tests

REPO = "painters/red-cat"
STATE = {"weight": torch.arange(600.0).reshape(20, 30)}


def old(state):
    data = io.BytesIO()
    torch.save(state, data)
    return data.getvalue()


NEW, BIN, CONFIG = "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin", "unet/config.json"
FILES = {(REPO, NEW): save(STATE), (REPO, BIN): old(STATE), (REPO, CONFIG): b'{"a": 1}\n'}


@pytest.fixture
def hub():
    with standin(FILES) as server:
        yield server


def part(tmp_path, *files):
    source = Source(REPO, files, "unet", None, "openrail", "Only for good.")
    return Part("unet", "UNet2DConditionModel", tmp_path / REPO / "unet", source=source)


def change(file, data):
    """Other bytes, as many as before; and a later time, for a clock that stands between two writes."""
    assert len(data) == file.stat().st_size
    assert data != file.read_bytes()
    file.write_bytes(data)
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime + 1))


def test_pin_writes_what_the_hub_says_and_nothing_else(hub, tmp_path):
    asked = Hub(hub.url, offline=False)
    found = pin(REPO, [NEW, CONFIG], hub=asked)
    assert found.revision == COMMIT
    assert found.files == {name: Pin(len(FILES[REPO, name]), sha(FILES[REPO, name])) for name in (NEW, CONFIG)}
    assert NEW not in hub.served, "a large file is not fetched to be pinned"
    write_lock({REPO: found}, tmp_path / "lock.json")
    assert read_lock(tmp_path / "lock.json") == {REPO: found}
    with pytest.raises(NotFetched, match=r"no file unet/gone\.bin"):
        pin(REPO, ["unet/gone.bin"], hub=asked)
    with pytest.raises(NotFetched, match="not to be seen"):
        pin("painters/nobody", [NEW], hub=asked)
    with pytest.raises(NotFetched, match="HF_HUB_OFFLINE"):
        pin(REPO, [NEW], hub=Hub(hub.url, offline=True))
    hub.trouble["api"] = 500
    with pytest.raises(NotFetched, match="status 500"):
        pin(REPO, [NEW], hub=asked)


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}', '{"a": {"revision": null, "files": {"b": {"bytes": 1}}}}'])
def test_a_broken_lock_is_said(tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(ValueError, match="no lock file"):
        read_lock(tmp_path / "lock.json")
    assert read_lock(tmp_path / "none.json") == {}


def test_a_part_is_brought_as_pinned_and_known_to_be(hub, tmp_path):
    asked, one = Hub(hub.url, offline=False), part(tmp_path, NEW, CONFIG)
    assert "quartet pin" in unpinned([one], {})["unet"]
    lock = {REPO: pin(REPO, one.source.files, hub=asked)}
    assert "quartet fetch" in unpinned([one], lock)["unet"]
    assert bring(one, lock, hub=asked) == []
    assert unpinned([one], lock) == {}
    assert f"/{REPO}/resolve/{COMMIT}/{NEW}" in [path for _, path, _, _ in hub.asked], "the pinned revision is fetched"
    assert bring(one, lock, hub=Hub(hub.url, offline=True)) == []
    change(one.root / CONFIG, b'{"a": 9}\n')
    assert "not the pinned file" in unpinned([one], lock)["unet"]
    for known in (lock, {}):
        with pytest.raises(NotFetched, match="HF_HUB_OFFLINE"):
            bring(one, known, hub=Hub(hub.url, offline=True))
    bring(one, lock, hub=asked)
    assert (one.root / CONFIG).read_bytes() == FILES[REPO, CONFIG]
    assert unpinned([one], lock) == {}
    wrong = {REPO: replace(lock[REPO], files={**lock[REPO].files, NEW: Pin(1, "0" * 64)})}
    with pytest.raises(NotFetched, match="not the file that was asked for"):
        bring(one, wrong, hub=asked)


def test_a_revision_that_somebody_names_is_fetched_whatever_is_pinned_of_the_repository(hub, tmp_path):
    """And is pinned beside it."""
    asked, one = Hub(hub.url, offline=False), part(tmp_path, NEW, CONFIG)
    lock = {REPO: pin(REPO, one.source.files, hub=asked)}
    hub.push({(REPO, CONFIG): b'{"a": 2}\n'})
    other = replace(one, path=tmp_path / "other" / "unet", source=replace(one.source, revision=hub.commit))
    bring(one, lock, hub=asked)
    bring(other, lock, hub=asked)
    assert [(each.root / CONFIG).read_bytes() for each in (one, other)] == [FILES[REPO, CONFIG], b'{"a": 2}\n']
    assert unpinned([one, other], lock).keys() == {"unet"}
    assert "not in the lock file" in unpinned([other], lock)["unet"]
    lock[key(other)] = pin(REPO, other.source.files, revision=hub.commit, hub=asked)
    assert unpinned([one, other], lock) == {}


def test_what_is_pinned_is_brought_before_it_is_served_each_at_its_revision(hub, tmp_path, monkeypatch):
    one = part(tmp_path, CONFIG)
    other = replace(one, name="vae", path=tmp_path / "other/unet", source=replace(one.source, revision=hub.commit))
    lock = {key(other): pin(REPO, [CONFIG], revision=hub.commit, hub=Hub(hub.url, offline=False))}
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
                        hub.url + "/{repo_id}/resolve/{revision}/{filename}")  # fmt: skip
    monkeypatch.setattr("lab.race.fetching.plan", lambda *_: replace(classroom(), parts={"unet": one, "vae": other}))
    monkeypatch.setattr("lab.race.fetching.read_lock", lambda: lock)
    bring_pinned("full", "cpu")
    assert [(each.root / CONFIG).is_file() for each in (one, other)] == [False, True]


def test_an_old_part_is_converted_once_and_is_pinned_by_what_it_was_made_of(hub, tmp_path):
    asked, one = Hub(hub.url, offline=False), part(tmp_path, BIN, CONFIG)
    lock = {REPO: pin(REPO, one.source.files, hub=asked)}
    (made,) = bring(one, lock, hub=asked)
    assert made == tmp_path / REPO / NEW
    assert torch.equal(load_file(made)["weight"], STATE["weight"])
    assert bring(one, lock, hub=asked) == []
    assert unpinned([one], lock) == {}
    data = made.read_bytes()
    change(made, data[:-1] + bytes([data[-1] ^ 1]))
    assert "not made of the pinned" in unpinned([one], lock)["unet"]
    assert bring(one, lock, hub=asked) == [made]
    assert unpinned([one], lock) == {}


def test_a_push_while_files_arrive_mixes_no_two_commits(hub, tmp_path):
    net, codec = part(tmp_path, NEW, CONFIG), part(tmp_path, "vae/config.json")
    hub.files[REPO, "vae/config.json"] = b"{}"
    hub.after[NEW] = lambda: hub.push({(REPO, CONFIG): b'{"a": 2}\n', (REPO, "vae/config.json"): b'{"a": 3}'})
    asked = Fetching(Hub(hub.url, offline=False))
    asked.begin("full", {"unet": net, "vae": codec})
    while asked.busy:
        time.sleep(0.01)
    assert asked.now.state == "done", asked.now.error
    assert hub.commit != COMMIT
    assert {row["revision"] for row in receipt(net.root).values()} == {COMMIT}
    assert (net.root / CONFIG).read_bytes() == FILES[REPO, CONFIG]
    assert (net.root / "vae/config.json").read_bytes() == b"{}"
    bring(net, {}, hub=asked._hub)
    assert (net.root / CONFIG).read_bytes() == b'{"a": 2}\n', "the next fetch takes what is there then"


def test_a_hostile_file_on_a_hub_is_fetched_and_then_refused(hub, tmp_path):
    from tests import hostile

    hub.files[REPO, BIN] = hostile.torched({"weight": hostile.touch(tmp_path / "canary")})
    with pytest.raises(Refused, match=r"posix\.system"):
        bring(part(tmp_path, BIN), {}, hub=Hub(hub.url, offline=False))
    assert not (tmp_path / "canary").exists()
    assert not list(tmp_path.rglob("*.safetensors"))


def by_hand(tmp_path):
    source = Source(None, ("configs/model.yaml", "ckpts/last.ckpt"), url="https://example.org/vqgan")
    return Part("vqgan", "vqgan", tmp_path / "CompVis/vqgan", source=source)


def test_what_is_on_no_hub_is_asked_of_a_person_and_then_made_ready(tmp_path):
    from models import loaders

    one = by_hand(tmp_path)
    with pytest.raises(ByHand, match=r"ckpts/last\.ckpt from https://example\.org/vqgan by hand"):
        bring(one, {})
    torch.manual_seed(0)
    net = Vqgan({**CLASSROOM, "n_embed": 8, "embed_dim": 4})
    for file in one.source.files:
        (one.root / file).parent.mkdir(parents=True)
    (one.root / "ckpts/last.ckpt").write_bytes(old({"state_dict": net.state_dict()}))
    shape = {name: net.config[name] for name in ("ddconfig", "n_embed", "embed_dim")}
    (one.root / "configs/model.yaml").write_text(json.dumps({"model": {"params": shape}}))
    assert bring(one, {}) == [one.path / "config.json", one.path / "model.safetensors"]
    assert loaders.load(one).config["n_embed"] == 8
    lock = {one.source.url: pin_here(one.root, one.source.files)}
    assert unpinned([one], lock) == {}
    change(one.path / "config.json", (one.path / "config.json").read_bytes().replace(b'"beta": 0.25', b'"beta": 0.52'))
    assert "config.json was not made of the pinned configs/model.yaml" in unpinned([one], lock)["vqgan"]
    assert bring(one, lock) == [one.path / "config.json"]
    (one.root / "ckpts/last.ckpt").write_bytes(old(STATE))
    assert "not the pinned file" in unpinned([one], lock)["vqgan"]
    with pytest.raises(Refused, match="not the pinned"):
        bring(one, lock)


def test_what_ships_needs_no_pin():
    assert unpinned(classroom().parts.values(), {}) == {}


def test_the_full_suite_is_a_plan_before_anything_is_here(tmp_path, monkeypatch):
    monkeypatch.setenv("QUARTET_HOME", str(tmp_path))
    assert {"clip", "unet", "vae", "pixel", "vqgan", "prior", "decoder"} <= set(plan("full").parts)
    assert plan("full:sd-2.1")["unet"] != plan("full")["unet"]
    assert "upsampler" not in open_suite("full").parts
    assert plan("full").parts.keys() <= unpinned(plan("full").parts.values(), {}).keys()
    for name in ("empty", "full:sd-9"):
        with pytest.raises(ValueError, match=r"classroom|sd-2\.1"):
            plan(name)


@pytest.fixture
def shell(hub, tmp_path, monkeypatch):
    """The commands on a suite of one part, which the stand-in hub has."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
                        hub.url + "/{repo_id}/resolve/{revision}/{filename}")  # fmt: skip
    suite = replace(classroom(), parts={**classroom().parts, "unet": part(tmp_path, BIN, CONFIG)})
    monkeypatch.setattr("lab.race.painters.plan", lambda *_: suite)

    def run(*arguments, status=0):
        lock = () if arguments[0] == "convert" else ("--lock", tmp_path / "lock.json")
        found = CliRunner().invoke(app, [str(word) for word in (*arguments, *lock)])
        assert found.exit_code == status, (found.output, found.exception)
        return found

    return run


def test_pin_and_fetch_from_a_shell(shell, hub, tmp_path):
    told = json.loads(shell("pin", "--json").stdout)
    size = len(FILES[REPO, BIN]) + len(FILES[REPO, CONFIG])
    assert told["parts"] == [{"part": "unet", "revision": COMMIT, "bytes": size}]
    assert read_lock(tmp_path / "lock.json")[REPO].revision == COMMIT
    refused = shell("fetch", status=2)
    assert "openrail. Only for good." in refused.stderr
    assert "--accept" in refused.stderr
    assert BIN not in hub.served
    (row,) = json.loads(shell("fetch", "unet", "--accept", "--json").stdout)["parts"]
    assert (row["converted"], row["pinned"]) == (1, "yes")
    assert (tmp_path / REPO / NEW).is_file()
    assert "part is 'vae'" in shell("fetch", "vae", status=2).stderr
    hub.trouble[BIN] = "gated"
    (tmp_path / REPO / BIN).unlink()
    assert "accept its conditions" in shell("fetch", "--accept", status=1).stderr


def test_a_shell_fetches_and_pins_one_commit_of_all_parts(shell, hub, tmp_path):
    hub.after[BIN] = lambda: hub.push({(REPO, CONFIG): b'{"a": 2}\n'})
    shell("fetch", "--accept")
    assert {row["revision"] for name, row in receipt(tmp_path / REPO).items() if name != NEW} == {COMMIT}
    assert (tmp_path / REPO / CONFIG).read_bytes() == FILES[REPO, CONFIG]
    assert "device is 'abacus'" in shell("fetch", "--device", "abacus", status=2).stderr


def test_what_a_person_must_fetch_keeps_nothing_else_from_being_fetched(shell, tmp_path, monkeypatch):
    parts = {"vqgan": by_hand(tmp_path), "unet": part(tmp_path, BIN, CONFIG)}
    monkeypatch.setattr("lab.race.painters.plan", lambda *_: replace(classroom(), parts=parts))
    found = shell("fetch", "--accept", "--json", status=1)
    assert [row["part"] for row in json.loads(found.stdout)["parts"]] == ["unet"]
    assert "ckpts/last.ckpt from https://example.org/vqgan by hand" in found.stderr


def test_convert_from_a_shell(shell, tmp_path):
    from tests import hostile

    (tmp_path / "a.bin").write_bytes(old({**STATE, "loss.x": torch.ones(2)}))
    told = json.loads(shell("convert", tmp_path / "a.bin", "--json").stdout)
    assert (told["tensors"], told["dropped"]) == (1, ["loss.x"])
    assert told["sha256"] == sha((tmp_path / "a.safetensors").read_bytes())
    (tmp_path / "a.bin").rename(tmp_path / "pytorch_model.fp16.bin")
    shell("convert", tmp_path / "pytorch_model.fp16.bin")
    assert (tmp_path / "model.fp16.safetensors").is_file(), "as the loader looks for it"
    (tmp_path / "pytorch_model.fp16.bin").rename(tmp_path / "a.bin")
    assert "1 tensors" in shell("convert", tmp_path / "a.bin", "--out", tmp_path / "b.safetensors").stdout
    (tmp_path / "bad.bin").write_bytes(hostile.torched({"weight": hostile.touch(tmp_path / "canary")}))
    assert "posix.system" in shell("convert", tmp_path / "bad.bin", status=2).stderr
    assert not (tmp_path / "canary").exists()
