"""Controls as the page wires them, without a browser: what each is given comes out as another picture or number."""

import base64
from functools import partial
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.race import LANES, SAMPLERS
from lab.record import read
from lab.storybook.grammar import parse
from lab.ui import controls
from lab.ui.compare.asked import BUDGETS, Asked
from lab.ui.compare.link import opened
from lab.ui.words import WORDS
from tests.pressed import VISITOR, last, pixels
from tests.tinysuite import ENDS, KNOBS, TEXT


@pytest.fixture(scope="module")
def engine(page):
    return page.engine


@pytest.fixture(scope="module")
def knobs(page):
    """The place of every setting of Compare's drawer among what a race is painted of, by painter and name."""
    event, found, at = page.event("paint"), {}, 5
    for lane in LANES:
        for spec in controls.shown(SAMPLERS[lane].knobs):
            assert event.inputs[at].label == WORDS[f"knob.{spec.name}"][0], "the drawer is read in another order"
            found[lane, spec.name] = at
            at += 1
    assert at == len(event.inputs)
    return found


def few(knobs, **more):
    """Changes of controls: few steps for all painters, and `more` as lane__name."""
    asked = {(lane, name): value for lane, settings in KNOBS.items() for name, value in settings.items()}
    asked |= {tuple(name.split("__")): value for name, value in more.items()}
    return [(knobs[key], value) for key, value in asked.items()]


def heard(stream):
    """All news of a race in order."""
    news = {}
    for value in stream:
        news |= {int(number): item for number, item in value["news"].items()}
    return [news[number] for number in sorted(news)]


@pytest.fixture(scope="module")
def paint(engine, page, knobs):
    """The picture of one painter, asked for as the handler asks, with controls changed."""
    event = page.event("paint")

    def run(lane, *changes, **more):
        first, values = 5, page.values(event, [(0, TEXT), (2, [lane]), *few(knobs, **more), *changes])
        asked = Asked(*values[:first], values[first:], event.fn.__self__.bases)
        race = asked.race(engine, "classroom", "a")
        race.every = None  # nobody looks on the way
        list(race)
        return race.outcomes[lane].images[0]

    return run


BASES = {  # what else has to be chosen for a setting to matter
    ("latent", "eta"): {"scheduler": "ddim"},
    ("pixel", "variance"): {"scheduler": "ddpm"},
    ("unclip", "eta"): {"scheduler": "ddim"},
    ("vqgan_clip", "flip"): {"crops": 6},  # of two, chance may turn neither
    **{(lane, "upsample_steps"): {"upsample": True} for lane in LANES},
}
LARGE = {"upsample": True, "upsample_steps": 2}
OTHER = {
    "latent": {"steps": 3, "guidance": 9.0, "scheduler": "euler_a", "eta": 1.0, "width": 32, "height": 32,
               **LARGE},
    "pixel": {"steps": 4, "guidance": 9.0, "guidance_from": 0.2, "scheduler": "ddpm", "eta": 1.0,
              "variance": "beta", "clip_guidance": 0.3,
              "width": 32, "height": 32, **LARGE},
    "vqgan_clip": {"steps": 4, "rule": "adam", "rate": 0.5, "final": 0.9, "limit": 0.5, "average": 0.9,
                   "begin": "codes", "tower": "ordinary", "width": 96, "height": 96, "crops": 3, "whole": False,
                   "smallest": 0.1, "cut_power": 4.0, "rotate": 90.0, "shift": 0.5, "perspective": 0.2,
                   "flip": True, "colour": 0.8, "noise": 0.6, "erase": 0.6, **LARGE},
    "unclip": {"embedding": "text", "prior_steps": 4, "prior_guidance": 9.0, "candidates": 1, "steps": 4,
               "guidance": 9.0, "guidance_from": 0.2, "scheduler": "ddpm", "eta": 1.0, **LARGE},
}  # fmt: skip
SHAPES = {("latent", "width"): (64, 32), ("latent", "height"): (32, 64), ("pixel", "width"): (64, 32),
          ("pixel", "height"): (32, 64), ("vqgan_clip", "width"): (64, 96), ("vqgan_clip", "height"): (96, 64),
          **{(lane, "upsample"): (256, 256) for lane in LANES}}  # fmt: skip


