"""The VQGAN+CLIP tab without a browser: its lessons against plain runs and plain sums, its handlers on a tiny suite."""

import base64
import io
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from lab.lessons import augmentations, climbing, crops, tiles, towers
from lab.lessons.variations import true_picture
from lab.race import Event, default_engine, open_suite
from lab.ui import controls
from lab.ui.acts import Acts
from lab.ui.painters.vqgan_clip import Climbs, Sheet
from lab.ui.painters.vqgan_clip.asked import ELSEWHERE
from lab.ui.painters.vqgan_clip.curves import PLOTS, Curves
from lab.ui.words import LANGUAGES
from lab.ui.words import say as word
from models.protocol import Prompt, Request
from models.samplers.crops import CropKnobs, Crops, cut, draw_crops
from models.samplers.vqgan_clip import VqganClipKnobs
from tests.tinysuite import engine, folder, without

SENTENCE = "a red cat in the snow"
PROMPT = Prompt(SENTENCE, seeds=(1,))
KNOBS = VqganClipKnobs(steps=3, crops=2)
GO = threading.Event()  # never set


def plain(knobs, prompt=PROMPT):
    """What the painter gives when nobody looks into it, (H, W, 3) uint8."""
    run = engine().submit(Request("vqgan_clip", prompt, knobs, "classroom", "plain"))
    engine().wait(run)
    return run.newest.images[0]


def last(told):
    """The last news of every climb."""
    return {news.event.lane: news for news in told}


def picture(seed=1, side=64):
    return true_picture(SENTENCE, seed, side)


# ---- the lessons


def test_with_and_without_crops_differ_in_their_crops_alone():
    told = list(crops.run(engine(), "classroom", PROMPT, KNOBS, GO))
    ends = last(told)
    assert {lane: (end.event.state, end.event.i) for lane, end in ends.items()} == dict.fromkeys(
        crops.LANES, ("done", 3)
    )
    for lane, knobs in crops.pair(KNOBS).items():
        assert np.abs(ends[lane].event.frame[0].astype(int) - plain(knobs).astype(int)).max() <= 1
    facts = {lane: [f for n in told if n.event.lane == lane for f in n.event.history] for lane in crops.LANES}
    assert [fact.i for fact in facts["on"]] == [1, 2, 3]
    first = [next(iter(facts[lane])).facts["codes"] for lane in crops.LANES]
    assert first[0] == first[1], "both begin with one latent"
    assert ends["off"].sight.crops.shape == (64, 64, 3), "one crop"
    assert ends["on"].sight.crops.shape == (64, 128, 3), "two crops"


def test_fresh_eyes_are_crops_that_no_step_was_asked_about():
    end = last(crops.run(engine(), "classroom", PROMPT, KNOBS, GO))["on"]
    seen = torch.from_numpy(end.event.frame.copy()).movedim(-1, 1).float() / 255
    views = draw_crops(climbing.FRESH, [torch.Generator().manual_seed(climbing.FRESH_SEED)], *seen.shape[-2:])
    with engine().registry.borrow("classroom", ["clip", "clip_robust"]) as parts, torch.no_grad():
        words = parts["clip"].text(parts["clip"].tokenize([SENTENCE]).ids).embedding
        for name, part in (("ordinary", "clip"), ("robust", "clip_robust")):
            shown = cut(seen, views.like(seen), parts[part].size)[0]
            cosines = [F.cosine_similarity(parts[part].image(one[None]), words).item() for one in shown]
            assert end.sight.opinions[name].whole == pytest.approx(cosines[0], abs=1e-4)
            assert end.sight.opinions[name].fresh == pytest.approx(np.mean(cosines[1:]), abs=1e-4)


def test_what_clip_is_shown_and_the_tiles_are_those_of_the_state():
    end = last(crops.run(engine(), "classroom", PROMPT, KNOBS, GO))["off"]
    assert end.state.i == 3
    _, indices = engine().call(tiles.TARGETS["decode"], end.state.x["shown"], suite="classroom")
    assert end.sight.codes.shape == (*indices.shape[1:], 3)
    assert len(np.unique(end.sight.codes.reshape(-1, 3), axis=0)) == len(indices.unique())
    assert (end.sight.crops == end.event.frame[0]).all(), "the only crop is the whole picture"


