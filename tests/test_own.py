"""Your own weights: what quartet.toml names is read in its layout, checked, and painted with."""

import json
import re
import shutil
import threading
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from lab.lessons import two_vaes
from lab.race import SAMPLERS, open_suite
from lab.race.painters import plan
from models import loaders
from models.catalog import Lora, classroom
from models.catalog import shapes as at
from models.catalog.own import read_own, with_own
from models.engine import Engine
from models.hub.store import key
from models.loaders import files
from models.protocol import Kit, Request
from models.registry import Registry
from models.samplers.fits import FITS, fit
from models.samplers.guidance import read
from tests.test_layouts import PROMPT, WIDE, close, quiet
from tests.tinyhub import hub, suite
from tests.tinynets import latent_parts, still
from tests.tinysuite import folder

KNOBS = SAMPLERS["latent"].knobs(scheduler="ddim", steps=3, guidance=7.5, **WIDE)
LAYERS = ("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q", "mid_block.attentions.0.proj_in", "conv_in")


def own(text, path):
    (path / "quartet.toml").write_text(text, encoding="utf-8")
    found = with_own(suite(), read_own(path / "quartet.toml"), hub())
    return replace(found, parts={name: replace(part, dtype="float64") for name, part in found.parts.items()})


def paint(table):
    running = Engine(Registry([table], threads=False), SAMPLERS, dtype=torch.float64)
    return running.paint(Request("latent", PROMPT, KNOBS, table.name, "test"))


def test_a_folder_takes_the_place_of_a_part_and_is_painted_as_stock_paints_it(tmp_path):
    table = own(f'[parts.unet]\npath = "{hub() / at.SD21}"\nscheduler = "scheduler"\n', tmp_path)
    assert table.parts["unet"].path == hub() / at.SD21 / "unet"
    pipe = quiet(StableDiffusionPipeline.from_pretrained, hub() / at.SD15, torch_dtype=torch.float64)
    other = quiet(StableDiffusionPipeline.from_pretrained, hub() / at.SD21, torch_dtype=torch.float64)
    pipe.unet, pipe.scheduler = other.unet, other.scheduler
    want = pipe(
        [PROMPT.text] * 2, negative_prompt=[PROMPT.negative] * 2, num_inference_steps=3, guidance_scale=7.5,
        generator=[torch.Generator().manual_seed(seed) for seed in PROMPT.seeds], output_type="pt", **WIDE,
    ).images  # fmt: skip
    close(paint(table), want)


def test_a_scheduler_that_lies_beside_a_network_comes_along_by_path_and_by_repository(tmp_path):
    said = own(f'[parts.unet]\npath = "{hub() / at.SD21}"\nscheduler = "scheduler"\n', tmp_path).parts["unet"]
    assert own(f'[parts.unet]\npath = "{hub() / at.SD21}"\n', tmp_path).parts["unet"] == said
    part = own(f'[parts.unet]\nrepo = "{at.SD21}"\n', tmp_path).parts["unet"]
    assert (part.path, part.configs, part.source.files) == (said.path, said.configs, said.source.files)
    assert part.source.files[::2] == ("unet/config.json", "scheduler/scheduler_config.json")
    assert part.root == hub() / at.SD21
    assert loaders.fault(part) is None
    safety = own(f'[parts.safety]\npath = "{hub() / at.SD15}"\n', tmp_path).parts["safety"]
    assert safety.path == hub() / at.SD15 / "safety_checker"
    pair = own(f'[parts.upsampler]\npath = "{hub() / at.KARLO}"\n', tmp_path).parts["upsampler"]
    assert (pair.path, pair.configs) == (suite().parts["upsampler"].path, suite().parts["upsampler"].configs)


def test_the_suites_scheduler_stays_where_a_network_lies_alone(tmp_path):
    usual = suite().parts["unet"].configs
    bare = tmp_path / "mine" / "unet"
    bare.mkdir(parents=True)
    for told in (f'path = "{bare.parent}"', f'path = "{bare}"\nsubfolder = ""', 'repo = "a/b"\nsubfolder = ""'):
        assert own(f"[parts.unet]\n{told}\n", tmp_path).parts["unet"].configs == usual
    files = ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"]
    part = own(f'[parts.unet]\nrepo = "a/b"\nfiles = {files}\n', tmp_path).parts["unet"]
    assert (part.configs, part.source.files) == (usual, tuple(files))


