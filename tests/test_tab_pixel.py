"""The DDPM tab without a browser: what its acts hang on their walls, and that every control changes it."""

import asyncio
import base64
import io
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.lessons import schedule, unconditional, variance
from lab.lessons.given import pixels
from lab.race import default_engine, open_suite
from lab.ui.acts import Acts
from lab.ui.painters.pixel import ACTS, desk, draw, sampling, tables, trip
from lab.ui.texts import Texts
from lab.ui.words import LANGUAGES, say
from models.protocol import Prompt, Request
from models.samplers.pixel import PixelKnobs
from tests.tinysuite import TEXT, engine, without

SUITE = "classroom"
TRIP = ("painted", None, 100, True, 4, 2.0, "ddim")  # source, file, reach, told, steps, guidance, scheduler


@pytest.fixture(scope="module")
def table():
    """A desk as the tab has it, without its page."""
    return SimpleNamespace(engine=engine(), suite=SUITE, acts=Acts(), base=PixelKnobs(), lane="pixel", least=0)


def played(table, play, *values, text=TEXT, seed=1):
    """The last value of a wall."""
    *_, value = desk.Desk.play(table, SimpleNamespace(session_hash="a"), play, text, seed, *values)
    return value


def refusal(table, play, *values, **more):
    """What a wall shows where an act cannot be played, in both languages."""
    told = played(table, play, *values, **more)["trouble"]
    assert all(say(told["key"], language, **told["values"]) for language in LANGUAGES)
    return told["key"]


