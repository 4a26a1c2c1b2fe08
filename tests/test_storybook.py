"""Storybook's world: captions that read back, pairs that nobody is shown, pictures that carry their whole truth."""

import hashlib
import random
import subprocess
import sys

import numpy as np
import pytest

from lab.storybook import dataset
from lab.storybook.dataset import FRESH, JUDGE, REPORT, TRAIN, TUNE, captions, pictures, small
from lab.storybook.grammar import parse, say
from lab.storybook.paint import SIDE, paint
from lab.storybook.scene import (
    CATEGORIES,
    EDGE,
    HELD_OUT,
    RADIUS,
    Ask,
    Noun,
    loosen,
    relation_between,
    sample,
    sample_ask,
    stage,
)
from lab.storybook.words import BACKGROUNDS, COLOURS, COUNTS, KINDS, RELATIONS, SIZES


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_said_is_read_back(language):
    for seed in range(3000):
        rng = random.Random(seed)
        ask = sample_ask(rng, None, None)
        for said in (ask, loosen(ask, rng, 0.6)):
            text = say(said, language, rng if seed % 4 else None)
            reading = parse(text)
            assert reading.ask == said, text
            assert (reading.unknown, reading.language) == ((), language), text


def test_the_world_is_as_large_as_promised():
    assert len(KINDS) >= 16
    assert (len(COLOURS), len(SIZES), len(BACKGROUNDS)) == (10, 2, 6)
    assert set(RELATIONS) == {"left of", "right of", "above", "below", "and"}


def test_articles_and_plurals():
    assert say(Ask((Noun("cup", "orange"),))) == "an orange cup"
    assert say(Ask((Noun("umbrella"),), None, "beach")) == "an umbrella on a beach"
    assert say(Ask((Noun("umbrella", "orange", "large"),))) == "a large orange umbrella"
    assert say(Ask((Noun("star", "yellow", None, 3),), None, "night")) == "three yellow stars at night"
    assert say(Ask((Noun("fish", None, None, 2),))) == "two fish"
    pair = Ask((Noun("cat", "red"), Noun("house", "blue")), "left of")
    assert say(pair) == "a red cat left of a blue house"
    assert say(pair, "zh") == "一只红色的猫在一座蓝色的房子的左边"
    with pytest.raises(ValueError, match="language is 'fr'"):
        say(pair, "fr")


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("Two big RED cups, on the beach!", Ask((Noun("cup", "red", "large", 2),), None, "beach")),
        ("the tiny violet ship under one moon", Ask((Noun("boat", "purple", "small"), Noun("moon")), "below")),
        ("雪地里，一只大橘色的猫在两", Ask((Noun("cat", "orange", "large"),), None, "snow")),
        ("左边是一把紫色的伞，右边是一个球", Ask((Noun("umbrella", "purple"), Noun("ball")), "left of")),
        ("房子的左边有一只猫", Ask((Noun("cat"), Noun("house")), "left of")),
        ("在树的上方是月亮", Ask((Noun("moon"), Noun("tree")), "above")),
        ("房子右边的红猫", Ask((Noun("cat", "red"), Noun("house")), "right of")),
        ("猫在左边，房子在右边", Ask((Noun("cat"), Noun("house")), "left of")),
        ("猫在房子的下方", Ask((Noun("cat"), Noun("house")), "below")),
        ("to the left of the house is a red cat", Ask((Noun("cat", "red"), Noun("house")), "left of")),
        ("a blue dog and a cat", Ask((Noun("cat"),))),
        ("红色的狗和猫", Ask((Noun("cat"),))),
        ("a fluffy red cat and a ball", Ask((Noun("cat", "red"), Noun("ball")), "and")),
        ("", None),
    ],
)
def test_it_reads_more_than_it_says(text, ask):
    assert parse(text).ask == ask


def test_more_than_an_ask_holds_is_told():
    for text in ("two red balls and a blue cat", "a red ball, a blue cat and a green tree", "两只猫和三个球"):
        assert parse(text).more, text
    for text in ("two red balls", "a red ball and a cat", "a cat in the snow", "a dog and a cat", ""):
        assert not parse(text).more, text


def test_unknown_words_come_with_their_nearest():
    reading = parse("a dog and a cat near a blue tre at night")
    assert reading.unknown == ("dog", "near", "tre")
    assert reading.nearest["dog"] == ("cat",)
    assert "tree" in reading.nearest["tre"]
    assert reading.ask == Ask((Noun("cat"),), None, "night")
    reading = parse("一只红色的狗在夜里")
    assert (reading.unknown, reading.nearest["狗"], reading.ask) == (("狗",), ("猫",), None)
    for text in ("xyzzy", "量子"):
        reading = parse(text)
        assert reading.ask is None
        assert all(reading.nearest[word] for word in reading.unknown)


@pytest.mark.parametrize("word", ["in", "at", "by", "or", "for"])
def test_small_words_of_plain_sentences_are_known_and_ask_for_nothing(word):
    reading, bare = parse(f"a pink cat {word} a tiny house on the beach"), parse("a pink cat a tiny house on the beach")
    assert reading.unknown == ()
    assert reading.ask == bare.ask
    assert reading.ask.background == "beach"


def test_a_place_is_read_before_its_small_word_is():
    for name, (phrases, _) in BACKGROUNDS.items():
        assert {parse(f"a cat {phrase}").ask.background for phrase in phrases} == {name}


