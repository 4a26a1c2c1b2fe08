"""Half precision: which networks take it on which device, from which file, and what is painted in it."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from lab.race import SAMPLERS
from lab.race.painters import LENT, precision
from models import loaders
from models.catalog.full import full
from models.engine import Engine
from models.loaders.files import weights
from models.protocol import Request
from models.registry import Registry
from tests.test_full import FEW
from tests.test_layouts import PROMPT
from tests.tinyhub import hub

HALVED = ("unet", "latent/clip", "safety")


def card(monkeypatch, native):
    """A GPU that computes in bfloat16 itself, or one that does not."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: native and not including_emulation)


def test_the_device_says_which_half(monkeypatch):
    assert precision("full", "cpu") == "float32"
    for native, kind in ((True, "bfloat16"), (False, "float16")):
        card(monkeypatch, native)
        assert [precision(suite, "auto") for suite in ("full:sd-2.1", "classroom")] == [kind, "float32"]
        parts = full("sd-turbo", dtype=kind).parts
        found = {
            name: {one for one in parts if parts[one].dtype == name} for name in ("float32", "float16", "bfloat16")
        }
        assert found["float32"] == {"clip", "vae", "pixel", "vqgan"}, "these overflow, or are climbed"
        assert found["float16"] >= set(HALVED), "a copy of them is published"
        assert found[kind] >= {"prior", "text_proj", "decoder", "upsampler"}, "of these none is"


def test_where_gpus_are_lent_half_precision_is_planned_though_none_is_to_be_seen(monkeypatch):
    monkeypatch.setenv(LENT, "true")
    assert [precision("full:sd-2.1", device) for device in ("cpu", "auto")] == ["bfloat16"] * 2
    assert precision("classroom", "cpu") == "float32"


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", HALVED)
def test_the_half_copy_is_read_whether_or_not_the_other_is_there(name, both, tmp_path):
    part = full("sd-turbo", root=hub(), dtype="float16").parts[name]
    (file,) = weights(part)
    assert ".fp16." in file.name
    assert [each for each in part.source.files if each.endswith(".fp16.safetensors")]
    inside = file.relative_to(part.path)
    shutil.copytree(part.path, tmp_path / "part")
    if not both:
        (tmp_path / "part" / str(inside).replace(".fp16", "")).unlink()
    stored = {key: value * 0.5 for key, value in load_file(file).items()}
    save_file(stored, tmp_path / "part" / inside, metadata={"format": "pt"})
    whole, alone = (loaders.load(one).state_dict() for one in (part, replace(part, path=tmp_path / "part")))
    assert {value.dtype for value in alone.values() if value.is_floating_point()} == {torch.float16}
    weighty = [key for key, value in whole.items() if value.is_floating_point() and value.ndim > 1]
    assert len(weighty) > 10
    assert all(torch.equal(alone[key], whole[key] * 0.5) for key in weighty)
    assert loaders.weigh(part) == sum(value.numel() * 2 for value in stored.values())


@pytest.mark.parametrize("lane", ["latent", "unclip"])
def test_a_family_paints_in_the_half_that_the_device_asks_for(lane, monkeypatch):
    card(monkeypatch, True)
    asked = precision("full", "cuda")
    monkeypatch.undo()
    pictures = {}
    for kind in (asked, "float32"):
        table = full(root=hub(), dtype=kind)
        running = Engine(Registry([table], threads=False), SAMPLERS)
        knobs = SAMPLERS[lane].knobs(**FEW[lane], guidance=2.0)
        run = running.submit(Request(lane, PROMPT, knobs, "full", "test"))
        running.wait(run)
        assert run.error is None, run.trace
        pictures[kind] = run.result
    assert pictures[asked].dtype == torch.float32
    apart = (pictures[asked] - pictures["float32"]).abs()
    assert 0 < apart.mean() < 0.02