def test_a_repository_lies_where_fetching_puts_it_and_its_files_are_named(tmp_path):
    part = own('[parts.vae]\nrepo = "a/b"\n', tmp_path).parts["vae"]
    assert part.path == hub() / "a" / "b" / "vae"
    assert part.source.files == ("vae/config.json", "vae/diffusion_pytorch_model.safetensors")
    part = own('[parts.vae]\nrepo = "a/b"\nsubfolder = ""\nlicence = "mit"\n', tmp_path).parts["vae"]
    assert part.path == hub() / "a" / "b"
    assert part.source.files == ("config.json", "diffusion_pytorch_model.safetensors")
    assert (part.source.repo, part.source.licence) == ("a/b", "mit")
    assert "no .safetensors file" in loaders.fault(part)


def low_rank(rank=2, seed=3):
    """Pairs for a linear layer, a projection and a convolution of the tiny U-Net, small enough to stay tame."""
    rng, layers = torch.Generator().manual_seed(seed), dict(latent_parts()["unet"].named_modules())
    found = {}
    for name in LAYERS:
        shape = layers[name].weight.shape
        found[f"{name}.lora_A.weight"] = torch.randn(rank, *shape[1:], generator=rng) * 0.2
        found[f"{name}.lora_B.weight"] = torch.randn(shape[0], rank, *[1] * (len(shape) - 2), generator=rng) * 0.2
    return found


@torch.no_grad()
def beside(net, pairs, scale):
    """The network with its low-rank branches run beside the layers, as the paper draws them."""
    net, layers = deepcopy(net), {}
    for name, layer in net.named_modules():
        if name in LAYERS:
            layers[layer] = [pairs[f"{name}.lora_{which}.weight"].to(layer.weight) for which in "AB"]

    def add(layer, given, out):
        down, up = layers[layer]
        x = given[0]
        if down.ndim == 2:
            return out + scale * (x @ down.T) @ up.T
        small = torch.nn.functional.conv2d(x, down, stride=layer.stride, padding=layer.padding)
        return out + scale * torch.nn.functional.conv2d(small, up)

    for layer in layers:
        layer.register_forward_hook(add)
    return net


@torch.no_grad()
@pytest.mark.parametrize(("before", "metadata", "scale"), [("unet.", {}, 0.7), ("base_model.model.", {"r": 2}, 1.4)])
def test_a_lora_is_the_branch_beside_every_layer(tmp_path, before, metadata, scale):
    pairs = low_rank()
    about = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 4})} if metadata else {}
    save_file({before + name: value for name, value in pairs.items()}, tmp_path / "ink.safetensors", metadata=about)
    table = own(f'[[lora]]\nfile = "{tmp_path / "ink.safetensors"}"\nscale = 0.7\n', tmp_path)
    changed, plain = loaders.load(table.parts["unet"]), loaders.load(suite().parts["unet"])
    x, t = torch.randn(1, 4, 8, 8, dtype=torch.float64), torch.tensor([300.0])
    words = torch.randn(1, 16, 32, dtype=torch.float64)
    want = beside(plain, pairs, scale)(x, t, words).sample
    torch.testing.assert_close(changed(x, t, words).sample, want, rtol=0, atol=1e-6)
    assert (want - plain(x, t, words).sample).abs().max() > 1e-3
    assert table.parts["unet"] != suite().parts["unet"]  # both may be held at once


