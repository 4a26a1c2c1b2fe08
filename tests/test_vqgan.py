"""The VQGAN against taming's own modules: keys, values, gradients, files."""

import pytest
import torch
from safetensors.torch import load_file
from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.vqvae.quantize import VectorQuantizer2
from torch import nn

from models.parts.vqgan import CLASSROOM, Vqgan

PLAIN = {**CLASSROOM["ddconfig"], "in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 2], "z_channels": 6}
TINY = {**CLASSROOM, "ddconfig": PLAIN, "n_embed": 24}


class Taming(nn.Module):
    """VQModel as taming wires it, out of taming's modules alone (taming.models needs a Lightning that is gone)."""

    def __init__(self, config):
        super().__init__()
        shape, dim = config["ddconfig"], config["embed_dim"]
        self.encoder, self.decoder = Encoder(**shape), Decoder(**shape)
        self.quantize = VectorQuantizer2(config["n_embed"], dim, beta=config["beta"], legacy=config["legacy"])
        self.quant_conv = nn.Conv2d(shape["z_channels"], dim, 1)
        self.post_quant_conv = nn.Conv2d(dim, shape["z_channels"], 1)


def pair(legacy=False, dtype=torch.float32):
    torch.manual_seed(7)
    ours = Vqgan({**TINY, "legacy": legacy}).to(dtype)
    nn.init.normal_(ours.quantize.embedding.weight)
    stock = Taming({**TINY, "legacy": legacy}).to(dtype)
    stock.load_state_dict(ours.state_dict())
    return ours, stock


def test_keys_are_tamings():
    ours, stock = pair()
    assert list(ours.state_dict()) == list(stock.state_dict())


def test_encode_and_decode_are_tamings_bit_for_bit():
    ours, stock = pair()
    pixels = torch.rand(2, 3, 32, 48) * 2 - 1
    latent = ours.encode(pixels)
    assert latent.shape == (2, 8, 16, 24)
    assert torch.equal(latent, stock.quant_conv(stock.encoder(pixels)))
    assert torch.equal(ours.decode(latent), stock.decoder(stock.post_quant_conv(latent)))


def test_folded_pixels_are_tamings_on_squares_as_channels():
    torch.manual_seed(7)
    ours = Vqgan(CLASSROOM)
    stock = Taming(CLASSROOM)
    stock.load_state_dict(ours.state_dict())
    pixels = torch.rand(2, 3, 64, 64) * 2 - 1
    squares = torch.nn.functional.pixel_unshuffle(pixels, 2)
    latent = ours.encode(pixels)
    assert (ours.fold, ours.factor, latent.shape) == (2, 4, (2, 8, 16, 16))
    assert torch.equal(latent, stock.quant_conv(stock.encoder(squares)))
    back = stock.decoder(stock.post_quant_conv(latent))
    assert torch.equal(torch.nn.functional.pixel_unshuffle(ours.decode(latent), 2), back)


@pytest.mark.parametrize("legacy", [True, False])
def test_quantize_is_tamings_with_its_gradients(legacy):
    ours, stock = pair(legacy, torch.float64)
    results = []
    for model in (ours, stock):
        latent = torch.randn(2, 8, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        latent.requires_grad_()
        codes, loss, indices = model.quantize(latent)
        indices = indices[2] if isinstance(indices, tuple) else indices
        torch.autograd.backward((codes.cos().sum() + loss,))
        results.append((codes, loss, indices.flatten(), latent.grad, model.quantize.embedding.weight.grad))
    assert torch.equal(results[0][2], results[1][2])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_the_nearest_code_is_the_nearest():
    ours, _ = pair()
    latent = torch.randn(2, 8, 4, 3)
    codes = ours.quantize.embedding.weight
    truth = torch.cdist(latent.movedim(1, -1).reshape(-1, 8), codes).argmin(1).view(2, 4, 3)
    indices = ours.quantize.nearest(latent)
    assert torch.equal(indices, truth)
    through, same = ours.quantize.straight_through(latent)
    assert torch.equal(same, truth)
    torch.testing.assert_close(through, codes[truth].movedim(-1, 1), rtol=0, atol=1e-6)
    assert torch.equal(ours.quantize.lookup(truth), codes[truth].movedim(-1, 1))


def test_the_straight_through_gradient_ignores_the_codebook():
    ours, _ = pair()
    ours.requires_grad_(False)
    latent = torch.randn(1, 8, 4, 4, requires_grad=True)
    weight = torch.randn(1, 8, 4, 4)
    (ours.quantize.straight_through(latent)[0] * weight).sum().backward()
    assert torch.equal(latent.grad, weight)


def test_range_holds_every_code():
    ours, _ = pair()
    low, high = ours.quantize.range
    codes = ours.quantize.embedding.weight
    assert torch.equal(low, codes.min(0).values)
    assert torch.equal(high, codes.max(0).values)


def test_forward_is_the_way_through():
    ours, _ = pair()
    pixels = torch.rand(1, 3, 32, 32) * 2 - 1
    picture, loss, indices = ours(pixels)
    codes, same_loss, same = ours.quantize(ours.encode(pixels))
    assert picture.shape == pixels.shape
    assert indices.shape == (1, 16, 16)
    assert torch.equal(loss, same_loss)
    assert torch.equal(indices, same)
    assert torch.equal(picture, ours.decode(codes))


def test_a_folder_gives_the_same_model_back_and_nothing_less(tmp_path):
    ours, _ = pair()
    ours.save_folder(tmp_path)
    again = Vqgan.from_folder(tmp_path)
    assert again.config == ours.config
    assert not again.training
    for key, value in ours.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    ours.save_folder(tmp_path, dtype=torch.float16)
    assert {value.dtype for value in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    ours.decoder = nn.Identity()
    ours.save_folder(tmp_path)
    with pytest.raises(ValueError, match=r"do not fit: decoder.conv_in.weight is missing"):
        Vqgan.from_folder(tmp_path)


def test_configs_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"double_z is True; a VQGAN needs false"):
        Vqgan({**TINY, "ddconfig": {**TINY["ddconfig"], "double_z": True}})
    with pytest.raises(ValueError, match=r"gives \[24, 48\] channels; .* multiple of 32"):
        Vqgan({**TINY, "ddconfig": {**TINY["ddconfig"], "ch": 24}})


def test_building_prints_nothing_and_the_classroom_model_is_small(capsys):
    model = Vqgan(CLASSROOM)
    assert capsys.readouterr().out == ""
    assert model.factor == 4
    assert sum(p.numel() for p in model.parameters()) == 885_556