def image_of(shown, row, column):
    (source,) = shown["cells"][f"{row},{column}"]["images"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def bare(text=TEXT, seeds=(1,), **knobs):
    """What the painter gives alone, (B, H, W, 3) uint8."""
    found = engine().paint(Request("pixel", Prompt(text, seeds=seeds), PixelKnobs(**knobs), SUITE, "bare"))
    return np.stack([pixels(picture) for picture in found])


def near(one, other):
    """Equal but for rounding: batches of another size add up in another order."""
    return np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_one_click_goes_into_the_noise_and_back(table):
    shown = played(table, trip.trip, *TRIP)
    columns = len(shown["columns"])
    assert shown["columns"][0] == "t = 0"
    assert set(shown["cells"]) == {f"{row},{column}" for row in range(3) for column in range(columns)}
    assert (image_of(shown, 0, columns - 1) == image_of(shown, 1, columns - 1)).all(), "the way back begins elsewhere"
    assert (image_of(shown, 1, 0) == image_of(shown, 2, 0)).all()
    net = schedule.net(table.engine, SUITE)
    began = pixels(trip.painted(TEXT, 1, net))
    assert near(image_of(shown, 0, 0), began)
    apart = np.abs(began.astype(float) - image_of(shown, 1, 0)).mean()
    assert shown["line"]["values"]["n"] == f"{apart:.0f}"


def test_the_upper_strip_stands_before_any_click(table):
    rest = trip.at_rest(table)
    assert {place[0] for place in rest["cells"]} == {"0"}
    assert len(rest["cells"]) == len(rest["columns"])


def test_without_a_sentence_there_is_another_way_back(table):
    one, other = played(table, trip.trip, *TRIP), played(table, trip.trip, *TRIP, text="")
    assert (image_of(one, 1, 0) != image_of(other, 1, 0)).any()


def test_an_own_picture_goes_the_way_and_its_size_is_told(table, tmp_path):
    file = tmp_path / "mine.png"
    Image.new("RGB", (90, 30), (200, 30, 40)).save(file)
    shown = played(table, trip.trip, "own", str(file), *TRIP[2:], text="no words that anybody knows")
    assert (image_of(shown, 0, 0) == (200, 30, 40)).all()
    told = shown["cells"]["0,0"]["captions"][0]
    assert (told["key"], told["values"]) == ("pixel.given.cut", {"width": 90, "height": 30})


def test_what_cannot_be_done_is_a_sentence(table, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG and nothing")
    assert refusal(table, trip.trip, "own", None, *TRIP[2:]) == "say.nofile"
    assert refusal(table, trip.trip, "own", str(broken), *TRIP[2:]) == "pixel.say.unreadable"
    assert refusal(table, trip.trip, *TRIP, text="nobody knows this") == "pixel.say.unpainted"
    assert refusal(table, trip.trip, *TRIP, text="x" * 2000) == "say.long"
    assert refusal(table, trip.trip, *TRIP, seed=None) == "say.seed"
    assert refusal(table, trip.trip, *TRIP[:4], 0, 2.0, "ddim") == "say.knob"
    assert refusal(table, sampling.side_by_side, [], 2.0, "ddim") == "pixel.say.tick"


def test_without_its_weights_the_tab_is_drawn_and_says_what_is_missing(tmp_path):
    lacking = default_engine(open_suite(without(tmp_path / "suite", "pixel")))
    tab = drawn(lacking)
    assert trip.at_rest(tab) is None
    assert tables.curves(tab, ["own"], "en") == [None] * 3
    assert refusal(tab, trip.trip, *TRIP) == "say.missing"


def test_stop_ends_the_trip_and_leaves_what_hangs(table):
    values = desk.Desk.play(
        table, SimpleNamespace(session_hash="b"), trip.trip, TEXT, 1, "painted", None, 100, True, 200, 2.0, "ddim"
    )
    for value in values:
        if "1,6" in value["cells"]:
            table.acts.halt(SimpleNamespace(session_hash="b"))
    assert "2,0" not in value["cells"]
    assert any(said["key"] == "state.cancelled" for cell in value["cells"].values() for said in cell["captions"])


def test_the_same_net_in_few_steps_and_many_with_what_each_cost(table):
    shown = played(table, sampling.side_by_side, [3, 1], 2.0, "ddim")
    assert [column["values"]["n"] for column in shown["columns"]] == [1, 3]
    for column, steps in enumerate((1, 3)):
        assert near(image_of(shown, 0, column), bare(steps=steps, guidance=2.0)[0])
        cost = shown["cells"][f"0,{column}"]["captions"][0]
        assert (cost["key"], cost["values"]["n"]) == ("pixel.cost", 2 * steps)  # with the sentence and without
    for other in (([3, 1], 9.0, "ddim"), ([3, 1], 2.0, "ddpm")):
        changed = played(table, sampling.side_by_side, *other)
        assert (image_of(shown, 0, 1) != image_of(changed, 0, 1)).any()


def test_what_an_act_does_not_ask_for_is_as_the_suite_has_it(table):
    theirs = {"guidance_from": 0.4, "clip_guidance": 0.5}
    table = SimpleNamespace(**vars(table) | {"base": PixelKnobs(**theirs)})
    counts, kinds = played(table, sampling.side_by_side, [4], 9.0, "ddim"), played(table, tables.both, 4, 1, 9.0)
    assert near(image_of(counts, 0, 0), bare(steps=4, guidance=9.0, **theirs)[0])
    for column, kind in enumerate(variance.KINDS):
        asked = {"steps": 4, "guidance": 9.0, "scheduler": "ddpm", "variance": kind}
        assert near(image_of(kinds, 0, column), bare(**asked, **theirs)[0])
        assert (image_of(kinds, 0, column) != bare(**asked)[0]).any()


def test_a_wall_of_samples_is_told_nothing_and_the_judge_counts_scenes(table):
    shown = played(table, sampling.throw, 3, 2, "ddim", text="a sentence that must not matter", seed=5)
    want = bare("", (5, 6, 7), steps=2)
    assert all(near(image_of(shown, 0, k), want[k]) for k in range(3))
    assert shown["line"]["values"] == {"k": unconditional.scenes(table.engine, SUITE, want), "n": 3}
    more = played(table, sampling.throw, 3, 2, "ddpm", seed=5)
    assert (image_of(shown, 0, 0) != image_of(more, 0, 0)).any()


def test_either_variance_is_ddpm_with_it_and_grain_is_how_much_neighbours_differ(table):
    shown = played(table, tables.both, 4, 2, 2.0, seed=3)
    for column, kind in enumerate(variance.KINDS):
        want = bare(seeds=(3, 4), steps=4, guidance=2.0, scheduler="ddpm", variance=kind)
        for row in range(2):
            image = image_of(shown, row, column)
            assert near(image, want[row])
            assert shown["cells"][f"{row},{column}"]["captions"][0]["values"]["n"] == f"{variance.grain(image):.1f}"
    stripes = np.zeros((4, 4, 3), np.uint8)
    stripes[:, ::2] = 100
    assert variance.grain(stripes) == 50
    for other in ((3, 1, 2.0), (4, 1, 9.0)):
        assert (image_of(shown, 0, 0) != image_of(played(table, tables.both, *other, seed=3), 0, 0)).any()


def test_the_plots_are_the_tables_that_are_ticked_in_the_language_of_the_page(table):
    own = schedule.schedule(schedule.net(table.engine, SUITE).scheduler)
    beta, bar, snr = tables.curves(table, ["own", "cosine"], "en")
    assert set(bar["line"]) == {"this net's own", "cosine"}
    assert set(tables.curves(table, ["cosine"], "zh")[0]["line"]) == {"余弦"}
    assert all(plot.empty for plot in tables.curves(table, [], "en"))
    mine = {name: plot[plot["line"] == "this net's own"] for name, plot in zip("abc", (beta, bar, snr), strict=True)}
    places = mine["b"]["step"].tolist()
    assert (places[0], places[-1]) == (1, len(own.betas))
    for name, curve in zip("abc", (own.betas.log10(), own.bars, own.snr.log10()), strict=True):
        np.testing.assert_allclose(mine[name]["value"], [curve[place - 1] for place in places])


def test_a_plot_is_sent_its_lines_and_then_their_names_or_the_page_would_not_draw_them():
    sent = {}
    for event in drawn(engine()).page.fns.values():
        for block in event.outputs:
            if (block.elem_id or "").startswith("pixel-plot-"):
                sent.setdefault(block.elem_id.removeprefix("pixel-plot-"), []).append(event)
    every, both = list(tables.TABLES), [say(f"pixel.variance.{kind}", "zh") for kind in variance.KINDS]
    names = {"bar": [say(f"pixel.table.{name}", "zh") for name in every], "variance": both}
    for name, value in (("bar", every), ("variance", 10)):
        lines, legends = sent[name][:2]
        assert legends.trigger_after == lines._id
        told, named = (given if len(lines.outputs) > 1 else [given]
                       for given in (lines.fn(value, "zh"), legends.fn(value, "zh")))  # fmt: skip
        assert [list(plot["line"].unique()) for plot in told] == [names[name]] * len(lines.outputs)
        assert [plot["colors_in_legend"] for plot in named] == [names[name]] * len(lines.outputs)
    assert [plot["colors_in_legend"] for plot in sent["beta"][1].fn([], "en")] == [[]] * 3


@pytest.mark.parametrize("chain", tables.CHAINS)
def test_the_variances_of_a_chain_are_drawn_beta_above_beta_tilde(table, chain):
    plot = tables.variances(table, chain, "en")
    beta, posterior = (plot[plot["line"] == say(f"pixel.variance.{kind}", "en")] for kind in variance.KINDS)
    assert beta["step"].max() == posterior["step"].max() == chain
    assert posterior["step"].min() > 1, "the first is nothing, and has no logarithm"
    both = beta.merge(posterior, on="step")
    assert (both["value_x"] > both["value_y"]).all()


def drawn(running):
    """The tab's desk on a page of its own, in a loop, which Gradio would else open and leave open."""

    async def inside():
        with gr.Blocks() as page:
            texts, language = Texts(), gr.Textbox("en")
            draw(running, SUITE, texts, language, Acts())
            tab = desk.Desk(running, SUITE, texts, language, Acts())
        tab.known, tab.page = texts, page
        return tab

    return asyncio.run(inside())


def test_enter_in_the_sentence_goes_into_the_noise_and_back():
    page = drawn(engine()).page
    text = next(block for block in page.blocks.values() if block.elem_id == "pixel-text")
    trip_, shown = (event for event in page.fns.values() if (text._id, "submit") in event.targets)
    go = next(block for block in page.blocks.values() if block.elem_id == "pixel-trip-go")
    (pressed,) = [event for event in page.fns.values() if (go._id, "click") in event.targets]
    assert (trip_.inputs, trip_.outputs) == (pressed.inputs, pressed.outputs)
    assert shown.fn().selected == "pixel-trip"


def test_the_whole_tab_turns_chinese():
    texts = drawn(engine()).known
    said = [text for update in texts.switch("zh") for text in update.values() if isinstance(text, str)]
    assert sum(text == say(f"pixel.tab.{name}", "zh") for text in said for name in ACTS) == len(ACTS)