def test_two_towers_climb_apart_from_one_latent(tmp_path):
    ends = last(towers.run(engine(), "classroom", PROMPT, KNOBS, GO))
    assert set(ends) == set(towers.LANES)
    for lane, end in ends.items():
        bare = plain(replace(KNOBS, tower=lane)).astype(int)
        assert np.abs(end.event.frame[0].astype(int) - bare).max() <= 1
    assert not (ends["robust"].event.frame == ends["ordinary"].event.frame).all()
    lacking = default_engine(open_suite(without(tmp_path / "suite", "clip-robust")))
    with pytest.raises(ValueError, match="no clip_robust"):
        list(towers.run(lacking, "classroom", PROMPT, KNOBS, GO))


def test_stopped_and_gone_on_is_as_never_stopped():
    stop, states = threading.Event(), {}
    for news in crops.run(engine(), "classroom", PROMPT, replace(KNOBS, steps=12), stop):
        states[news.event.lane] = news.state
        if all(states.get(lane) for lane in crops.LANES):
            stop.set()
    assert any(state.i < 12 for state in states.values())
    ends = last(crops.run(engine(), "classroom", PROMPT, replace(KNOBS, steps=12), GO, states))
    whole = last(crops.run(engine(), "classroom", PROMPT, replace(KNOBS, steps=12), GO))
    for lane in crops.LANES:
        assert torch.equal(ends[lane].state.x["x"], whole[lane].state.x["x"])


def test_every_augmentation_alone_is_what_its_own_knobs_cut():
    assert set(augmentations.OFF) == {spec.name for spec in CropKnobs.specs()} - {"crops", "whole", "cut_power"}
    shown = dict(augmentations.run(engine(), "classroom", picture(), CropKnobs(), tuple(augmentations.OFF), 5, "x"))
    assert list(shown) == list(augmentations.sheets(tuple(augmentations.OFF)))
    assert len({sheet.tobytes() for sheet in shown.values()}) == len(shown)
    still = dict(augmentations.run(engine(), "classroom", picture(), CropKnobs(), (), 5, "x"))["all"]
    with engine().registry.borrow("classroom", ["clip"]) as parts:
        size = parts["clip"].size
    truth = np.asarray(climbing.pixels(picture()))
    if size == 64:
        assert np.abs(still[:64, :64].astype(int) - truth).max() <= 1, "with all of them off a crop is the picture"
    mirrored = shown["flip"].reshape(2, size, 2, size, 3).swapaxes(1, 2).reshape(4, size, size, 3)
    one = still[:size, :size].astype(int)
    apart = [min(np.abs(tile.astype(int) - side).max() for side in (one, one[:, ::-1])) for tile in mirrored]
    assert max(apart) <= 1, "mirroring is all that it does"
    knobs = replace(augmentations.switched(CropKnobs(), ("noise",)), crops=4, whole=False)
    views = draw_crops(knobs, [torch.Generator().manual_seed(5)], 64, 64)
    bare = cut(picture()[None], Crops(*views).like(picture()), size)[0].clamp(0, 1)
    assert np.abs(shown["noise"][:size, size:].astype(int) - climbing.pixels(bare[1]).astype(int)).max() <= 1


def test_a_picture_laid_in_tiles_comes_back_as_the_vqgan_itself_gives_it():
    side = climbing.trained(engine(), "classroom")
    shown = picture(side=side)
    found = tiles.lay(engine(), "classroom", shown, "x")
    with engine().registry.borrow("classroom", ["vqgan"]) as parts, torch.no_grad():
        again = ((parts["vqgan"](shown[None] * 2 - 1)[0] + 1) / 2).clamp(0, 1)
        assert found.known == parts["vqgan"].config["n_embed"]
    assert np.abs(found.again.astype(int) - climbing.pixels(again[0]).astype(int)).max() <= 1
    assert found.psnr == pytest.approx(-10 * (again[0] - shown).square().mean().log10().item(), abs=0.01)
    assert found.count == found.codes.shape[0] * found.codes.shape[1]
    assert found.used == len(np.unique(found.codes.reshape(-1, 3), axis=0))


# ---- the tab


@pytest.fixture(scope="module")
def running():
    started = default_engine(open_suite(folder())).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def acts():
    return Acts()


@pytest.fixture(scope="module")
def both(running, acts):
    return Climbs(running, "classroom", acts, "crops")


@pytest.fixture(scope="module")
def base(both):
    """The main act with nothing changed."""
    return hung(end(both.begin(visitor(), "en", *form())))


FIELDS = {
    "text": SENTENCE, "seed": 1, "steps": 3, "crops": 2, "switches": list(augmentations.USUAL), "begin": "noise",
    "file": None, "negative": "",
}  # fmt: skip
DRAWER = dict(
    zip(
        ({"negative": "push"}.get(spec.name, spec.name) for spec in controls.shown(VqganClipKnobs, ELSEWHERE)),
        controls.defaults(VqganClipKnobs(), ELSEWHERE),
        strict=True,
    )
)