def test_a_lora_that_does_not_fit_is_named_by_layer_and_shape(tmp_path):
    part, file = suite().parts["unet"], tmp_path / "ink.safetensors"
    pairs = low_rank()
    for change, says in (
        (
            {f"{LAYERS[2]}.lora_B.weight": torch.zeros(9, 2, 1, 1)},
            r"conv_in is \[9, 4, 3, 3\] at rank 2, the layer \[8, 4, 3, 3\]",
        ),
        ({"nowhere.lora_A.weight": torch.zeros(2, 8), "nowhere.lora_B.weight": torch.zeros(8, 2)}, "no layer nowhere"),
        ({"conv_out.lora_A.weight": torch.zeros(2, 8)}, "conv_out has only one of lora_A and lora_B"),
    ):
        save_file(pairs | change, file)
        with pytest.raises(loaders.Unavailable, match=says):
            loaders.load(replace(part, loras=(Lora(file),)))
    file.write_bytes(b"not safetensors")
    assert "ink.safetensors is refused" in loaders.fault(replace(part, loras=(Lora(file),)))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("clip", "text_projection.weight"), ("pixel/clip", "visual.conv1.weight"), ("prior", "proj_in.weight"),
        ("vqgan", "quant_conv.weight"), ("safety", "visual_projection.weight"), ("upsampler", "conv_in.weight"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named_whatever_the_network(tmp_path, name, key):
    part = suite("clip-vit-b-32", dtype="float32").parts[name]
    shutil.copytree(part.path, tmp_path / "part")
    file = tmp_path / "part" / files.weights(part)[-1].relative_to(part.path)
    save_file({**load_file(file), key: torch.zeros(3, 5)}, file, metadata={"format": "pt"})
    with pytest.raises(loaders.Unavailable, match=rf"do not fit: .*{key} is \[3, 5\], the configuration wants \["):
        loaders.load(replace(part, path=tmp_path / "part"))


def test_a_second_autoencoder_decodes_the_same_latents(tmp_path):
    folder = tmp_path / "vae"
    still(deepcopy(latent_parts()["vae"]), 77).float().save_pretrained(folder)
    table = own(f'[parts.vae_second]\npath = "{folder}"\nsubfolder = ""\n', tmp_path)
    running = Engine(Registry([table], threads=False), SAMPLERS, dtype=torch.float64)
    request = Request("latent", PROMPT, KNOBS, table.name, "test")
    *events, found = two_vaes.run(running, request, threading.Event())
    assert [events[-1].lane, events[-1].state] == ["vae", "done"]
    close(found.first, running.paint(request))
    swapped = replace(table, parts=table.parts | {"vae": replace(table.parts["vae_second"], name="vae")})
    close(found.second, paint(swapped))
    assert found.apart > 1e-3
    with pytest.raises(ValueError, match="has one autoencoder"):
        next(two_vaes.run(Engine(Registry([suite()]), SAMPLERS), replace(request, suite="full"), threading.Event()))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[parts.unet]\npath = '/a'\nrepo = 'a/b'\n", "must have one of path and repo"),
        ("[parts.unet]\nfolder = '/a'\n", r"\[parts.unet\] has \['folder'\]; give some of"),
        ("[models]\n", r"has \['models'\]"),
        ("[[lora]]\nscale = 1\n", "has no file"),
        ("[parts.unet\n", "cannot be read"),
        ("parts = 3\n", "parts or lora as something else"),
        ("lora = 'ink'\n", "parts or lora as something else"),
        ("[parts.unet]\npath = 3\n", "has path = 3; give text in quotes"),
        ("[parts.unet]\npath = '/a'\nfiles = [1]\n", r"has files = \[1\]; give a list of texts"),
        ("[parts.unet]\npath = '/a'\ndtype = 'float8'\n", "has dtype 'float8'; give one of"),
        ("[[lora]]\nfile = '/a'\nscale = true\n", "has scale = True; give a number"),
        ("[[lora]]\nfile = '/a'\ntext = 1\n", "has text = 1; give true or false"),
        ("[parts.eyes]\npath = '/a'\n", "part is 'eyes'; suite 'full' has"),
        ("[parts.unet]\npath = '/a'\nfiles = []\n", r"has files = \[\]; name those that it is read from"),
        ("[parts.unet]\npath = '~nobody-of-that-name/a'\n", "no such user here; give the whole path"),
        ("[[lora]]\nfile = '~nobody-of-that-name/a'\n", "no such user here; give the whole path"),
        ("[parts.unet]\nrepo = 'a b/c//d'\n", "has repo = 'a b/c//d'; give owner/name"),
        ("[parts.unet]\npath = '/a'\nsubfolder = '../b'\n", r"has subfolder = '\.\./b'; give a folder inside"),
        ("[parts.unet]\npath = '/a'\nfiles = ['../b.json']\n", r"has '\.\./b\.json' among files; give files inside"),
        ("[parts.unet]\npath = '/a'\nfiles = ['/b.json']\n", r"has '/b\.json' among files; give files inside"),
        ("[parts.unet]\npath = '/a'\nfiles = ['.']\n", r"has '\.' among files; give files inside"),
        ("[parts.unet]\npath = '/a'\nrevision = 'v1'\n", "has a revision = 'v1', which only a repo has"),
    ],
)
def test_a_wrong_quartet_toml_says_what_is_wrong(tmp_path, text, says):
    with pytest.raises(ValueError, match=says):
        own(text, tmp_path)


@pytest.mark.parametrize(("folder", "same"), [(".", ""), ("unet/", "unet"), ("./unet", "unet"), ("a//b/", "a/b")])
def test_a_folder_may_be_written_in_any_way(tmp_path, folder, same):
    written, plain = (
        own(f"[parts.unet]\npath = '{tmp_path}'\nsubfolder = '{name}'\n", tmp_path)["unet"] for name in (folder, same)
    )
    assert (written.path, written.root, written.source) == (plain.path, tmp_path, plain.source)