def test_a_tenth_of_the_pairs_is_held_out_evenly():
    assert 10 * len(HELD_OUT) == len(KINDS) * len(COLOURS)
    assert {kind for kind, _ in HELD_OUT} == set(KINDS)
    assert {colour for _, colour in HELD_OUT} == set(COLOURS)


def test_held_out_pairs_are_in_no_training_scene_and_in_every_one_asked_for():
    def pairs(seed, held_out):
        return {(thing.kind, thing.colour) for thing in sample(seed, None, held_out)[1].things}

    shown = set().union(*(pairs(TRAIN + k, False) for k in range(6000)))
    assert shown == {(k, c) for k in KINDS for c in COLOURS} - HELD_OUT
    assert all(pairs(REPORT + k, True) & HELD_OUT for k in range(500))
    judged = set().union(*(pairs(JUDGE + k, None) for k in range(6000)))
    assert judged >= HELD_OUT
    for k in range(2000):  # a colour that is left open is never filled in with a held-out one
        rng = random.Random(k)
        scene = stage(loosen(sample_ask(rng), rng, 0.3), rng)
        assert not {(thing.kind, thing.colour) for thing in scene.things} & HELD_OUT


def test_captions_name_no_held_out_pair():
    for text in captions(range(TRAIN, TRAIN + 1000), 2):
        assert not {(noun.kind, noun.colour) for noun in parse(text).ask.nouns} & HELD_OUT


def test_splits_do_not_overlap():
    assert len({TRAIN, JUDGE, FRESH, TUNE, REPORT}) == 5
    assert sample(TRAIN)[1] != sample(FRESH)[1]


def digest(seeds):
    return hashlib.sha256(b"".join(paint(sample(seed)[1]).picture.tobytes() for seed in seeds)).hexdigest()


def test_pictures_are_identical_across_processes():
    code = "from tests.test_storybook import digest; print(digest(range(40)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest(range(40))


def test_pictures_come_from_their_seeds_alone(tmp_path):
    first = pictures(range(5, 9), cache=tmp_path)
    assert tuple(first.shape) == (4, 3, 64, 64)
    assert (pictures(range(5, 9), cache=tmp_path) == first).all()
    assert (pictures(range(7, 8))[0] == first[2]).all()


def test_what_is_cached_is_not_taken_for_what_another_painter_paints(tmp_path, monkeypatch):
    first = pictures(range(5, 9), cache=tmp_path)
    monkeypatch.setattr(dataset, "small", lambda picture, side=64: 255 - small(picture, side))
    assert (pictures(range(5, 9), cache=tmp_path) == 255 - first).all()


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_scene_fulfils_its_ask(category):
    for seed in range(150):
        ask, scene = sample(seed, category)
        wanted = [(n.kind, n.colour, n.size) for n in ask.nouns for _ in range(n.count)]
        assert [(t.kind, t.colour, t.size) for t in scene.things] == wanted
        assert scene.background == ask.background
        counts = {"single object": (1,), "colours": (1,), "counting": tuple(set(COUNTS) - {1})}
        assert len(scene.things) in counts.get(category, (2,))
        for thing in scene.things:
            assert RADIUS[thing.size][0] <= thing.r <= RADIUS[thing.size][1]
            assert min(thing.x, thing.y) - thing.r >= EDGE
            assert max(thing.x, thing.y) + thing.r <= 1 - EDGE
        if category == "position":
            (a, b) = scene.things
            assert relation_between((a.x, a.y), (b.x, b.y)) == ask.relation


def test_nothing_is_cut_and_every_truth_agrees():
    for seed in range(FRESH, FRESH + 150):
        painted = paint(sample(seed, None, None)[1])
        labels, seen = painted.segmentation, np.zeros((SIDE, SIDE), bool)
        kinds, places = list(KINDS), list(BACKGROUNDS)
        for thing, mask, box in zip(painted.scene.things, painted.masks, painted.boxes, strict=True):
            inside = np.asarray(mask) > 127
            rows, columns = np.nonzero(inside)
            assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert min(box) > 0
            assert max(box) < SIDE
            assert not (inside & seen).any()
            seen |= inside
            assert (labels[inside] == len(places) + kinds.index(thing.kind)).all()
            reach = thing.r * SIDE + 2
            assert abs((box[0] + box[2]) / 2 - thing.x * SIDE) < reach / 2
            assert abs((box[1] + box[3]) / 2 - thing.y * SIDE) < reach / 2
            assert 0.8 * thing.r * SIDE < max(box[2] - box[0], box[3] - box[1]) / 2 <= reach
        assert (labels[~seen] == places.index(painted.scene.background)).all()
        edges = painted.edges
        assert (
            edges[:-1, :-1] == ((labels[:-1, 1:] != labels[:-1, :-1]) | (labels[1:, :-1] != labels[:-1, :-1]))
        ).all()


def test_relations_hold_between_the_painted_centres():
    for seed in range(120):
        painted = paint(sample(seed, "position")[1])
        a, b = (((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in painted.boxes)
        assert relation_between(a, b) == painted.scene.relation


def test_colours_are_those_painted():
    """A ball's middle has its colour's ink, within the jitter and the light."""
    for colour, (_, ink) in COLOURS.items():
        scene = stage(Ask((Noun("heart", colour, "large"),)), random.Random(1), None)
        painted = paint(scene)
        thing = scene.things[0]
        got = painted.picture.getpixel((round((thing.x + 0.1 * thing.r) * SIDE), round(thing.y * SIDE)))
        nearest = min(COLOURS, key=lambda name: sum((x - y) ** 2 for x, y in zip(got, COLOURS[name][1], strict=True)))
        assert nearest == colour, (colour, ink, got)