def form(**changed):
    """The values of all controls."""
    assert set(changed) <= set(FIELDS) | set(DRAWER)
    return [*(changed.get(k, v) for k, v in FIELDS.items()), *(changed.get(k, v) for k, v in DRAWER.items())]


def visitor(name="a"):
    return SimpleNamespace(session_hash=name)


def end(stream):
    """The wall, the points of every plot and what is kept, as they are after the last value."""
    found = [None] * (2 + len(PLOTS))
    for value in stream:
        new = [bare(sent) for sent in value]
        found = [old if kept(sent) else sent for old, sent in zip(found, new, strict=True)]
    return found


def kept(sent):
    """Whether the page keeps what it has, but for the legend of a plot."""
    return isinstance(sent, dict) and (sent == gr.skip() or "colors_in_legend" in sent)


def bare(sent):
    """What a plot was sent, without the points that only name its lines."""
    data = points(sent)
    return data.dropna() if isinstance(data, pd.DataFrame) else data


def points(sent):
    """The data in what a plot was sent, if there is any."""
    return sent["value"] if isinstance(sent, dict) and "value" in sent else sent


def hung(found):
    """The pictures of the upper row."""
    return [found[0]["cells"][f"0,{column}"]["images"] for column in (0, 1)]


def test_two_climbs_hang_side_by_side_with_crops_tiles_curves_and_both_numbers(both):
    wall, asked, fresh, loss, kept = end(both.begin(visitor(), "en", *form()))
    assert set(wall["cells"]) == {f"{row},{column}" for row in range(3) for column in range(2)}
    assert all(len(cell["images"]) == 1 for cell in wall["cells"].values())
    keys = [caption["key"] for caption in wall["cells"]["0,1"]["captions"]]
    assert keys == ["vq.asked", "vq.fresh.crops"]
    assert wall["line"]["key"] == "vq.end.crops"
    assert {state.i for state in kept.states.values()} == {3}
    for data in (asked, loss):
        assert sorted(zip(data["line"], data["step"], strict=True)) == sorted(
            (word(f"vq.lane.{lane}", "en"), step) for lane in crops.LANES for step in (1, 2, 3)
        )
    assert set(fresh["step"]) >= {3}
    assert all(word("vq.end.crops", language, **wall["line"]["values"]) for language in LANGUAGES)


@pytest.mark.parametrize("name", augmentations.OFF)
def test_every_switch_changes_the_pictures(both, base, name):
    needed = {"crops": 6} if name == "flip" else {}  # of two, chance may turn neither
    before = hung(end(both.begin(visitor(), "en", *form(**needed)))) if needed else base
    switches = [*augmentations.USUAL, name] if name == "flip" else [x for x in augmentations.USUAL if x != name]
    assert hung(end(both.begin(visitor(), "en", *form(**needed, switches=switches)))) != before


def test_a_climb_that_is_over_goes_on_and_one_that_was_stopped_is_finished(both):
    first = end(both.begin(visitor(), "en", *form()))
    more = end(both.go_on(visitor(), first[-1], "en", *form()))
    assert {state.i for state in more[-1].states.values()} == {6}
    assert sorted(set(more[1]["step"])) == list(range(1, 7)), "the curves go on as well"
    assert hung(more) != hung(first)
    other = end(both.go_on(visitor(), first[-1], "en", *form(text="a blue boat")))
    assert hung(other) != hung(more), "it may climb on to another sentence"
    stream = both.begin(visitor(), "en", *form(steps=60))
    next(value for value in stream if value[0]["cells"])
    both.acts.halt(visitor())
    halted = end(stream)
    assert halted[0]["line"]["key"] == "vq.stopped"
    assert all(state.i < 60 for state in halted[-1].states.values())
    meant = max(state.i for state in halted[-1].states.values()) + 2
    done = end(both.go_on(visitor(), replace(halted[-1], n=meant), "en", *form(steps=50)))
    assert {state.i for state in done[-1].states.values()} == {meant}, "to the end that was meant"


