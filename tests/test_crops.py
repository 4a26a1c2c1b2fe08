"""Each augmentation alone against torchvision, kornia or arithmetic by hand; all together against one another."""

import math

import kornia.geometry as kg
import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF

from models.samplers.crops import CropKnobs, Crops, cut, draw_crops
from models.samplers.crops.cut import hashed_normal
from models.samplers.crops.draw import NEUTRAL, colour_matrix, homography

# fmt: off
OFF = {"crops": 4, "whole": False, "smallest": 1.0, "rotate": 0, "shift": 0, "perspective": 0, "flip": False,
       "colour": 0, "noise": 0, "erase": 0}
ON = {"crops": 4, "whole": False, "smallest": 0.4, "rotate": 30, "shift": 0.2, "perspective": 0.2, "flip": True,
      "colour": 0.5, "noise": 0.3, "erase": 0.4}
# fmt: on


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=32, width=32, count=1, seed=5):
    """Smooth enough to compare interpolations, with no symmetry."""
    rough = torch.rand(count, 3, 6, 6, generator=rng(seed), dtype=torch.float64)
    return F.interpolate(rough, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)


def drawn(height=32, width=32, seeds=(0,), **knobs):
    return draw_crops(CropKnobs(**{**OFF, **knobs}), [rng(seed) for seed in seeds], height, width)


def bare(n=1, **fields):
    """Crops that change nothing but the fields given."""
    colour = torch.eye(3, 4, dtype=torch.float64).expand(1, n, 3, 4)
    plain = Crops(
        torch.eye(3, dtype=torch.float64).expand(1, n, 3, 3),
        colour,
        torch.zeros(1, n, dtype=torch.float64),
        torch.zeros(1, n, dtype=torch.int32),
        -torch.ones(1, n, 4, dtype=torch.float64),
    )
    return plain._replace(**fields)


def test_with_everything_off_a_crop_is_the_plain_resize():
    source = picture(32, 32, 2)
    for size in (32, 48, 29):
        seen = cut(source, drawn(seeds=(1, 2)), size)
        truth = F.interpolate(source, (size, size), mode="bilinear", align_corners=False)
        torch.testing.assert_close(seen, truth[:, None].expand_as(seen), rtol=0, atol=1e-12)


def test_a_large_picture_is_pooled_once_before_the_warp():
    source = picture(64, 96)
    square = F.avg_pool2d(source, 2)[..., 8:40]
    seen = cut(source, drawn(64, 96, whole=True), 32)
    torch.testing.assert_close(seen[0, 0], square[0], rtol=0, atol=1e-12)


def test_place_is_the_resize_of_the_part():
    """A part of 20 x 20 pixels at row 4, column 10 of a picture 32 high and 40 wide, by hand."""
    source = picture(32, 40)
    place = torch.tensor([[20 / 40, 0, (10 + 10) / 20 - 1], [0, 20 / 32, (4 + 10) / 16 - 1], [0, 0, 1]]).double()
    seen = cut(source, bare(place=place[None, None]), 20)
    torch.testing.assert_close(seen[0, 0], source[0, :, 4:24, 10:30], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40), (40, 24)])
def test_places_are_square_inside_the_picture_and_as_large_as_asked(height, width):
    place = drawn(height, width, seeds=range(8), crops=64, smallest=0.3).place
    corners = torch.tensor([[-1.0, -1, 1], [1, 1, 1]]).double() @ place.mT
    assert corners.abs().max() <= 1 + 1e-12
    sides = (corners[..., 1, :2] - corners[..., 0, :2]) / 2 * torch.tensor([width, height])
    torch.testing.assert_close(sides[..., 0], sides[..., 1])
    share = sides[..., 0] / min(height, width)
    assert 0.3 <= share.min() < 0.33
    assert 0.97 < share.max() <= 1


def test_cut_power_bends_the_sizes():
    one, three = (drawn(seeds=(3,), crops=64, smallest=0.2, cut_power=power).place[0, :, 0, 0] for power in (1, 3))
    torch.testing.assert_close(three, 0.2 + 0.8 * ((one - 0.2) / 0.8) ** 3)