@pytest.mark.parametrize("lane", OTHER)
def test_every_setting_of_the_drawer_changes_the_picture_of_its_painter(paint, knobs, lane):
    assert set(OTHER[lane]) == {name for painter, name in knobs if painter == lane}
    plain = {(): paint(lane)}
    for name, value in OTHER[lane].items():
        base = {f"{lane}__{other}": chosen for other, chosen in BASES.get((lane, name), {}).items()}
        if tuple(base) not in plain:
            plain[tuple(base)] = paint(lane, **base)
        before = plain[tuple(base)]
        after = paint(lane, **base, **{f"{lane}__{name}": value})
        assert after.shape[:2] == SHAPES.get((lane, name), before.shape[:2]), name
        assert after.shape != before.shape or (after != before).any(), f"{name} changes nothing"


def test_one_switch_enlarges_the_pictures_of_all_painters(page, knobs):
    event, drawer = page.event("enlarge", "input"), page.event("paint").inputs
    assert event.outputs == [drawer[knobs[lane, "upsample"]] for lane in LANES]
    for on in (True, False):
        assert event.fn(on) == [on] * len(LANES)


def test_the_die_throws_a_seed_and_the_seed_changes_the_picture(page, paint):
    event = page.event("die")
    assert event.outputs == [page.block("seed")]
    thrown = {event.fn() for _ in range(3)}
    assert len(thrown) == 3
    assert len({paint("pixel", (1, seed)).tobytes() for seed in thrown}) == 3


LONG = 200  # steps: a fast machine paints fewer before the page hears that it began


def test_pause_holds_a_race_and_go_on_ends_it_as_if_it_never_had(page, knobs, paint):
    stage = page.block("stage")
    stream = page.press("paint", changes=[(0, TEXT), (2, ["latent"]), *few(knobs, latent__steps=LONG)])
    states, images = [], []
    for value in stream:
        fresh = [item for item in value["news"].values() if item["kind"] == "lane"]
        images += [item["images"] for item in fresh if item["images"]]
        states.append(fresh[-1]["state"] if fresh else "")
        if states[-1] == "running" and "paused" not in states:
            page.event(stage, "pause").fn(VISITOR)
        if states[-1] == "paused":
            assert fresh[-1]["i"] < LONG
            page.event(stage, "resume").fn(VISITOR)
    assert "paused" in states, "the page was not told, and would not offer to go on"
    assert states[-1] in ("done", "")
    assert (pixels(images[-1][0]) == paint("latent", latent__steps=LONG)).all()


def test_a_sentence_of_the_builder_comes_into_the_prompt_and_each_choice_into_the_sentence(page):
    (use,) = page.buttons("builder.use")
    event = page.event(use)
    assert event.outputs == [page.block("prompt")]
    language, *chosen = event.inputs
    assert language is page.block("language")
    pair = [(chosen[4], "left of")]  # without a relation nobody asks for a second thing
    plain, two = event.fn(*page.values(event)), event.fn(*page.values(event, pair))
    assert parse(plain).ask is not None
    for k, block in enumerate(chosen):
        name = next(value for _, value in block.choices if value and value != block.value)
        before, others = (two, pair) if k in (5, 6) else (plain, [])
        said = event.fn(*page.values(event, [*others, (block, name)]))
        assert said != before, f"{block.label} changes nothing"
        assert parse(said).ask is not None, said
    assert parse(event.fn(*page.values(event, [(language, "zh")]))).language == "zh"


def test_back_to_defaults_puts_every_setting_back(page, knobs):
    resets = page.buttons("knob.reset")
    assert len(resets) >= len(LANES)
    drawer = {page.event("paint").inputs[at] for at in knobs.values()}
    covered = set()
    for button in resets:
        event = page.event(button)
        assert event.fn() == [block.value for block in event.outputs]
        covered |= set(event.outputs)
    assert drawer <= covered


