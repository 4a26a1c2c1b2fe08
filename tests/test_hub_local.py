"""Your own files, shown to everybody: only as pinned, and `quartet pin` pins them without a hub."""

import json
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

from lab.cli import app
from lab.race.suites import suite_to_serve, unfit_for_public
from models.catalog import shapes as at
from models.catalog.full import full
from models.catalog.own import read_own, with_own
from models.hub.local import HERE
from models.hub.lock import Locked, read_lock, write_lock
from models.hub.receipt import Pin
from tests.standin import sha
from tests.test_own import low_rank
from tests.tinyhub import hub, suite


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A suite of two parts, all of it one's own: a U-Net with a LoRA, and an autoencoder."""
    for name in ("unet", "vae", "scheduler"):
        shutil.copytree(hub() / at.SD15 / name, tmp_path / "mine" / name)
    save_file(low_rank(), tmp_path / "ink.safetensors")
    (tmp_path / "quartet.toml").write_text(
        f'[parts.unet]\npath = "{tmp_path / "mine"}"\nscheduler = "scheduler"\n'
        f'[parts.vae]\npath = "{tmp_path / "mine"}"\n[[lora]]\nfile = "{tmp_path / "ink.safetensors"}"\n'
    )
    found = with_own(suite(dtype="float32"), read_own(tmp_path / "quartet.toml"), hub())
    found = replace(found, parts={name: found.parts[name] for name in ("unet", "vae")})
    monkeypatch.setattr("lab.race.painters.plan", lambda *_: found)
    monkeypatch.setattr("lab.race.suites.open_suite", lambda *_: found)
    monkeypatch.setattr("lab.race.suites.read_lock", lambda: read_lock(tmp_path / "lock.json"))
    monkeypatch.setattr("models.hub.lock.HfApi", lambda **_: pytest.fail("there is no hub"))
    return found


def test_what_is_ones_own_is_served_to_the_public_only_as_pinned(mine, tmp_path):
    lock, ink = tmp_path / "lock.json", tmp_path / "ink.safetensors"
    with pytest.raises(ValueError, match=r"unet: .* is your own and not pinned; `quartet pin unet`.* vae: .*"):
        suite_to_serve("full", public=True, safety=False)
    assert suite_to_serve("full") == mine, "to oneself all is shown"
    found = CliRunner().invoke(app, ["pin", "--lock", str(lock), "--json"])
    assert found.exit_code == 0, found.output
    assert [row["revision"] for row in json.loads(found.stdout)["parts"]] == [HERE] * 2
    pins = read_lock(lock)[HERE].files
    assert pins[ink.as_posix()].sha256 == sha(ink.read_bytes())
    assert (tmp_path / "mine/scheduler/scheduler_config.json").as_posix() in pins
    assert suite_to_serve("full", public=True, safety=False) == mine
    with pytest.raises(ValueError, match="has no safety checker here"):
        suite_to_serve("full", public=True)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("ink.safetensors", "unet: .*ink.safetensors is not the pinned file"),
        ("mine/vae/config.json", "vae: .*config.json is not the pinned file"),
        ("mine/scheduler/scheduler_config.json", "unet: .*scheduler_config.json is not the pinned file"),
        ("mine/unet/diffusion_pytorch_model.fp16.safetensors", "unet: .* is your own and not pinned"),
    ],
)
def test_a_change_after_pinning_is_named(mine, tmp_path, file, says):
    (tmp_path / "mine/unet/diffusion_pytorch_model.fp16.safetensors").unlink(missing_ok=True)
    CliRunner().invoke(app, ["pin", "--lock", str(tmp_path / "lock.json")])
    assert unfit_for_public(mine) is None
    with (tmp_path / file).open("ab") as data:
        data.write(b" ")
    with pytest.raises(ValueError, match=says):
        suite_to_serve("full", public=True, safety=False)


def test_without_a_hub_own_files_are_pinned_and_what_was_pinned_before_stays(mine, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    away = full(root=tmp_path)
    unet = replace(away["unet"], loras=mine.parts.pop("unet").loras)
    mine.parts.update({"clip": away["clip"], "unet": unet, "vae": mine.parts.pop("vae")})
    lock, ink = tmp_path / "lock.json", tmp_path / "ink.safetensors"

    def pin(*names):
        return CliRunner().invoke(app, ["pin", *names, "--lock", str(lock), "--json"])

    found = pin()
    assert found.exit_code == 1
    assert found.stderr.splitlines()[-1].startswith(
        "quartet: no hub could be asked for clip, unet: run `quartet pin clip"
    )
    assert [row["part"] for row in json.loads(found.stdout)["parts"]] == ["unet", "vae"]
    assert ink.as_posix() in read_lock(lock)[HERE].files
    pins = {name: Pin(1, "0" * 64) for name in unet.source.files}
    write_lock(read_lock(lock) | {at.SD15: Locked("0" * 40, pins)}, lock)
    ink.write_bytes(b"another")
    found = pin("unet")
    assert found.exit_code == 0, found.output
    assert "unet is not pinned anew: " in found.stderr
    assert read_lock(lock)[HERE].files[ink.as_posix()].sha256 == sha(b"another")
    assert read_lock(lock)[at.SD15].files == pins
    assert pin("vae").stderr == ""


def test_a_file_that_is_gone_is_named(mine, tmp_path):
    CliRunner().invoke(app, ["pin", "--lock", str(tmp_path / "lock.json")])
    (tmp_path / "ink.safetensors").unlink()
    assert "ink.safetensors is yours to bring and not here" in unfit_for_public(mine)
    gone = CliRunner().invoke(app, ["pin", "--lock", str(tmp_path / "lock.json")])
    assert gone.exit_code == 1
    assert "ink.safetensors" in gone.stderr