def test_a_file_may_be_written_in_any_way(tmp_path):
    told = '[parts.unet]\nrepo = "a/b"\nfiles = ["./unet//config.json", "scheduler/./scheduler_config.json"]\n'
    part = own(told, tmp_path)["unet"]
    assert part.source.files == ("unet/config.json", "scheduler/scheduler_config.json")
    assert part.configs == (("unet_scheduler", part.root / "scheduler" / "scheduler_config.json"),)


def test_two_revisions_of_a_repository_lie_apart_and_are_pinned_apart(tmp_path):
    told = '[parts.{}]\nrepo = "a/b"\n{}'
    rows = (("unet", ""), ("vae", 'revision = "v1"\n'), ("vae_second", 'revision = "refs/pr/1"\nsubfolder = "vae"\n'))
    table = own("".join(told.format(*row) for row in rows), tmp_path)
    parts = [table[name] for name, _ in rows]
    assert [part.root for part in parts] == [hub() / "a" / name for name in ("b", "b@v1", "b@refs%2Fpr%2F1")]
    assert [key(part) for part in parts] == ["a/b", "a/b@v1", "a/b@refs/pr/1"]
    assert [part.source.repo for part in parts] == ["a/b"] * 3, "that is asked of the hub"
    outside = own(told.format("vae", 'revision = "../../c"\n'), tmp_path)["vae"]
    assert outside.root.parent == hub() / "a", "whatever it is called"


def test_the_file_that_a_variable_names_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("QUARTET_TOML", str(tmp_path / "gone.toml"))
    with pytest.raises(ValueError, match=r"QUARTET_TOML is .*gone\.toml, and no such file is there; .* unset it"):
        plan("full")


@pytest.mark.parametrize(("part", "read", "other", "given"), FITS)
def test_networks_that_were_not_trained_together_are_named_by_the_widths_that_do_not_agree(part, read, other, given):
    fit({part: {read: 768}})
    fit({part: {read: None}, other: {given: 768}})
    fit({part: {read: (768, 1024)}, other: {given: 768}})
    fit({part: {read: 768}, other: {given: 768}})
    with pytest.raises(ValueError, match=rf"{part}\.{read} is 1024, but {other}\.{given} is 768: take the {other}"):
        fit({part: {read: 1024}, other: {given: 768}})


@pytest.mark.parametrize(
    ("lane", "says"),
    [
        ("vqgan_clip", "clip_robust.embedding is 24, but clip.embedding is 32"),
        ("unclip", "prior.embedding_dim is 24, but clip.embedding is 32"),
    ],
)
def test_a_painter_says_so_before_any_network_runs(lane, says):
    table, other = classroom(folder()), replace(suite(dtype="float32").parts["clip"], name=f"{lane}/clip")
    running = Engine(Registry([replace(table, parts=table.parts | {other.name: other})], threads=False), SAMPLERS)
    with pytest.raises(ValueError, match=re.escape(says)):
        running.paint(Request(lane, PROMPT, SAMPLERS[lane].knobs(steps=2), table.name, "test"))


def test_latents_that_an_autoencoder_does_not_have_are_refused():
    kit = Kit({"unet": {"in_channels": 9}, "vae": {"latent_channels": 4}}, torch.zeros(2, 77, dtype=torch.long), None)
    with pytest.raises(ValueError, match=r"unet\.in_channels is 9, but vae\.latent_channels is 4"):
        next(read(PROMPT, kit, torch.zeros(1)))


def test_the_file_is_found_where_quartet_runs_and_weights_stay_safetensors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine" / "unet"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    torch.save({"weight": torch.zeros(1)}, folder / "diffusion_pytorch_model.bin")
    (tmp_path / "quartet.toml").write_text('[parts.unet]\npath = "mine"\n')
    part = open_suite("full").parts["unet"]
    assert "diffusion_pytorch_model.bin: `quartet convert` makes safetensors" in loaders.fault(part)
    assert open_suite("full").parts["vae"].source.repo == at.SD15


def test_old_names_of_attention_are_read(tmp_path):
    """Autoencoders of 2022 call their attention query, key, value and proj_attn."""
    part = suite(dtype="float32").parts["vae"]
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = {}
    for name, value in load_file(part.path / "diffusion_pytorch_model.safetensors").items():
        for new, old in names.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        weights[name] = value
    assert any("proj_attn" in name for name in weights)
    save_file(weights, tmp_path / "diffusion_pytorch_model.safetensors")
    (tmp_path / "config.json").write_bytes((part.path / "config.json").read_bytes())
    new, old = loaders.load(part).state_dict(), loaders.load(replace(part, path=tmp_path)).state_dict()
    assert all(torch.equal(value, old[name]) for name, value in new.items())