def test_a_larger_budget_buys_more_steps_and_a_link_brings_it_back(page, knobs):
    (budget,) = [block for block in page.event("paint").inputs if block.elem_id == "budget"]
    assert tuple(value for _, value in budget.choices) == BUDGETS
    steps, show = {}, page.event("paint").fn.__self__
    for seconds in BUDGETS:
        stream = page.press("paint", changes=[(0, TEXT), (2, ["vqgan_clip"]), (budget, seconds), *few(knobs)])
        for value in stream:
            for item in value["news"].values():
                if item["kind"] == "open":
                    assert item["budget"] == (seconds or None)
                    assert opened(dict(parse_qsl(item["query"])), show.bases).budget == seconds
                if item["kind"] == "lane" and item["n"]:
                    steps[seconds] = item["n"]
            if seconds in steps:
                break
        stream.close()
    assert steps[0] == ENDS["vqgan_clip"]
    bought = [steps[seconds] for seconds in BUDGETS[1:]]
    assert bought == sorted(bought)
    assert bought[0] < bought[1]


def test_the_models_tab_loads_puts_away_and_limits_as_it_is_wired(engine, page):
    table, registry = page.block("parts"), engine.registry
    here = gr.Request(client={"host": "127.0.0.1", "port": 1}, headers={})
    call = {fn.__name__: partial(fn, request=here) for fn in table.server_fns}
    (again,) = page.buttons("models.again")
    event = page.event(again)
    assert event.outputs == [table]

    def state(told, name="vae"):
        return next(row["state"] for row in told["rows"] if row["name"] == name)

    assert state(call["load"](["vae"])) == "resident"
    assert state(call["unload"](["vae"])) == "evicted"
    before = event.fn()
    with registry.borrow("classroom", ["vae"]):
        assert (state(before), state(event.fn())) == ("evicted", "lent")
    assert registry.report()["budget"] is None
    try:
        told = call["limit"]([before["least"] + 2**20])
        assert told["budget"] == registry.report()["budget"] == before["least"] + 2**20
    finally:
        assert call["limit"]([None])["budget"] is None


def test_picture_info_shows_a_file_and_paints_it_again_as_it_is_wired(page, knobs, tmp_path):
    key = heard(page.press("paint", changes=[(0, TEXT), (1, 6), (2, ["pixel"]), *few(knobs)]))[0]["key"]
    (keep,) = page.block("stage").server_fns
    card = tmp_path / "card.png"
    card.write_bytes(base64.b64decode(keep([key, "en"])["png"]))
    drop, again = page.event("file", "upload"), page.event("repaint")
    found = dict(zip(drop.outputs, drop.fn(VISITOR, str(card)), strict=True))
    told = found[page.block("info")]
    assert [(note["lane"], note["seed"]) for note in told["receipts"]] == [("pixel", 6)]
    (held,) = again.inputs
    assert found[held] == str(card)
    (pair,) = last(again.fn(VISITOR, found[held]))["again"]
    assert pair["most"] == 0
    assert (pixels(pair["kept"]) == pixels(pair["painted"])).all()
    assert last(again.fn(VISITOR, None))["error"]["key"] == "say.nofile"


def test_an_own_picture_is_painted_over_as_it_is_wired(page, own):
    upload, go = page.event("latent-image-file", "upload"), page.event("latent-image-go")
    page_of = upload.inputs[1]
    kept = dict(zip(upload.outputs, upload.fn(own, page_of.value), strict=True))
    (path,) = [block for block in kept if isinstance(block, gr.State)]
    assert kept[path] == own
    mine = np.asarray(Image.open(own))
    assert (pixels(kept[page.block("latent-image")]["cells"]["0,0"]["images"][0]) == mine).all()
    steps, (ticks,) = page.block("latent-image-steps"), [b for b in go.inputs if isinstance(b, gr.CheckboxGroup)]
    little = [(ticks, [0.3]), (steps, 10)]
    shown, plain = (
        last(page.press("latent-image-go", changes=[*little, *more]))["cells"] for more in ([(path, own)], [])
    )
    assert (pixels(shown["0,0"]["images"][0]) == mine).all()
    assert (pixels(shown["0,1"]["images"][0]) != pixels(plain["0,1"]["images"][0])).any()
    (back,) = [event for event in page.blocks.fns.values() if (page_of._id, "input") in event.targets]
    assert dict(zip(back.outputs, back.fn(50), strict=True))[path] is None, "a page puts an own picture away"


