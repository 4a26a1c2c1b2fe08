"""The DALL-E 2 tab without a browser: its lessons against plain runs and closed forms, its handlers on a tiny suite."""

import base64
import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from lab.lessons import captions, decoding, prior, sources, variations
from lab.lessons.musing import Musing
from lab.lessons.prior import Thought
from lab.measure.appraise import IMAGE, TEXT
from lab.race import LANES, SAMPLERS, Event, Race, default_engine, open_suite
from lab.storybook.grammar import parse, say
from lab.ui import controls
from lab.ui.acts import Acts
from lab.ui.compare.show import Show
from lab.ui.painters.unclip import Tab
from lab.ui.painters.unclip import acts as shows
from lab.ui.painters.unclip.acts import CANDIDATES
from lab.ui.painters.unclip.asked import ELSEWHERE
from lab.ui.words import LANGUAGES
from lab.ui.words import say as word
from models.loaders import load
from models.protocol import Prompt, Request
from models.samplers.unclip import UnclipKnobs
from tests.tinysuite import engine, folder, without

SENTENCE = "a red cat in the snow"
KNOBS = UnclipKnobs(candidates=3, prior_steps=4, steps=3, upsample_steps=2)
GO = threading.Event()  # never set
ALL = captions.asks()
FEW = ALL[:30] + ALL[-10:]  # embedding all would take most of this file's time


@pytest.fixture(scope="module", autouse=True)
def few_captions():
    captions.asks, known = (lambda: FEW), captions.asks
    yield
    captions.asks = known


def split(told):
    thoughts, events = [], []
    for item in told:
        (events if isinstance(item, Event) else thoughts).append(item)
    return thoughts, events


def plain(knobs=KNOBS, seeds=(1,), **more):
    """What the painter gives when nobody looks into it, (B, H, W, 3) uint8."""
    run = engine().submit(Request("unclip", Prompt(SENTENCE, seeds=seeds, **more), knobs, "classroom", "plain"))
    engine().wait(run)
    return run.newest.images


def test_captions_are_known_to_the_grammar_and_each_is_nearest_to_itself():
    asks = captions.asks()
    assert len(set(asks)) == len(asks)
    known = captions.captions(engine(), "classroom")
    assert known is captions.ready(engine(), "classroom")
    assert [near[0].cosine for near in known.near(7 * known.rows)] == pytest.approx([1] * len(asks), abs=1e-4)
    for near in known.near(known.rows[:5]):
        things = [tuple((noun.kind, noun.colour) for noun in parse(one.says["en"]).ask.nouns) for one in near]
        assert len(set(things)) == len(near) == 3
        assert [parse(one.says["zh"]).ask.nouns for one in near] == [parse(one.says["en"]).ask.nouns for one in near]
        cosines = [one.cosine for one in near]
        assert cosines == sorted(cosines, reverse=True)


def test_all_captions_together_are_two_thousand_different_sentences_that_the_grammar_reads_back():
    assert len({say(ask) for ask in ALL}) == len(ALL) > 1900
    assert all(parse(say(ask)).ask == ask for ask in ALL[::50])


def test_a_suite_brings_its_captions_along_and_another_clips_are_not_taken(tmp_path):
    home = without(tmp_path / "suite")
    written = captions.keep(default_engine(home), "classroom")
    asked = []
    fresh = default_engine(home, read=lambda part: asked.append(part) or load(part))
    known = captions.captions(fresh, "classroom")
    apart = (known.rows - captions.captions(engine(), "classroom").rows).abs().max()
    assert apart < 5e-4, "half precision, and no more"
    assert written == home / captions.FILE
    assert asked == []
    config = next((home / "clip").glob("*config.json"))
    config.write_text(config.read_text() + " ")
    captions.captions(other := default_engine(home, read=lambda part: asked.append(part) or load(part)), "classroom")
    assert len(asked) == 1
    assert captions.ready(other, "classroom")


