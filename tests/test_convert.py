"""Old checkpoints become safetensors; hostile ones are refused by name, and nothing of them runs."""

import json
import os
import pickle
import shutil
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import loaders
from models.catalog import Part, classroom
from models.hub.convert import convert, vqgan_config
from models.hub.receipt import digest
from models.hub.refuse import Refused, inspect
from models.parts.vqgan import CLASSROOM, Vqgan
from tests import hostile
from tests.test_hub import limited
from tests.tinyhub import suite


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    return tmp_path_factory.mktemp("canary") / "canary"


PICKLES, FOUL = sorted(hostile.pickles("canary")), sorted(hostile.foul_safetensors("canary"))
VOCABULARIES = hostile.vocabularies()


@pytest.fixture(scope="module")
def cases(canary):
    return hostile.pickles(canary), hostile.foul_safetensors(canary)


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("suffix", ["bin", "ckpt"])
def test_a_hostile_checkpoint_is_refused_by_name_and_runs_nothing(cases, canary, tmp_path, name, suffix):
    data, word = cases[0][name]
    source, target = tmp_path / "in" / f"model.{suffix}", tmp_path / "out" / "model.safetensors"
    source.parent.mkdir()
    source.write_bytes(data)
    with pytest.raises(Refused) as caught:
        convert(source, target)
    assert word in str(caught.value)
    assert str(source) in str(caught.value)
    assert not canary.exists()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [source.name]


@pytest.mark.parametrize("name", ["a bare pickle", "a bare pickle, protocol 4", "a bare pickle, protocol 0"])
def test_the_payloads_are_live(cases, canary, name):
    """What the tests above keep from running does run in Python's own unpickler."""
    pickle.loads(cases[0][name][0])
    assert canary.exists()
    canary.unlink()


@pytest.mark.parametrize("name", FOUL)
def test_a_foul_safetensors_file_is_refused_before_it_is_loaded(cases, canary, tmp_path, name):
    (tmp_path / "config.json").write_text(json.dumps(CLASSROOM))
    (tmp_path / "model.safetensors").write_bytes(cases[1][name])
    with pytest.raises(Refused) as caught:
        inspect(tmp_path)
    assert caught.value.file.name == "model.safetensors"
    with pytest.raises(loaders.Unavailable) as told:
        loaders.load(Part("vqgan", "vqgan", tmp_path))
    assert "model.safetensors" in str(told.value)
    assert not canary.exists()


def good(folder):
    save_file(hostile.WEIGHT, folder / "model.safetensors")
    return folder


FOLDERS = {
    "a pickle's link": (lambda at: link(at, "model.safetensors", "/etc/hostname"), "leads out"),
    "a link to nothing": (lambda at: link(at, "model.safetensors", at / "gone"), "nothing"),
    "a config from elsewhere": (lambda at: link(at, "config.json", "/etc/passwd"), "leads out"),
    "a pipe for a config": (lambda at: os.mkfifo(at / "config.json"), "no file"),
    "a tower from elsewhere": (
        lambda at: write(at, "open_clip_config.json", {"model_cfg": {"text_cfg": {"hf_model_name": "a/b"}}}),
        "hf_model_name",
    ),
    "code of its own": (lambda at: write(at, "config.json", {"auto_map": {"AutoModel": "x.py"}}), "auto_map"),
    "NaN in a config": (lambda at: (at / "config.json").write_text('{"dim": NaN}'), "NaN"),
    "a config without end": (lambda at: (at / "config.json").write_text("[" * 200_000), "no plain JSON"),
    "no table for a config": (lambda at: write(at, "config.json", [1]), "no object"),
    "a huge config": (lambda at: (at / "config.json").write_bytes(b" " * (2**25 + 1)), "JSON"),
    "a vocabulary elsewhere": (lambda at: write(at, "tokenizer_config.json", {"vocab_file": "/etc/passwd"}), "passwd"),
    "shards above": (lambda at: index(at, "../model.safetensors"), "same folder"),
    "shards by absolute path": (lambda at: index(at, "/etc/passwd"), "same folder"),
    "shards by drive": (lambda at: index(at, "C:\\x.safetensors"), "same folder"),
    "shards that are pickles": (lambda at: index(at, "model.bin"), "only safetensors"),
    "shards that are missing": (lambda at: index(at, "b.safetensors"), "missing"),
    "an index of nothing": (lambda at: write(at, "model.safetensors.index.json", {}), "without weight_map"),
}


def link(at, name, to):
    (at / name).unlink(missing_ok=True)
    (at / name).symlink_to(to)


def write(at, name, value):
    (at / name).write_text(json.dumps(value))


def index(at, shard):
    write(at, "model.safetensors.index.json", {"metadata": {}, "weight_map": {"weight": shard}})


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_foul_folder_is_refused(tmp_path, name):
    folder = tmp_path / "part"
    folder.mkdir()
    inspect(good(folder))
    spoil, word = FOLDERS[name]
    spoil(folder)
    with pytest.raises(Refused, match=word.replace("\\", "\\\\")):
        inspect(folder)