def test_an_own_picture_stands_beside_what_is_painted_of_three_embeddings_as_it_is_wired(page, own):
    go = page.event("unclip-three-go")
    source, file = go.inputs[:2]
    upload = page.event(file, "upload")
    assert (upload.outputs, upload.fn()) == ([source], "own"), "who brings a picture means it"
    names = [block.label for block in go.inputs]
    short = [(names.index(WORDS[f"knob.{name}"][0]), 2) for name in ("steps", "prior_steps")]
    shown, plain = (
        last(page.press("unclip-three-go", changes=[*short, *more]))["cells"]
        for more in ([(source, "own"), (file, own)], [])
    )
    assert shown["0,0"]["images"] != plain["0,0"]["images"]
    assert shown["0,1"]["images"] != plain["0,1"]["images"], "painted from the true picture's embedding"
    one, other = (pixels(cells["0,2"]["images"][0]).astype(int) for cells in (shown, plain))
    assert np.abs(one - other).max() <= 1, "the prior knows the sentence alone"


def test_a_wall_of_samples_takes_its_steps_and_its_number_as_it_is_wired(page):
    go = page.event("pixel-samples-go")
    names = [block.label for block in go.inputs]
    count, steps = (names.index(WORDS[key][0]) for key in ("pixel.count", "knob.steps"))

    def cells(number, taken):
        return last(page.press("pixel-samples-go", changes=[(count, number), (steps, taken)]))["cells"]

    two, more = cells(2, 2), cells(2, 4)
    assert set(two) == {"0,0", "0,1"}
    assert set(cells(1, 2)) == {"0,0"}
    assert (pixels(two["0,0"]["images"][0]) != pixels(more["0,0"]["images"][0])).any()


def test_a_finished_picture_of_a_tab_is_a_file_that_carries_its_run(page, tmp_path):
    go = page.event("pixel-samples-go")
    names = [block.label for block in go.inputs]
    count, steps = (names.index(WORDS[key][0]) for key in ("pixel.count", "knob.steps"))
    cells = last(page.press("pixel-samples-go", changes=[(count, 2), (steps, 2)]))["cells"]
    for k in range(2):
        (source,), (name,) = cells[f"0,{k}"]["images"], cells[f"0,{k}"]["files"]
        file = tmp_path / name
        file.write_bytes(base64.b64decode(source.partition(",")[2]))
        (note,) = read(file).receipts
        assert (note["sampler"], note["index"], note["knobs"]["steps"]) == ("pixel", k, 2)
        assert name == f"quartet-pixel-{k + 1}.png"
        drop, again = page.event("file", "upload"), page.event("repaint")
        assert drop.fn(VISITOR, str(file))
        (pair,) = last(again.fn(VISITOR, str(file)))["again"]
        assert pair["most"] == 0


def test_no_event_but_the_endpoints_is_for_programs_or_shows_gradios_own_progress(page):
    public = {event.api_name for event in page.blocks.fns.values() if event.api_visibility != "private"}
    assert public == {*LANES, "race"}
    shown = [event.name for event in page.blocks.fns.values()
             if event.api_visibility == "private" and event.fn and event.show_progress != "hidden"]  # fmt: skip
    assert not shown


def test_no_event_leaves_so_many_statuses_that_a_race_would_choke_the_page(page):
    for event in page.blocks.fns.values():
        shown = event.show_progress_on or event.outputs
        assert len(shown) <= 24, "the page goes through every component with a status at every news"