def test_the_prior_thinks_in_steps_and_the_chosen_candidate_is_what_the_painter_would_paint():
    thoughts, events = split(prior.run(engine(), "classroom", SENTENCE, 1, KNOBS, GO))
    assert [(thought.i, thought.n) for thought in thoughts] == [(i, 4) for i in range(1, 5)]
    last = thoughts[-1]
    assert last.embeddings.shape[0] == len(last.near) == 3
    with engine().registry.borrow("classroom", ["clip"]) as parts:
        tokens = parts["clip"].tokenize([SENTENCE]).ids
    words = engine().call(TEXT, tokens, suite="classroom")
    torch.testing.assert_close(torch.tensor(last.similarity), F.cosine_similarity(last.embeddings, words).float())
    pictures = [event.frame for event in events if event.frame is not None][-1]
    assert (events[-1].state, pictures.shape[0]) == ("done", 3)
    assert np.abs(pictures[last.best].astype(int) - plain()[0].astype(int)).max() <= 1, "neighbours change rounding"
    assert len({picture.tobytes() for picture in pictures}) == 3
    pairs = [F.cosine_similarity(last.embeddings[a], last.embeddings[b], 0) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert last.alike == pytest.approx(float(sum(pairs)) / 3, abs=1e-5)


def test_without_choice_there_is_one_thought_and_guidance_moves_it():
    one = prior.settled(engine(), "classroom", SENTENCE, 1, UnclipKnobs(candidates=1, prior_steps=3), GO)
    moved = UnclipKnobs(candidates=1, prior_steps=3, prior_guidance=9.0)
    other = prior.settled(engine(), "classroom", SENTENCE, 1, moved, GO)
    assert (one.best, one.alike) == (0, 1)
    assert not torch.equal(one.embeddings, other.embeddings)


def test_one_embedding_decoded_four_times_is_one_embedding_and_four_noises():
    (thought,), events = split(decoding.run(engine(), "classroom", SENTENCE, 5, KNOBS, GO))
    pictures = [event.frame for event in events if event.frame is not None][-1]
    assert len({picture.tobytes() for picture in pictures}) == decoding.COUNT
    one = prior.fork(thought.state, [thought.best], [6])
    (alone,) = [
        event.frame
        for event in prior.decode(engine(), "classroom", SENTENCE, one, [6], KNOBS, GO)
        if event.state == "done"
    ]
    assert np.abs(alone[0].astype(int) - pictures[1].astype(int)).max() <= 1, "neighbours change rounding only"


def test_three_sources_differ_in_their_embedding_alone():
    picture = variations.true_picture(SENTENCE, 3, 32)
    (told,), events = split(sources.run(engine(), "classroom", SENTENCE, 3, picture, KNOBS, GO))
    frames = {event.lane: event.frame for event in events if event.frame is not None}
    assert set(frames) == set(sources.KINDS)
    for kind, more in (("text", {}), ("image", {"image": picture})):
        bare = plain(UnclipKnobs.from_dict(KNOBS.to_dict() | {"embedding": kind}), (3,), **more)
        assert np.abs(bare.astype(int) - frames[kind].astype(int)).max() <= 1
    assert not (frames["prior"] == frames["image"]).all()
    assert told.similarity["image"] == pytest.approx(1, abs=1e-4)
    assert max(told.similarity.values()) <= 1 + 1e-4


def test_variations_are_painted_from_the_embedding_without_a_word():
    picture = variations.true_picture(SENTENCE, 3, 32)
    (seen,), events = split(variations.run(engine(), "classroom", picture, 2, KNOBS, GO))
    embedding = engine().call(IMAGE, picture[None], suite="classroom")
    assert seen == captions.captions(engine(), "classroom").near(embedding)[0]
    pictures = [event.frame for event in events if event.frame is not None][-1]
    request = Request(
        "unclip", Prompt("", seeds=(3,), image=picture),
        UnclipKnobs.from_dict(KNOBS.to_dict() | {"embedding": "image"}), "classroom", "plain",
    )  # fmt: skip
    bare = (engine().paint(request)[0].movedim(0, -1) * 255).round().numpy()
    assert np.abs(bare - pictures[1]).max() <= 1


def test_a_true_picture_fulfils_its_sentence_and_another_seed_stages_it_anew():
    one, same, other = (variations.true_picture(SENTENCE, seed, 64) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert variations.true_picture("an astronaut", 1, 64) is None
    held = {"purple", "brown"}  # colours of which some pair with a cat is never trained on
    assert all(variations.true_picture(f"a {colour} cat", 1, 64) is not None for colour in held)


def test_stop_ends_the_prior_and_the_decoder():
    stop = threading.Event()
    slow = UnclipKnobs(candidates=2, prior_steps=200, steps=200)
    told = prior.run(engine(), "classroom", SENTENCE, 1, slow, stop)
    assert isinstance(next(told), Thought)
    stop.set()
    assert not [item for item in told if isinstance(item, Event)]
    stop.clear()
    told = prior.run(engine(), "classroom", SENTENCE, 1, UnclipKnobs(candidates=2, prior_steps=2, steps=500), stop)
    next(item for item in told if isinstance(item, Event))
    stop.set()
    assert list(told)[-1].state == "cancelled"


def test_a_race_tells_what_the_prior_thinks_of_and_nobody_looks_before_the_decoder_paints():
    captions.captions(engine(), "classroom")
    knobs = {"unclip": {"prior_steps": 4, "steps": 3, "candidates": 2}}
    race = Race(engine(), "classroom", SENTENCE, 1, ["unclip"], knobs, every=0.0, blind=("unclip",))
    musing, told, shown = None, [], []
    for event in race:
        musing = musing or Musing(engine(), "classroom", race.runs["unclip"])
        if (thought := musing.news()) is not None:
            told.append(thought)
        if event.frame is not None:
            shown.append(event.shown)
    assert shown
    assert min(shown) > 4
    assert [i for i, _ in told] == sorted({i for i, _ in told})
    for i, near in told:
        z = engine().call(prior.FINISH, race.runs["unclip"].states[i].x["x"][0], suite="classroom")
        assert near in captions.ready(engine(), "classroom").near(z)


def test_the_page_is_told_the_thoughts_of_a_race_in_every_language(tab):
    captions.captions(tab.engine, "classroom")
    knobs = [value for lane in LANES for value in controls.defaults(SAMPLERS[lane].knobs())]
    asked = [SENTENCE, 1, ["unclip"], 0, 1, *knobs]
    news = {}
    for value in Show(tab.engine, "classroom").paint(visitor(), *asked):
        news |= value["news"]
    news = [news[key] for key in sorted(news, key=int)]
    thoughts = [item for item in news if item["kind"] == "thought"]
    assert thoughts
    assert all(set(caption) == set(LANGUAGES) for item in thoughts for caption in item["says"])
    first = next(k for k, item in enumerate(news) if item["kind"] == "lane" and item["images"])
    assert news.index(thoughts[0]) < first


# ---- the tab


@pytest.fixture(scope="module")
def tab():
    running = default_engine(open_suite(folder())).start()
    shows.READING = 0.0  # nobody reads here
    yield Tab(running, "classroom", Acts())
    running.stop()


def values(**changed):
    """The drawer's controls, with few steps."""
    quick = {"prior_steps": 3, "steps": 3} | changed
    names = [spec.name for spec in controls.shown(UnclipKnobs, ELSEWHERE)]
    found = dict(zip(names, controls.defaults(UnclipKnobs(), ELSEWHERE), strict=True)) | quick
    return [found[name] for name in names]


def common(text=SENTENCE, seed=1, count=CANDIDATES, **changed):
    return [text, seed, count, *values(**changed)]


def visitor():
    return SimpleNamespace(session_hash="a")


def end(stream):
    *_, last = stream
    return last


def cells(value):
    return [value["cells"][f"0,{k}"] for k in range(len(value["columns"]))]


def shown(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.split(",")[1]))))


