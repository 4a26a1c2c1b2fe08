"""The full suite as data: what its architectures weigh, what is known of its files, and the one CLIP in its middle."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lab.race import LANES, SAMPLERS
from models import loaders
from models.catalog import shapes as at
from models.catalog.full import CHOICES, full
from models.catalog.shapes import SHAPES
from models.engine import Engine
from models.loaders.blank import blank
from models.registry import Registry
from tests.test_layouts import PROMPT, ours
from tests.tinyhub import engine, suite

FEW = {
    "latent": {"scheduler": "ddim", "steps": 2},
    "pixel": {"steps": 2, "clip_guidance": 0.3},
    "vqgan_clip": {"steps": 2, "crops": 2},
    "unclip": {"prior_steps": 2, "steps": 2, "upsample": True, "upsample_steps": 2},
}


HALVES = {(at.K22_PRIOR, ""): 1_844_907_264}  # numbers of its picture tower, stored in half precision


@pytest.mark.parametrize("key", SHAPES, ids="/".join)
def test_parameters_are_those_of_the_architecture_and_of_the_listed_sizes(key):
    shape = SHAPES[key]
    count = sum(value.numel() for value in blank(shape.kind, shape.config).parameters())
    assert count - (shape.kind == "encoders") == shape.parameters  # those folders hold no logit scale
    rows = [row for choice in CHOICES.values() for row in choice.rows if (row.repo, row.subfolder) == key]
    for size, width in [(row.bytes, 4) for row in rows if row.bytes] + [(row.half, 2) for row in rows if row.half]:
        assert shape.parameters * width - HALVES.get(key, 0) * 2 == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize(
    "chosen", [(), *((name,) for name in CHOICES)], ids=lambda chosen: ",".join(chosen) or "one-clip"
)
def test_what_was_not_read_from_a_source_is_left_open(chosen):
    for part in full(*chosen).parts.values():
        source = part.source
        assert source.revision is None  # `quartet pin` learns it
        assert source.files
        assert source.parameters
        assert bool(source.repo) != bool(source.url)
        assert source.note
        assert part.path.is_relative_to(part.root)
        inside = [Path(name).parent for name in source.files if name.endswith(("config.json", ".yaml"))]
        assert inside


def test_half_precision_is_for_those_who_bear_it_and_comes_from_the_smaller_file():
    parts = full(dtype="float16").parts
    wide = {name for name, part in parts.items() if part.dtype == "float32"}
    assert wide == {"clip", "vae", "pixel", "vqgan"}
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in parts["unet"].source.files
    assert parts["unet"].source.bytes == 1_720_000_000
    assert "prior/diffusion_pytorch_model.safetensors" in parts["prior"].source.files


def test_an_unknown_choice_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"full has no 'sdxl'; give some of .*sd-turbo"):
        full("sdxl")


def test_one_clip_serves_all_four_and_is_held_once():
    running = Engine(Registry([suite()], threads=False), SAMPLERS, dtype=torch.float64)
    for lane in LANES:
        seen = suite().seen(lane)
        assert seen["clip"] == "clip"
    with running.registry.borrow("full", ("clip", "unet")) as first, running.registry.borrow("full", ("clip",)) as then:
        assert first["clip"] is then["clip"]
        tokens = first["clip"].tokenize(["a red cat"]).ids
        states, embedding, _ = first["clip"].text(tokens)
        picture = first["clip"].image(torch.rand(1, 3, 32, 32, dtype=torch.float64))
        assert states.shape[-1] == embedding.shape[-1] == picture.shape[-1]
    found = running.registry.report()
    assert found["counts"].loads == 2
    assert found["used"] == sum(loaders.weigh(suite().parts[name]) for name in ("clip", "unet"))


def test_every_painter_of_the_preset_paints_and_clip_was_read_once():
    for lane in LANES:
        assert ours(lane, prompt=replace(PROMPT, seeds=(1,)), **FEW[lane]).isfinite().all()
    standing = engine().registry.standing("full")
    assert standing["clip"][2].loads == 1
    assert {name for name, (_, _, counts) in standing.items() if counts.loads != 1} <= {"safety"}


def test_another_clip_may_lead_the_two_that_are_led_and_is_one_too():
    table = suite("clip-vit-b-32")
    assert table.parts["pixel/clip"] is table.parts["pixel/clip"]
    assert table.parts["pixel/clip"] == table.parts["vqgan_clip/clip"] != table.parts["clip"]
    for lane in ("vqgan_clip", "pixel", "latent"):
        assert ours(lane, "clip-vit-b-32", prompt=replace(PROMPT, seeds=(1,)), **FEW[lane]).isfinite().all()
    counts = engine("clip-vit-b-32").registry.report()["counts"]
    assert counts.loads == 6  # two CLIPs, U-Net, VAE, pixel net, VQGAN


def test_a_file_beside_the_one_that_is_read_weighs_nothing():
    unet = suite(dtype="float32").parts["unet"]
    assert len(list(unet.path.glob("*.safetensors"))) == 3
    net = loaders.load(unet)
    assert loaders.weigh(unet) == sum(value.numel() * 4 for value in net.parameters())
    assert loaders.expect(full(root=Path("/nowhere")).parts["unet"]) == 4 * SHAPES[at.SD15, "unet"].parameters
    assert loaders.expect(replace(unet, path=Path("/nowhere"), source=replace(unet.source, parameters=None))) is None


def test_weights_that_do_not_fit_their_configuration_are_named(tmp_path):
    unet = suite(dtype="float32").parts["unet"]
    for file in unet.path.glob("diffusion_pytorch_model.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    about = json.loads((unet.path / "config.json").read_text()) | {"cross_attention_dim": 48}
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(loaders.Unavailable, match=r"to_k.weight is \[\d+, 32\], the configuration wants \[\d+, 48\]"):
        loaders.load(replace(unet, path=tmp_path))