@pytest.mark.parametrize("name", VOCABULARIES)
def test_what_lies_beside_the_towers_of_a_clip_is_looked_at_too(tmp_path, name):
    folder, spoil, word = VOCABULARIES[name]
    part = suite("kandinsky-2.2", dtype="float32").parts["unclip/clip"]
    shutil.copytree(part.path, tmp_path / "part", ignore=shutil.ignore_patterns("prior"))
    part = replace(part, path=tmp_path / "part")
    assert loaders.fault(part) is None
    spoil(tmp_path / "part" / folder)
    assert word in loaders.fault(part)
    with pytest.raises(loaders.Unavailable, match="is refused"):
        loaders.load(part)


def test_links_of_the_hubs_own_cache_are_no_strangers(tmp_path):
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "0" / "unet"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    save_file(hostile.WEIGHT, blobs / "12ab")
    (snapshot / "model.safetensors").symlink_to("../../../blobs/12ab")
    inspect(snapshot)


def test_every_file_that_ships_passes():
    folders = {part.path for part in classroom().parts.values()}
    assert len(folders) > 8
    for folder in folders:
        inspect(folder)


def test_a_bin_becomes_the_same_numbers_with_its_hash(tmp_path):
    shared = torch.randn(3, 4)
    state = OrderedDict(a=shared, b=torch.randn(5).half(), c=shared, d=torch.arange(6).reshape(2, 3).t(), e=shared[1:])
    torch.save(state, tmp_path / "pytorch_model.bin")
    told = convert(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors")
    found = load_file(tmp_path / "model.safetensors")
    assert set(found) == set(state)
    for name, value in state.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)
    assert told.sha256 == digest(tmp_path / "model.safetensors")["sha256"]
    assert told.source_sha256 == digest(tmp_path / "pytorch_model.bin")["sha256"]
    assert (told.tensors, told.dropped) == (5, ())
    assert convert(tmp_path / "pytorch_model.bin", tmp_path / "b.safetensors").sha256 == told.sha256


def test_a_lightning_checkpoint_becomes_a_vqgan_that_paints_the_same(tmp_path, monkeypatch):
    """As taming saved them: weights among a trainer's notes, whose classes nobody has any more."""
    lightning = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    kind = type("ModelCheckpoint", (), {"__module__": lightning.__name__})
    lightning.ModelCheckpoint = kind
    monkeypatch.setitem(sys.modules, "pytorch_lightning", ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", ModuleType("pytorch_lightning.callbacks"))
    monkeypatch.setitem(sys.modules, lightning.__name__, lightning)
    torch.manual_seed(0)
    net = Vqgan({"ddconfig": {**CLASSROOM["ddconfig"], "in_channels": 3, "out_ch": 3, "ch": 32}, "n_embed": 16,
                 "embed_dim": 4}).eval()  # fmt: skip
    loss = {"loss.discriminator.main.0.weight": torch.randn(2, 2), "loss.logvar": torch.zeros(())}
    notes = {"epoch": 3, "callbacks": {kind: {"best_model_path": "x", "best": kind()}}, "optimizer_states": [{}]}
    torch.save({"state_dict": {**net.state_dict(), **loss}, **notes}, tmp_path / "last.ckpt")
    for name in [name for name in sys.modules if name.startswith("pytorch_lightning")]:
        monkeypatch.delitem(sys.modules, name)
    yaml = {"model": {"target": "taming.models.vqgan.VQModel", "params": {
        "ddconfig": net.config["ddconfig"], "n_embed": 16, "embed_dim": 4, "lossconfig": {"target": "x"}}}}  # fmt: skip
    (tmp_path / "model.yaml").write_text(json.dumps(yaml))  # JSON is YAML
    folder = tmp_path / "vqgan"
    told = convert(tmp_path / "last.ckpt", folder / "model.safetensors")
    write(folder, "config.json", vqgan_config(tmp_path / "model.yaml"))
    assert set(told.dropped) == set(loss)
    module = loaders.load(Part("vqgan", "vqgan", folder))
    pixels = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert torch.equal(module(pixels)[0], net(pixels)[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model: 3",
        "model: {params: {n_embed: 3}}",
        "[",
        "!!python/object/apply:os.system ['true']",
        "model: {params: {n_embed: 2024-01-01, embed_dim: 4, ddconfig: {}}}",
        "model: {params: {n_embed: .nan, embed_dim: 4, ddconfig: {}}}",
        "model: {params: {n_embed: 3, embed_dim: 4, ddconfig: &around {ch: *around}}}",
        "[" * 3000,
    ],
)
def test_a_yaml_that_is_no_model_is_refused(tmp_path, text):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"no model\.yaml"):
        vqgan_config(tmp_path / "model.yaml")


def test_a_full_disk_is_said_and_nothing_half_written_stays(tmp_path):
    torch.save({"weight": torch.zeros(100_000)}, tmp_path / "a.bin")
    with limited(100_000), pytest.raises(OSError, match="make room there"):
        convert(tmp_path / "a.bin", tmp_path / "b" / "a.safetensors")
    assert not list((tmp_path / "b").iterdir())


def test_nothing_here_may_unpickle_freely():
    root = Path(__file__).resolve().parents[1]
    for file in [*root.glob("models/**/*.py"), *root.glob("lab/**/*.py"), root / "app.py"]:
        text = file.read_text(encoding="utf-8")
        for line in text.splitlines():
            assert "weights_only=False" not in line, file
            assert "torch.load(" not in line or "weights_only=True" in line, f"{file}: {line}"
            assert "pickle.load" not in line or file.is_relative_to(root / "lab"), file
            assert "trust_remote_code=True" not in line, file