def test_thoughts_are_read_before_anything_is_painted_and_then_become_pictures(tab):
    told = list(tab.prior(visitor(), *common()))
    assert [value["line"]["key"] for value in told[:3]] == ["unclip.thinks"] * 3
    for value in told[:3]:
        assert all(not cell["images"] and len(cell["inside"]) == 3 for cell in cells(value))
    assert cells(told[0])[0]["inside"] != cells(told[2])[0]["inside"], "the nearest captions change"
    last = cells(told[-1])
    assert told[-1]["line"]["key"] == "unclip.done"
    assert all(len(cell["images"]) == 1 for cell in last)
    assert [cell["captions"][0]["key"] for cell in last].count("unclip.chosen") == 1
    assert set(last[0]["inside"][0]) == set(LANGUAGES)


def test_one_thought_hangs_as_four_pictures(tab):
    last = end(tab.four(visitor(), *common()))
    assert len({cell["images"][0] for cell in cells(last)}) == 4
    assert last["line"]["key"] == "unclip.four.done"


def test_a_true_picture_hangs_beside_what_is_painted_from_three_embeddings(tab):
    last = end(tab.three(visitor(), "painted", None, *common()))
    assert len({cell["images"][0] for cell in cells(last)}) == 4
    with tab.engine.registry.borrow("classroom", ["clip"]) as parts:
        side = parts["clip"].size
    true = variations.true_picture(SENTENCE, 1, side).movedim(0, -1).numpy() * 255
    assert np.abs(shown(cells(last)[0]["images"][0]) - true).max() < 1
    assert cells(last)[1]["captions"][0]["values"] == {"cosine": "1.00"}


