"""The judge as it ships: it reads fresh scenes, harmed ones too, and says nothing of what is no scene."""

import random
from dataclasses import replace
from functools import cache

import pytest
import torch
import torch.nn.functional as F

from lab.measure.distance import frechet
from lab.measure.judge import RIGHT, UNSURE, check, fit, read
from lab.measure.suite import measure, painted, questions
from lab.storybook.dataset import FRESH, REPORT, pictures
from lab.storybook.scene import Ask, Noun, sample
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, RELATIONS, SIZES
from lab.train.degrade import READABLE, UNREADABLE, blended, melted, shuffled, waves
from models.catalog import ASSETS
from models.parts.judge import Judge

SEEDS = range(FRESH + 5000, FRESH + 6200)
SUITE = ASSETS / "classroom"


@cache
def judge():
    return Judge.from_folder(SUITE / "judge")


@cache
def fresh():
    """Scenes it never saw, all pairs among them: asks, scenes, pictures, verdicts."""
    asks, scenes = zip(*(sample(seed, None, None) for seed in SEEDS), strict=True)
    x = pictures(SEEDS, held_out=None).float() / 255
    return asks, scenes, x, read(x, judge())


def share(values):
    values = list(values)
    return sum(values) / len(values)


def test_it_is_small():
    assert 0.5e6 < sum(w.numel() for w in judge().parameters()) < 0.8e6
    assert (SUITE / "judge" / "model.safetensors").stat().st_size < 2e6


def test_attributes_and_whole_scenes_are_right():
    asks, _, _, verdicts = fresh()
    marks = [check(ask, verdict) for ask, verdict in zip(asks, verdicts, strict=True)]
    words = [mark == RIGHT for each in marks for word, mark in each.items() if word not in ("overall", "count")]
    assert share(words) >= 0.995
    assert share(each["overall"] == RIGHT for each in marks) >= 0.98


def test_places_and_radii_are_found():
    _, scenes, _, verdicts = fresh()
    off, radii = [], []
    for scene, verdict in zip(scenes, verdicts, strict=True):
        for thing in scene.things:
            near = min(
                verdict.objects, key=lambda found: (found.x - thing.x) ** 2 + (found.y - thing.y) ** 2, default=None
            )
            off.append(1.0 if near is None else max(abs(near.x - thing.x), abs(near.y - thing.y)))
            radii.append(1.0 if near is None else abs(near.r - thing.r))
    assert share(d < 1 / 32 for d in off) >= 0.99
    assert share(d < 0.03 for d in radii) >= 0.99


def edited(ask: Ask, rng: random.Random) -> Ask:
    """The same ask with one word of another meaning."""

    def other(value, values):
        return rng.choice([v for v in values if v != value])

    words = ["kind", "colour", "size", "background", "count"] + ["relation"] * (ask.relation not in (None, "and"))
    word = rng.choice(words)
    if word == "background":
        return replace(ask, background=other(ask.background, BACKGROUNDS))
    if word == "relation":
        return replace(ask, relation=other(ask.relation, [r for r in RELATIONS if r != "and"]))
    at = rng.randrange(len(ask.nouns))
    noun = ask.nouns[at]
    if word == "count":
        new = replace(noun, count=other(noun.count, (1, 2, 3)))
        return Ask((new,), None, ask.background)  # of two nouns one is dropped
    table = {"kind": KINDS, "colour": COLOURS, "size": SIZES}[word]
    new: Noun = replace(noun, **{word: other(getattr(noun, word), table)})
    return replace(ask, nouns=(*ask.nouns[:at], new, *ask.nouns[at + 1 :]))


def test_one_edited_word_is_not_accepted():
    asks, _, _, verdicts = fresh()
    accepted = []
    for seed in range(3):
        rng = random.Random(seed)
        for ask, verdict in zip(asks, verdicts, strict=True):
            accepted.append(check(edited(ask, rng), verdict)["overall"] == RIGHT)
    assert share(accepted) <= 0.005


@pytest.mark.parametrize("harm", READABLE, ids=lambda f: f.__name__)
def test_harmed_scenes_are_still_read(harm):
    asks, _, x, _ = fresh()
    rng = torch.Generator().manual_seed(1)
    x = torch.cat([harm(part, rng) for part in x[:240].split(24)]).clamp(0, 1)
    assert share(check(a, v)["overall"] == RIGHT for a, v in zip(asks, read(x, judge()), strict=False)) >= 0.9


