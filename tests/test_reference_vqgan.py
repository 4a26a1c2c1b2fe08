"""The loop that our painter is timed against does the same job: same loss, and it climbs."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from lab.measure import reference_vqgan as reference
from models.samplers.crops import draw_crops
from models.samplers.vqgan_clip import VqganClipKnobs
from models.samplers.vqgan_clip.targets import TARGETS, standard
from tests.test_vqgan_clip import kit_for, parts

ONE = VqganClipKnobs(crops=1, whole=True, rotate=0, shift=0, perspective=0, colour=0, noise=0, erase=0, rule="adam")


def aims():
    embedding = parts()["clip"].text(kit_for().tokens).embedding
    return F.normalize(embedding, dim=-1)[:2], (1.0, -0.5)


def test_without_augmentation_its_loss_and_gradient_are_ours():
    vqgan, (texts, weights) = parts()["vqgan"], aims()
    mean, std = standard(vqgan, torch.float64)
    x = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    crops = draw_crops(ONE, [torch.Generator()], 32, 32)
    ours, losses, *_ = TARGETS["climb_ordinary"].fn(
        parts(), x, texts[None], torch.tensor([weights]).double(), *crops, noisy=False
    )
    leaf = x.clone().requires_grad_()
    picture = reference.cutouts(reference.decode(vqgan, leaf * std + mean), 32, ONE)
    found = F.normalize(parts()["clip"].image(picture), dim=-1)
    theirs = [reference.distance(found, text, weight) for text, weight in zip(texts, weights, strict=True)]
    torch.testing.assert_close(losses[0], torch.stack(theirs).detach(), rtol=0, atol=1e-9)
    (truth,) = torch.autograd.grad(sum(theirs), leaf)
    torch.testing.assert_close(ours, truth, rtol=0, atol=1e-9)


def test_it_climbs_and_leaves_the_random_numbers_alone():
    texts, weights = aims()
    before = torch.random.get_rng_state()
    picture, losses = reference.paint(parts()["vqgan"], parts()["clip"], texts, weights, replace(ONE, steps=15))
    assert torch.equal(before, torch.random.get_rng_state())
    assert picture.shape == (1, 3, 32, 32)
    assert 0 <= picture.min() < picture.max() <= 1
    assert min(losses[-3:]) < losses[0] - 0.01


@pytest.mark.parametrize(("flip", "stacked"), [(False, True), (True, False)])
def test_every_augmentation_runs(flip, stacked):
    texts, weights = aims()
    knobs = VqganClipKnobs(steps=2, crops=3, flip=flip)
    picture, losses = reference.paint(parts()["vqgan"], parts()["clip"], texts, weights, knobs, 3, stacked)
    again = reference.paint(parts()["vqgan"], parts()["clip"], texts, weights, knobs, 3, stacked)
    assert torch.equal(picture, again[0])
    assert losses == again[1]
    assert reference.augmentations(knobs)(torch.rand(3, 3, 32, 32)).shape == (3, 3, 32, 32)
    assert len(reference.augmentations(knobs)) == 4 + flip