def test_a_climb_goes_on_in_the_language_that_the_page_turns_to_meanwhile(both):
    def lines(plots):
        return [set(points(plot)["line"]) for plot in plots]

    names = {language: {word(f"vq.lane.{lane}", language) for lane in crops.LANES} for language in LANGUAGES}
    stream = (value[1:4] for value in both.begin(visitor(), "en", *form(steps=30)))
    sent = (plots for plots in stream if plots[0] != gr.skip())
    first, legends = next(sent), next(sent)
    assert lines(first) == [names["en"]] * 3
    assert [set(plot["colors_in_legend"]) for plot in legends] == [names["en"]] * 3
    drawn = (plots for plots in sent if "value" in plots[0])
    assert lines(next(plots for plots in drawn if points(plots[0])["value"].notna().any())) == [names["en"]] * 3
    turned = both.relabelled(visitor(), "zh", None)
    assert lines(turned) == [names["zh"]] * 3
    assert turned[0]["value"].notna().any(), "what was climbed so far stays on the page"
    assert [set(plot["colors_in_legend"]) for plot in both.legends("zh")] == [names["zh"]] * 3
    after = list(sent)
    assert len(after) >= 2  # a slow machine sends fewer
    assert all(lines(plots) == [names["zh"]] * 3 for plots in after[::2])
    legends = [[set(plot["colors_in_legend"]) for plot in plots] for plots in after[1::2]]
    assert legends == [[names["zh"]] * 3] * (len(after) // 2), "their lines would not be drawn"
    assert lines(both.relabelled(visitor(), "en", None)) == [names["en"]] * 3, "nothing is under way any more"


def test_going_on_keeps_the_size_that_it_began_with_and_ends_at_a_thousand_steps(both):
    first = end(both.begin(visitor(), "en", *form(width=96)))
    more = end(both.go_on(visitor(), first[-1], "en", *form()))
    assert shown(hung(more)[0][0]).shape == shown(hung(first)[0][0]).shape
    said = end(both.go_on(visitor(), replace(first[-1], n=999, states=far(first[-1], 999)), "en", *form(steps=3)))
    assert said[0]["trouble"]["key"] == "vq.say.far"


def far(kept, n):
    return {lane: replace(state, i=n) for lane, state in kept.states.items()}


def test_two_clips_hang_side_by_side_and_each_judges_the_others_climb(running, acts):
    wall, _, fresh, _, kept = end(Climbs(running, "classroom", acts, "towers").begin(visitor(), "zh", *form()))
    assert wall["line"]["key"] == "vq.end.towers"
    assert set(kept.states) == set(towers.LANES)
    assert set(fresh["line"]) == {word(f"vq.lane.{lane}", "zh") for lane in towers.LANES}
    ends = last(towers.run(running, "classroom", PROMPT, VqganClipKnobs(steps=3, crops=2), GO))
    other = ends["robust"].sight.opinions["ordinary"].fresh
    assert float(wall["line"]["values"]["robust_fresh"]) == pytest.approx(other, abs=0.02)


def test_an_own_picture_is_where_the_climb_begins(both, tmp_path):
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "red.png")
    changed = form(begin="picture", file=str(tmp_path / "red.png"), steps=2, rate=0.001)
    stream = both.begin(visitor(), "en", *changed)
    assert next(stream)[0]["line"]["key"] == "vq.own.cut"
    found = end(stream)
    plain_red = torch.full((1, 3, 64, 64), 30 / 255)
    plain_red[:, 0] = 200 / 255
    side = climbing.trained(both.engine, "classroom")
    laid = tiles.lay(both.engine, "classroom", F.interpolate(plain_red, side)[0], "x")
    near = np.abs(shown(hung(found)[0][0]).astype(int) - laid.again.astype(int)).mean()
    noise = np.abs(shown(hung(end(both.begin(visitor(), "en", *form(steps=2))))[0][0]).astype(int) - laid.again).mean()
    assert near < noise


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"text": " "}, "say.empty"),
        ({"text": "x" * 1001}, "say.long"),
        ({"negative": "x" * 1001}, "say.long"),
        ({"seed": None}, "say.seed"),
        ({"seed": 1.5}, "say.seed"),
        ({"steps": 0}, "say.knob"),
        ({"crops": 2.5}, "say.knob"),
        ({"begin": "picture"}, "vq.say.nofile"),
        ({"begin": "picture", "file": __file__}, "vq.say.unreadable"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_nothing_is_lost(both, running, change, key):
    told = list(both.begin(visitor(), "en", *form(**change)))
    assert [value[0]["trouble"]["key"] for value in told] == [key]
    assert all(item == gr.skip() for item in told[0][1:]), "curves and what is kept stay"
    (said,) = Sheet(running, "classroom", "switches").show(visitor(), *form(**change))
    assert said["trouble"]["key"] == key
    assert all(word(key, language, **said["trouble"]["values"]) for language in LANGUAGES)


def test_going_on_from_nothing_and_climbing_without_weights_are_sentences(both, acts, tmp_path):
    assert end(both.go_on(visitor(), None, "en", *form()))[0]["trouble"]["key"] == "vq.say.nothing"
    for gone, act, key in (("vqgan", "crops", "say.missing"), ("clip-robust", "towers", "vq.say.norobust")):
        lacking = default_engine(open_suite(without(tmp_path / gone, gone))).start()
        try:
            assert (
                end(Climbs(lacking, "classroom", acts, act).begin(visitor(), "en", *form()))[0]["trouble"]["key"] == key
            )
            if gone == "clip-robust":  # the main act asks the ordinary one, and its fresh eyes too
                alone = end(Climbs(lacking, "classroom", acts, "crops").begin(visitor(), "en", *form()))
                assert alone[0]["line"]["key"] == "vq.end.crops"
        finally:
            lacking.stop()


def test_every_switch_shows_its_own_sheet_and_none_shows_the_bare_picture(running):
    sheet = Sheet(running, "classroom", "switches")
    (wall,) = sheet.show(visitor(), *form())
    names = [cell["captions"][0]["key"] for cell in wall["cells"].values()]
    assert names == ["vq.given", "vq.all", *(f"vq.switch.{name}" for name in augmentations.USUAL)]
    (bare,) = sheet.show(visitor(), *form(switches=[]))
    assert [cell["captions"][0]["key"] for cell in bare["cells"].values()] == ["vq.given", "vq.none"]
    (strong,) = sheet.show(visitor(), *form(noise=0.9))
    differs = [k for k, cell in wall["cells"].items() if cell != strong["cells"][k]]
    assert differs == ["0,1", f"0,{2 + augmentations.USUAL.index('noise')}"]
    (unknown,) = sheet.show(visitor(), *form(text="an astronaut"))
    assert unknown["cells"]["0,0"]["images"] != wall["cells"]["0,0"]["images"], "a page of the storybook instead"


def test_a_picture_hangs_beside_its_tiles_and_what_they_give_back(running, tmp_path):
    told = list(Sheet(running, "classroom", "tiles").show(visitor(), *form()))
    assert len({cell["images"][0] for cell in told[-1]["cells"].values()}) == 3
    counts = told[-1]["cells"]["0,1"]["captions"][0]["values"]
    assert counts["used"] <= min(counts["count"], counts["known"])
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "green.png")
    own = list(Sheet(running, "classroom", "tiles").show(
        visitor(), *form(begin="picture", file=str(tmp_path / "green.png"))
    ))  # fmt: skip
    assert own[-1]["cells"]["0,0"]["captions"][0]["key"] == "vq.own"
    assert (shown(own[-1]["cells"]["0,0"]["images"][0])[0, 0] == (10, 200, 30)).all()