def test_rotation_is_torchvisions():
    source, crops = picture(), drawn(rotate=40, seeds=(2,))
    seen = cut(source, crops, 32)[0]
    for i in range(4):
        angle = math.degrees(math.atan2(crops.place[0, i, 1, 0], crops.place[0, i, 0, 0]))
        assert 0 < abs(angle) <= 40
        truth = TF.affine(source, -angle, [0, 0], 1.0, [0.0], interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(seen[i, :, 9:23, 9:23], truth[0, :, 9:23, 9:23], rtol=0, atol=1e-6)


def test_rotation_turns_the_square_of_a_wide_picture_without_stretching_it():
    source = picture(32, 48)
    corners = torch.tensor([[-1.0, 1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, 1]]).double()
    turned = drawn(32, 48, rotate=40, seeds=(2,)).place @ corners
    pixels = turned[0, :, :2].mT * torch.tensor([48, 32]) / 2
    sides = (pixels - pixels.roll(1, 1)).norm(dim=-1)
    torch.testing.assert_close(sides, torch.full_like(sides, 32))
    assert cut(source, drawn(32, 48, rotate=40, seeds=(2,)), 32).shape == (1, 4, 3, 32, 32)


def test_shift_moves_by_its_share_of_the_crop():
    source = picture()
    seen = cut(source, bare(place=torch.tensor([[1, 0, 0.25], [0, 1, -0.5], [0, 0, 1]]).double()[None, None]), 32)[0, 0]
    torch.testing.assert_close(seen[:, 8:, :28], source[0, :, :24, 4:], rtol=0, atol=1e-12)
    torch.testing.assert_close(seen[:, :8, :28], source[0, :, :1, 4:].expand(3, 8, 28), rtol=0, atol=1e-12)  # border
    moves = drawn(shift=0.2, crops=64, seeds=range(4)).place[..., :2, 2]
    assert 0.38 < moves.abs().max() <= 0.4  # of a side, which is 2 long


def test_perspective_is_kornias_and_torchvisions():
    source = picture()
    corners = torch.tensor([[[0.0, 0], [32, 0], [32, 32], [0, 32]]]).double()
    seen_at = corners + torch.tensor([[[3.0, 1], [-2, 4], [-5, -3], [2, -4]]])
    ours = homography(corners, seen_at)
    torch.testing.assert_close(ours, kg.get_perspective_transform(corners, seen_at), rtol=0, atol=1e-9)
    to_pixels = torch.tensor([[16, 0, 16], [0, 16, 16], [0, 0, 1]]).double()
    place = torch.linalg.inv(to_pixels) @ ours @ to_pixels
    truth = TF.perspective(source, seen_at[0].tolist(), corners[0].tolist(), InterpolationMode.BILINEAR)
    torch.testing.assert_close(cut(source, bare(place=place[None]), 32)[0], truth, rtol=0, atol=1e-6)


def test_perspective_moves_corners_as_far_as_asked_and_never_folds():
    place = drawn(perspective=0.2, crops=128, seeds=range(16)).place
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]]).double()
    moved = corners @ place.mT
    assert moved[..., 2].min() > 0
    away = (moved[..., :2] / moved[..., 2:] - corners[:, :2]).abs()
    assert 0.39 < away.max() <= 0.4 + 1e-9  # of a side, which is 2 long


def test_flip_mirrors_about_half_of_the_crops():
    source = picture()
    seen = cut(source, drawn(flip=True, crops=64), 32)[0]
    mirrored = [bool((one - TF.hflip(source[0])).abs().max() < 1e-9) for one in seen]
    straight = [bool((one - source[0]).abs().max() < 1e-9) for one in seen]
    assert all(a != b for a, b in zip(mirrored, straight, strict=True))
    assert 20 < sum(mirrored) < 44