def rejected(x):
    """Shares of pictures on which the judge abstains altogether."""
    ask = Ask((Noun("ball"),))
    return share(set(check(ask, verdict).values()) == {UNSURE} for verdict in read(x, judge()))


@pytest.mark.parametrize("ruin", UNREADABLE, ids=lambda f: f.__name__)
def test_what_is_no_scene_is_rejected(ruin):
    rng = torch.Generator().manual_seed(2)
    _, _, x, _ = fresh()
    # what is made of scenes may still hold a readable one: a quarter of it, or behind faint waves or another
    least = {melted: 0.95, waves: 0.95, shuffled: 0.9, blended: 0.8}.get(ruin, 0.98)
    assert rejected(torch.cat([ruin(part, rng) for part in x[-400:].split(8)]).clamp(0, 1)) >= least


def test_plain_noise_and_flat_colours_are_rejected():
    rng = torch.Generator().manual_seed(3)
    noise = torch.rand(100, 3, 64, 64, generator=rng)
    grey = torch.linspace(0, 1, 50).view(50, 1, 1, 1).expand(50, 3, 64, 64)
    colours = torch.tensor([ink for _, ink in COLOURS.values()]).view(10, 3, 1, 1).expand(10, 3, 64, 64) / 255
    assert rejected(torch.cat([noise, grey, colours])) >= 0.98


def test_any_size_is_read_alike():
    asks, _, _, verdicts = fresh()
    large = pictures(SEEDS[:60], side=256, held_out=None).float() / 255
    same = [
        check(a, v)["overall"] == check(a, w)["overall"]
        for a, v, w in zip(asks, verdicts, read(large, judge()), strict=False)
    ]
    assert share(same) >= 0.98
    with pytest.raises(ValueError, match="the judge reads"):
        fit(torch.zeros(3, 64, 64))
    with pytest.raises(ValueError, match="resize them"):
        judge()(torch.zeros(1, 3, 32, 32))


def test_a_picture_is_judged_alike_in_any_company():
    _, _, x, verdicts = fresh()
    for k, verdict in enumerate(read(x[:20], judge(), batch=3)):
        assert [(o.kind, o.colour, o.size) for o in verdict.objects] == [
            (o.kind, o.colour, o.size) for o in verdicts[k].objects
        ]
        assert verdict.background == verdicts[k].background


def test_it_survives_its_folder(tmp_path):
    judge().save_folder(tmp_path)
    again = Judge.from_folder(tmp_path)
    _, _, x, _ = fresh()
    with torch.no_grad():
        for a, b in zip(judge()(x[:4]), again(x[:4]), strict=True):
            assert torch.equal(a, b)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no config\.json"):
        Judge.from_folder(tmp_path)


def test_a_perfect_generator_scores_high_and_a_deaf_one_low():
    asked = {q.seed: q for q in questions(120, REPORT, 20)}

    def paint(family, prompts, seeds):
        shift = 0 if family == "perfect" else 6  # the deaf one paints another prompt of the same category
        return painted([asked.get(s + shift, asked[s]) for s in seeds])

    results = measure(SUITE, ["perfect", "deaf"], 120, REPORT, paint=paint, held_out=20, batch=60, reference=400)
    perfect, deaf = results["families"]["perfect"], results["families"]["deaf"]
    assert perfect["overall"]["share"] >= 0.97
    assert perfect["held_out"]["share"] >= 0.9
    assert deaf["overall"]["share"] < 0.2
    assert 0.5 * results["floor"] < perfect["frechet"] < 2 * results["floor"]


@torch.no_grad()
def features(x):
    return torch.cat([judge().features(part) for part in x.split(100)])


def test_the_frechet_distance_grows_with_harm():
    _, _, x, _ = fresh()
    known, other = features(x[:800]), x[800:]
    grainy = other + 0.05 * torch.randn(other.shape, generator=torch.Generator().manual_seed(5))
    soft = F.interpolate(F.interpolate(other, (24, 24), mode="area"), (64, 64), mode="bilinear")
    half = torch.cat([other[:200], torch.rand(200, 3, 64, 64, generator=torch.Generator().manual_seed(6))])
    floor, *harmed = (frechet(features(y), known) for y in (other, grainy, soft, half))
    assert all(distance > 1.5 * floor for distance in harmed)
    assert harmed[2] > 100 * floor