def test_an_own_picture_is_varied(tab, tmp_path):
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "red.png")
    last = end(tab.varied(visitor(), "own", str(tmp_path / "red.png"), *common()))
    assert cells(last)[0]["captions"][0]["key"] == "unclip.own.cut"
    assert (shown(cells(last)[0]["images"][0])[0, 0] == (200, 30, 30)).all()
    assert len({cell["images"][0] for cell in cells(last)}) == 5
    painted = end(tab.varied(visitor(), "painted", None, *common()))
    assert cells(painted)[1]["images"] != cells(last)[1]["images"]


def test_an_own_picture_is_varied_without_a_sentence(tab, tmp_path):
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "red.png")
    mine = "own", str(tmp_path / "red.png")
    spoken, silent = (end(tab.varied(visitor(), *mine, *common(text=text))) for text in (SENTENCE, ""))
    assert silent["trouble"] is None
    for one, other in zip(cells(silent), cells(spoken), strict=True):
        assert (shown(one["images"][0]) == shown(other["images"][0])).all(), "no word of it is read"
    for needs_one in (
        tab.varied(visitor(), "painted", None, *common(text="")),
        tab.three(visitor(), *mine, *common(text="")),
    ):
        assert end(needs_one)["trouble"]["key"] == "say.empty"


def test_the_small_picture_and_the_large_one_lie_under_one_slider(tab):
    told = list(tab.larger(visitor(), 2, 0.0, *common()))
    assert told[0][1] is None
    wall, (small, large) = told[-1]
    assert small.shape == large.shape
    assert (shown(cells(wall)[0]["images"][0]) == small[::4, ::4]).all()
    assert not (small == large).all()
    for more in ({"steps": 4, "augment": 0.0}, {"steps": 2, "augment": 0.4}):
        other = end(tab.larger(visitor(), more["steps"], more["augment"], *common()))[1]
        assert (other[0] == small).all()
        assert not (other[1] == large).all()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"text": " "}, "say.empty"),
        ({"text": "x" * 1001}, "say.long"),
        ({"seed": None}, "say.seed"),
        ({"seed": 1.5}, "say.seed"),
        ({"steps": 1}, "say.knob"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(tab, change, key):
    for stream in (tab.prior(visitor(), *common(**change)), tab.four(visitor(), *common(**change))):
        said = end(stream)["trouble"]
        assert said["key"] == key
        assert all(word(key, language, **said["values"]) for language in LANGUAGES)


def test_a_picture_that_is_missing_broken_or_unknown_is_a_sentence(tab, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for source, file, text, key in (
        ("own", None, SENTENCE, "nofile"),
        ("own", str(tmp_path / "broken.png"), SENTENCE, "unreadable"),
        ("painted", None, "an astronaut", "unknown"),
    ):
        for handler in (tab.three, tab.varied):
            assert end(handler(visitor(), source, file, *common(text=text)))["trouble"]["key"] == f"unclip.say.{key}"


def test_without_weights_the_tab_says_which(tmp_path):
    lacking = default_engine(open_suite(without(tmp_path / "suite", "unclip/prior"))).start()
    try:
        said = end(Tab(lacking, "classroom", Acts()).prior(visitor(), *common()))["trouble"]
    finally:
        lacking.stop()
    assert (said["key"], said["values"]) == ("say.missing", {"parts": "prior"})


def test_stop_leaves_what_was_thought_and_says_so(tab):
    stream = tab.prior(visitor(), *common(prior_steps=300))
    first = next(stream)
    tab.acts.halt(visitor())
    last = end(stream)
    assert last["line"]["key"] == "unclip.stopped"
    assert cells(first)[0]["inside"]
    assert cells(last)[0]["inside"]