@pytest.mark.parametrize("act", ["switches", "tiles"])
def test_who_brings_a_picture_to_look_at_needs_no_sentence(both, running, tmp_path, act):
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "green.png")
    mine = {"begin": "picture", "file": str(tmp_path / "green.png"), "text": " "}
    sheet = Sheet(running, "classroom", act)
    assert list(sheet.show(visitor(), *form(**mine)))[-1]["cells"]
    assert list(sheet.show(visitor(), *form(text=" ")))[-1]["trouble"]["key"] == "say.empty"
    assert end(both.begin(visitor(), "en", *form(**mine)))[0]["trouble"]["key"] == "say.empty", "what to climb to?"


def test_what_breaks_a_sheet_is_a_sentence(running, monkeypatch):
    def broken(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr("lab.ui.painters.vqgan_clip.sheets.tiles.lay", broken)
    assert list(Sheet(running, "classroom", "tiles").show(visitor(), *form()))[-1]["trouble"]["key"] == "say.memory"


def test_curves_keep_their_points_in_both_languages_and_smooth_what_chance_asked():
    curves = Curves(("off", "on"))
    for i in range(1, 8):
        fact = SimpleNamespace(i=i, facts={"similarity": float(i), "loss": -float(i)})
        event = Event("on", "running", 0.0, i, 7, 0.0, {}, history=(fact,))
        curves.add(climbing.Climbed(event, None, None), "robust")
    assert curves.last("asked", "on") == 5.0, "the mean of 3 to 7"
    assert curves.last("loss", "on") == -7.0
    assert curves.last("fresh", "on") is None
    for language in LANGUAGES:
        frames = dict(zip(PLOTS, curves.frames(language), strict=True))
        assert list(frames["asked"]["value"].dropna()) == list(range(1, 8))
        assert list(frames["loss"]["line"].unique()) == [word(f"vq.lane.{lane}", language) for lane in curves.lanes]


def shown(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))