def matrix(bright=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    values = (torch.tensor([[v]], dtype=torch.float64) for v in (bright, contrast, saturation, hue))
    return colour_matrix(*values)


def test_brightness_and_saturation_are_torchvisions():
    source = 0.25 + picture() / 2  # far from the ends, where torchvision clamps
    for amount in (0.7, 1.2):
        bright = cut(source, bare(colour=matrix(bright=amount)), 32)[0]
        torch.testing.assert_close(bright, TF.adjust_brightness(source, amount), rtol=0, atol=1e-12)
        vivid = cut(source, bare(colour=matrix(saturation=amount)), 32)[0]
        torch.testing.assert_close(vivid, TF.adjust_saturation(source, amount), rtol=0, atol=1e-4)


def test_contrast_keeps_mid_grey_and_hue_keeps_every_grey():
    source = picture()
    seen = cut(source, bare(colour=matrix(contrast=1.5)), 32)[0]
    torch.testing.assert_close(seen, 0.5 + 1.5 * (source - 0.5), rtol=0, atol=1e-12)
    third = cut(source, bare(colour=matrix(hue=2 * math.pi / 3)), 32)[0]
    torch.testing.assert_close(third, source[:, [2, 0, 1]], rtol=0, atol=1e-12)  # red becomes green
    torch.testing.assert_close(matrix(hue=0.3)[..., :3].sum(-1), torch.ones(1, 1, 3).double())


def test_colours_compose_in_torchvisions_order():
    source = 0.4 + picture() / 5
    one_by_one = source
    for step in ({"bright": 1.2}, {"contrast": 0.8}, {"saturation": 1.3}, {"hue": 0.2}):
        one_by_one = cut(one_by_one, bare(colour=matrix(**step)), 32)[0]
    at_once = cut(source, bare(colour=matrix(1.2, 0.8, 1.3, 0.2)), 32)[0]
    torch.testing.assert_close(at_once, one_by_one, rtol=0, atol=1e-12)


def test_noise_is_added_with_its_own_deviation_and_seed():
    source, crops = picture(), drawn(noise=0.4, seeds=(4,))
    added = cut(source, crops, 32) - cut(source, crops, 32, noisy=False)
    truth = torch.stack([hashed_normal(seed, 3 * 32 * 32) for seed in crops.seed[0]]).view(4, 3, 32, 32)
    torch.testing.assert_close(added[0], truth * crops.noise[0].view(4, 1, 1, 1), rtol=0, atol=1e-6)
    assert ((crops.noise >= 0) & (crops.noise <= 0.4)).all()
    assert crops.seed.unique().numel() == 4


def test_hashed_noise_is_standard_normal_and_independent():
    noise = hashed_normal(torch.arange(64, dtype=torch.int32), 4096).double()
    for power, moment in enumerate((0, 1, 0, 3), 1):
        assert abs((noise**power).mean() - moment) < 0.05
    assert abs((noise[1:] * noise[:-1]).mean()) < 0.01  # neighbouring seeds
    assert abs((noise[:, 1:] * noise[:, :-1]).mean()) < 0.01  # neighbouring pixels
    assert abs((noise[:, :2048] * noise[:, 2048:]).mean()) < 0.01  # sine and cosine of one hash
    assert torch.equal(hashed_normal(torch.tensor([7]), 4096)[0].double(), noise[7])
    assert hashed_normal(torch.tensor(3), 5).shape == (5,)


def test_hash_is_murmurs():
    def fmix32(h):
        h = ((h ^ (h >> 16)) * 0x85EBCA6B) % 2**32
        h = ((h ^ (h >> 13)) * 0xC2B2AE35) % 2**32
        return h ^ (h >> 16)

    seed, count = 2**31 - 5, 6
    hashes = [fmix32((seed * 0x9E3779B1 + i) % 2**32) for i in range(count // 2)]
    pairs = [(math.sqrt(-2 * math.log(((h >> 16) + 0.5) / 65536)), 2 * math.pi * (h & 0xFFFF) / 65536) for h in hashes]
    truth = [r * math.cos(a) for r, a in pairs] + [r * math.sin(a) for r, a in pairs]
    torch.testing.assert_close(hashed_normal(torch.tensor(seed), count), torch.tensor(truth), rtol=0, atol=1e-5)


def test_erasing_is_torchvisions():
    source = picture()
    box = torch.tensor([[[4 / 16 - 1, 6 / 16 - 1, 15 / 16 - 1, 26 / 16 - 1]]]).double()
    truth = TF.erase(source, 6, 4, 20, 11, torch.tensor(0.5).double())
    torch.testing.assert_close(cut(source, bare(erase=box), 32)[0], truth, rtol=0, atol=1e-12)


def test_holes_are_inside_and_no_larger_than_asked():
    left, top, right, bottom = drawn(erase=0.3, crops=128, seeds=range(8)).erase.unbind(-1)
    assert min(left.min(), top.min()) >= -1
    assert max(right.max(), bottom.max()) <= 1 + 1e-12
    area = (right - left) * (bottom - top) / 4
    assert 0.28 < area.max() <= 0.3
    aspect = (right - left) / (bottom - top)
    assert 1 / 3 <= aspect.min() < 0.4
    assert 2.5 < aspect.max() <= 3


def test_all_together_are_each_in_turn():
    """One homography a crop is place after affine after perspective after flip, each drawn alone."""
    alone = [
        drawn(seeds=(9,), **{name: ON[name] for name in names}).place
        for names in (["smallest"], ["rotate", "shift"], ["perspective"], ["flip"])
    ]
    together = draw_crops(CropKnobs(**ON), [rng(9)], 32, 32)
    torch.testing.assert_close(together.place, alone[0] @ alone[1] @ alone[2] @ alone[3])


@pytest.mark.parametrize("name", ["smallest", "rotate", "shift", "perspective", "flip", "colour", "noise", "erase"])
def test_a_switch_has_its_own_effect_and_no_other(name):
    alone, off = drawn(**{name: ON[name]}), drawn()
    changed = {field for field in Crops._fields if not torch.equal(getattr(alone, field), getattr(off, field))}
    assert changed == {name if name in Crops._fields else "place"}
    without = draw_crops(CropKnobs(**{**ON, name: OFF[name]}), [rng()], 32, 32)
    everything = draw_crops(CropKnobs(**ON), [rng()], 32, 32)
    for field in set(Crops._fields) - changed:
        assert torch.equal(getattr(without, field), getattr(everything, field))
    source = picture()
    assert (cut(source, alone, 32) - cut(source, off, 32)).abs().max() > 0.01


def test_the_whole_picture_comes_first_and_untouched():
    source = picture()
    knobs = CropKnobs(**{**ON, "whole": True})
    seen = cut(source, draw_crops(knobs, [rng()], 32, 32), 32)
    torch.testing.assert_close(seen[0, 0], source[0], rtol=0, atol=1e-9)
    assert (seen[0, 1:] - source).abs().amax((1, 2, 3)).min() > 0.01
    assert len(NEUTRAL) == 25


def test_pictures_keep_their_own_crops_in_any_company():
    both = draw_crops(CropKnobs(**ON), [rng(1), rng(2)], 32, 32)
    alone = draw_crops(CropKnobs(**ON), [rng(2)], 32, 32)
    assert all(torch.equal(a[1:], b) for a, b in zip(both, alone, strict=True))
    source = picture(count=2)
    torch.testing.assert_close(cut(source, both, 32)[1:], cut(source[1:], alone, 32), rtol=0, atol=1e-12)


def test_crops_are_differentiable():
    source = picture(9, 11).requires_grad_()
    crops = draw_crops(CropKnobs(**{**ON, "crops": 3}), [rng(3)], 9, 11)
    assert torch.autograd.gradcheck(lambda x: cut(x, crops, 6), (source,))
    assert torch.autograd.gradcheck(lambda x: cut(x, crops, 4), (source,))  # pooled


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [("crops", 0, "from 1 to 128"), ("perspective", 0.3, "from 0.0 to 0.2"), ("noise", math.nan, "from 0.0 to 1.0")],
)
def test_settings_out_of_range_are_refused(field, value, allowed):
    with pytest.raises(ValueError, match=rf"{field} is {value}; give .*{allowed}"):
        CropKnobs(**{field: value})
