"""LoRA as peft and diffusers write them: how much a pair counts is theirs to say; what cannot be read is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from models import loaders
from models.catalog import Lora
from models.catalog import shapes as at
from tests.test_layouts import close, quiet
from tests.test_own import KNOBS, PROMPT, low_rank, own, paint
from tests.tinyhub import hub, suite

PEFT = Path(__file__).parent / "data" / "peft"  # peft 0.21.2 wrote both folders, and what its own layers add
WORD = "encoder.layers.1.self_attn.q_proj"


@pytest.mark.parametrize("name", ["patterns", "rslora"])
def test_what_peft_wrote_changes_what_peft_changes(name, tmp_path):
    """Three layers, one of rank 4 among rank 2; three alphas, by the end of a name, by a whole one, and by default."""
    table = own(f'[[lora]]\nfile = "{PEFT / name}"\nscale = 0.7\n', tmp_path)
    changed, plain = (loaders.load(part).state_dict() for part in (table.parts["unet"], suite().parts["unet"]))
    wanted = load_file(PEFT / name / "changes.safetensors")
    ranks = [len(value) for key, value in load_file(PEFT / name / "adapter_model.safetensors").items() if "_A" in key]
    assert sorted(ranks) == [2, 2, 4]
    for key, value in plain.items():
        change = 0.7 * wanted.get(key.removesuffix(".weight"), torch.zeros(1))
        torch.testing.assert_close(changed[key], value + change, rtol=0, atol=1e-6)
    other = load_file(PEFT / ("rslora" if name == "patterns" else "patterns") / "changes.safetensors")
    assert all((wanted[layer] - other[layer]).abs().max() > 0.05 for layer in wanted)


def diffusers_file(folder, **more):
    """U-Net and text tower in one file, by diffusers' own writer; the pairs of the text tower."""
    rng = torch.Generator().manual_seed(8)
    words = {f"text_model.{WORD}.lora_{which}.weight": torch.randn(*shape, generator=rng) * 0.3
             for which, shape in (("A", (2, 32)), ("B", (32, 2)))}  # fmt: skip
    StableDiffusionPipeline.save_lora_weights(folder, low_rank(), words, **more)
    return list(words.values())


@torch.no_grad()
def added(net, name, down, up, scale):
    (layer,) = [module for key, module in net.named_modules() if key.endswith(name)]
    change = up.double().flatten(1) @ down.double().flatten(1)
    layer.weight += scale * change.view_as(layer.weight)


def test_text_tower_and_unet_of_one_file_are_painted_as_stock_paints_with_both_changed(tmp_path):
    told = {"unet_lora_adapter_metadata": {"r": 2, "lora_alpha": 4, "use_rslora": True},
            "text_encoder_lora_adapter_metadata": {"r": 2, "lora_alpha": 3}}  # fmt: skip
    down, up = diffusers_file(tmp_path, **told)
    file = f'[[lora]]\nfile = "{tmp_path / "pytorch_lora_weights.safetensors"}"\nscale = 0.5\n'
    table = own(f"{file}text = true\n", tmp_path)
    pipe = quiet(StableDiffusionPipeline.from_pretrained, hub() / at.SD15, torch_dtype=torch.float64)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pairs = low_rank()
    for name in {key.rpartition(".lora_")[0] for key in pairs}:
        added(pipe.unet, name, *(pairs[f"{name}.lora_{which}.weight"] for which in "AB"), 0.5 * 4 / 2**0.5)
    added(pipe.text_encoder, WORD, down, up, 0.5 * 3 / 2)
    want = pipe(
        [PROMPT.text] * 2, negative_prompt=[PROMPT.negative] * 2, num_inference_steps=KNOBS.steps, guidance_scale=7.5,
        generator=[torch.Generator().manual_seed(seed) for seed in PROMPT.seeds], output_type="pt", width=24, height=16,
    ).images  # fmt: skip
    found = paint(table)
    close(found, want)
    without = own(f"{file}text = false\n", tmp_path)
    assert (found - paint(without)).abs().max() > 1e-3
    assert table.seen("latent")["clip"] == "latent/clip"
    assert {table.seen(lane)["clip"] for lane in ("pixel", "vqgan_clip", "unclip")} == {"clip"}, "theirs stays"
    assert "latent/clip" not in without.parts
    with pytest.raises(loaders.Unavailable, match="also changes the text tower: write text = true"):
        loaders.load(own(file, tmp_path).parts["unet"])


def test_a_tensor_of_alpha_counts_for_its_layer_alone(tmp_path):
    pairs, file = low_rank(), tmp_path / "ink.safetensors"
    save_file({**pairs, "conv_in.alpha": torch.tensor(6.0)}, file)
    unet = suite().parts["unet"]
    changed, plain = (loaders.load(part) for part in (replace(unet, loras=(Lora(file),)), unet))
    down, up = (pairs[f"conv_in.lora_{which}.weight"].double().flatten(1) for which in "AB")
    change = (changed.conv_in.weight - plain.conv_in.weight).flatten(1)
    torch.testing.assert_close(change, 3 * up @ down, rtol=0, atol=1e-6)


def folder_of(tmp_path, config, more):
    """peft's folder with its settings and weights bent; None leaves the settings out."""
    if config is not None:
        told = json.loads((PEFT / "patterns" / "adapter_config.json").read_text()) | config
        (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    save_file(load_file(PEFT / "patterns" / "adapter_model.safetensors") | more, tmp_path / "adapter_model.safetensors")
    return Lora(tmp_path / "adapter_model.safetensors")


MAGNITUDE = {"base_model.model.conv_in.lora_magnitude_vector": torch.ones(8)}
BIAS = {"base_model.model.conv_in.bias": torch.ones(8)}


@pytest.mark.parametrize(
    ("config", "more", "says"),
    [
        ({}, MAGNITUDE, "is a DoRA.*merge_and_unload"),
        ({"use_dora": True}, {}, "written with use_dora, which is not read here: merge it"),
        (None, {}, "adapter_config.json is missing"),
        ({"peft_type": "LOHA"}, {}, "are not those of a LoRA"),
        ({"alpha_pattern": {"(.*)*x": 3}}, {}, r"has '\(\.\*\)\*x' in alpha_pattern"),
        ({"lora_alpha": "much"}, {}, "has alpha 'much' for conv_in; a number"),
        ({"auto_map": {"a": "b"}}, {}, "asks for code of its own"),
        ({}, BIAS, "holds conv_in.bias, no lora_A"),
    ],
)
def test_what_is_no_plain_lora_is_refused_with_what_to_do(tmp_path, config, more, says):
    part = replace(suite().parts["unet"], loras=(folder_of(tmp_path, config, more),))
    with pytest.raises(loaders.Unavailable, match=says):
        loaders.load(part)


def test_text_is_for_the_nets_that_have_a_text_tower(tmp_path):
    with pytest.raises(ValueError, match="has text for the part 'prior'"):
        own('[[lora]]\nfile = "a"\npart = "prior"\ntext = true\n', tmp_path)
