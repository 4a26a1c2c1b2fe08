"""OpenVINO's forms: what they agree to, when they are made, and that all else is the network's own."""

import copy
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

import app
from lab.race import SAMPLERS
from lab.race.suites import suite_to_serve
from models.parts import openvino
from models.protocol import Prompt, Request

SHAPE = {
    "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": (8, 16), "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "norm_num_groups": 4, "attention_head_dim": 4,
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": 12,
}  # fmt: skip


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return UNet2DConditionModel(**SHAPE).eval().requires_grad_(False)


def ask(net, rows=2, size=8):
    rng = torch.Generator().manual_seed(rows)
    x, states = torch.randn(rows, 4, size, size, generator=rng), torch.randn(rows, 5, 12, generator=rng)
    return net(x, torch.full((rows,), 300.0), encoder_hidden_states=states).sample


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # OpenVINO reads networks through torch.jit
def test_forms_are_made_for_shapes_met_often_and_agree(net):
    pytest.importorskip("openvino", reason="an optional extra")
    swift = openvino.swift(net, "openvino", often=2)
    first = ask(swift)
    openvino.settled()
    assert not swift.forms.ready  # the first is never waited for
    assert torch.equal(ask(swift), first)
    openvino.settled()
    assert len(swift.forms.ready) == 1
    assert (ask(swift) - first).abs().max() < 1e-5
    assert torch.equal(ask(swift, rows=3), ask(net, rows=3))  # another shape, met once
    for _ in range(2):
        ask(swift, rows=1, size=16)
    openvino.settled()
    assert len(swift.forms.ready) == 2
    for rows, size in ((1, 16), (2, 8)):
        assert (ask(swift, rows, size) - ask(net, rows, size)).abs().max() < 1e-5


def test_all_else_is_the_networks_own(net):
    swift = openvino.Swift(net, "f32", often=1)
    assert swift.config is net.config
    assert swift.dtype is torch.float32
    assert sum(value.numel() for value in swift.parameters()) == sum(value.numel() for value in net.parameters())
    assert type(copy.deepcopy(swift)) is UNet2DConditionModel
    x = torch.zeros(1, 4, 8, 8, requires_grad=True)
    found = swift(x, torch.zeros(1), encoder_hidden_states=torch.zeros(1, 5, 12)).sample
    assert torch.autograd.grad(found.sum(), x)[0].abs().sum() > 0
    assert not swift.met  # gradients take the network itself


def test_only_what_runs_at_every_step_takes_a_form(net):
    assert isinstance(openvino.swift(net, "openvino"), openvino.Swift)
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    assert openvino.swift(vae, "openvino") is vae
    narrow = copy.deepcopy(net).half()
    assert openvino.swift(narrow, "openvino") is narrow


def test_a_form_that_cannot_be_had_says_so():
    with pytest.raises(ValueError, match="device is 'tpu'"):
        openvino.reader(lambda part: part, "tpu")


def served(device):
    """The app's engine on the classroom suite, from the app's own arguments."""
    given = app.parser().parse_args(["--device", device])
    engine = app.engine_for(suite_to_serve(given.suite_root, given.device), given.device)
    engine._core.caps.fixed = 8  # no Eval is split because this machine is busy
    return engine


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_app_paints_with_forms_that_its_first_picture_did_not_wait_for():
    pytest.importorskip("openvino", reason="an optional extra")
    knobs = SAMPLERS["unclip"].knobs(steps=2, prior_steps=3, candidates=1)
    exact = Request("unclip", Prompt("a red cat"), knobs, "classroom", "one", exact=True)
    request, plain, swift = replace(exact, exact=False), served("cpu"), served("openvino")
    want = plain.paint(request)
    assert torch.equal(swift.paint(request), want)
    with swift.registry.borrow("classroom", ["prior", "decoder", "clip"]) as parts:
        openvino.settled()
        assert [type(part) is openvino.Swift for part in parts.values()] == [True, True, False]
        assert not parts["prior"].forms.ready
        assert set(parts["prior"].met.values()) == {3}
        parts["prior"].often = 4
        assert torch.equal(swift.paint(request), want)
        openvino.settled()
        assert len(parts["prior"].forms.ready) == 1
        met = parts["prior"].met.copy()
        formed = swift.paint(request)
        assert parts["prior"].met == met, "the form was there, and was not taken"
        off = (formed - want).abs().max()
        same = torch.equal(swift.paint(exact), plain.paint(exact))
    print(f"\nthe classroom by the app's --device openvino: off by {off:.1e}; exact bit-equal: {same}")
    assert off < 1e-3
    assert same, "an exact run took a form"


def test_without_the_extra_the_app_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="2"):
        app.main(["--device", "openvino"])
    said = capsys.readouterr().err
    assert said == "quartet: device is 'openvino', but OpenVINO is not installed; pip install 'quartet[openvino]'\n"
