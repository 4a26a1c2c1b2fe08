"""Distances against closed forms: Gaussians whose distance is known, sums written out."""

import math

import pytest
import torch

from lab.measure.distance import clip_score, frechet, kid
from models.parts.clip import Clip
from tests.tinyclip import write_open_clip


def gaussian(mean, covariance, count=400, seed=0):
    """Rows whose sample mean and sample covariance are exactly those given."""
    x = torch.randn(count, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x -= x.mean(0)
    x = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False).T
    return x @ torch.linalg.cholesky(covariance).T + mean


def test_frechet_of_commuting_gaussians():
    a, b = torch.tensor([4.0, 9.0, 0.25]).double(), torch.tensor([1.0, 16.0, 2.25]).double()
    shift = torch.tensor([1.0, -2.0, 0.5]).double()
    want = shift.square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    got = frechet(gaussian(torch.zeros(3).double(), a.diag()), gaussian(shift, b.diag(), 300, 1))
    assert got == pytest.approx(want.item(), rel=1e-10)


def test_frechet_of_gaussians_that_do_not_commute():
    """For 2 x 2 matrices tr (A B)^(1/2) = sqrt(tr A B + 2 sqrt(det A B)), from Cayley and Hamilton."""
    a = torch.tensor([[2.0, 0.9], [0.9, 1.0]]).double()
    b = torch.tensor([[1.0, -0.6], [-0.6, 3.0]]).double()
    root = math.sqrt((a @ b).trace() + 2 * math.sqrt(a.det() * b.det()))
    zero = torch.zeros(2).double()
    assert frechet(gaussian(zero, a), gaussian(zero, b, seed=1)) == pytest.approx(3 + 4 - 2 * root, rel=1e-9)


def test_frechet_is_a_distance_even_with_fewer_pictures_than_features():
    rng = torch.Generator().manual_seed(3)
    a, b = torch.randn(20, 64, generator=rng), 2 + torch.randn(30, 64, generator=rng)
    assert frechet(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-9)
    assert frechet(a, a + 3) == pytest.approx(9 * 64, rel=1e-4)


def test_kid_is_the_sum_written_out():
    rng = torch.Generator().manual_seed(4)
    a, b = torch.randn(5, 3, generator=rng).double(), torch.randn(4, 3, generator=rng).double()

    def k(x, y):
        return (float(x @ y) / 3 + 1) ** 3

    own_a = sum(k(a[i], a[j]) for i in range(5) for j in range(5) if i != j) / 20
    own_b = sum(k(b[i], b[j]) for i in range(4) for j in range(4) if i != j) / 12
    both = sum(k(x, y) for x in a for y in b) / 20
    assert kid(a, b) == pytest.approx(own_a + own_b - 2 * both, rel=1e-12)


def test_kid_is_unbiased():
    rng = torch.Generator().manual_seed(5)
    draws = torch.tensor([kid(*torch.randn(2, 8, 4, generator=rng)) for _ in range(400)])
    assert draws.mean().abs() < 4 * draws.std() / 20
    assert (draws < 0).any()


@pytest.mark.parametrize("bad", [torch.zeros(1, 3), torch.zeros(4), torch.full((4, 3), float("nan"))])
def test_what_is_no_set_of_features_is_refused(bad):
    for distance in (frechet, kid):
        with pytest.raises(ValueError, match=r"^a "):
            distance(bad, torch.zeros(4, 3))


def test_frechet_refuses_features_of_different_nets():
    with pytest.raises(ValueError, match="same net"):
        frechet(torch.zeros(4, 3), torch.zeros(4, 2))


def test_clip_score_is_the_cosine_of_each_picture_with_its_own_text(tmp_path):
    clip = Clip.from_folder(write_open_clip(tmp_path))
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    texts = ["red cat", "blue", "a cat"]
    got = clip_score(clip, pictures, texts)
    for k, text in enumerate(texts):
        a = clip.image(pictures[k : k + 1])[0].detach().double()
        b = clip.text(clip.tokenize([text]).ids).embedding[0].detach().double()
        assert got[k].item() == pytest.approx((a @ b / (a.norm() * b.norm())).item(), abs=1e-5)
    with pytest.raises(ValueError, match="3 pictures and 2 texts"):
        clip_score(clip, pictures, texts[:2])
