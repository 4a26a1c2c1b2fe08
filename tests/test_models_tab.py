"""The Models tab without a browser: what it shows of every part, and its three acts on the registry."""

import asyncio
from types import SimpleNamespace

import gradio as gr
import pytest

from lab.race import LANES, default_engine, open_suite, parts_of, weight_of
from lab.ui import models
from lab.ui.texts import Texts
from lab.ui.words import LANGUAGES, say
from tests.tinysuite import folder, without


@pytest.fixture
def engine():
    return default_engine(open_suite(folder()))


def rows(told):
    return {row["name"]: row for row in told["rows"]}


def said(told):
    line = told["line"]
    assert all(say(line["key"], language, **line["values"]) for language in LANGUAGES)
    return line["key"]


def test_every_part_tells_what_it_is_and_who_needs_it(engine):
    told = rows(models.report(engine, "classroom"))
    assert set(told) == set(engine.registry.suite("classroom").parts)
    assert told["clip"]["lanes"] == list(LANES)
    assert all(say(row["said"]["key"], language) for row in told.values() for language in LANGUAGES)
    assert told["pixel"]["lanes"] == ["pixel"]
    with engine.registry.borrow("classroom", ["pixel"]) as parts:
        values = list(parts["pixel"].state_dict().values())
        here = rows(models.report(engine, "classroom"))["pixel"]
    assert here["parameters"] == pytest.approx(sum(value.numel() for value in values), rel=1e-3)
    assert here["bytes"] == pytest.approx(sum(value.numel() * value.itemsize for value in values), rel=1e-2)
    assert (here["state"], here["lent"], here["kind"]) == ("lent", 1, "UNet2DConditionModel")
    assert (here["loads"], here["hits"], here["licence"]) == (1, 0, None)
    assert here["seconds"] > 0


def test_only_what_ships_is_said_to_be_this_projects_and_under_its_licence(engine):
    theirs = rows(models.report(engine, "classroom")).values()
    assert {(row["from"], row["licence"]) for row in theirs} == {("here", None)}
    assert not any("this project" in row["note"] for row in theirs)
    ours = rows(models.report(default_engine(), "classroom")).values()
    assert {(row["from"], row["licence"]) for row in ours} == {("ours", "MIT")}
    assert all(say(f"models.{row['from']}", language) for row in (*theirs, *ours) for language in LANGUAGES)


def test_load_and_put_away_change_what_lies_in_memory(engine):
    assert rows(models.report(engine, "classroom"))["vae"]["state"] == "away"
    told = models.fetch(engine, "classroom", "vae")
    assert (said(told), rows(told)["vae"]["state"]) == ("models.loaded", "resident")
    assert told["used"] == rows(told)["vae"]["bytes"] == engine.registry.report()["used"]
    assert rows(models.fetch(engine, "classroom", "vae"))["vae"]["hits"] == 1
    told = models.put_away(engine, "classroom", "vae")
    assert (said(told), rows(told)["vae"]["state"], told["used"]) == ("models.unloaded", "evicted", 0)


def test_what_is_in_use_stays_and_what_is_not_there_is_named(engine, tmp_path):
    with engine.registry.borrow("classroom", ["clip"]):
        told = models.put_away(engine, "classroom", "clip")
    assert (said(told), rows(told)["clip"]["state"]) == ("models.busy", "lent")
    assert said(models.put_away(engine, "classroom", "../../etc")) == "models.unavailable"
    lacking = default_engine(open_suite(without(tmp_path / "suite", "pixel")))
    told = models.fetch(lacking, "classroom", "pixel")
    gone = rows(told)["pixel"]
    assert (said(told), gone["state"], gone["bytes"]) == ("models.unavailable", "missing", 0)
    assert "safetensors" in gone["why"]
    assert str(tmp_path) not in gone["why"], "a path of this machine is nobody's business"


def test_a_budget_puts_away_what_is_idle_and_never_locks_a_painter_out(engine):
    for name in engine.registry.suite("classroom").parts:
        assert said(models.fetch(engine, "classroom", name)) == "models.loaded"
    told = models.report(engine, "classroom")
    least = told["least"]
    assert least == max(weight_of(engine, "classroom", lane)["bytes"] for lane in LANES)
    for wrong in (least - 1, -1, 0, "x", True, 1e9, [least]):
        assert said(models.set_budget(engine, "classroom", wrong)) == "models.toolow"
        assert engine.registry.report()["budget"] is None
    told = models.set_budget(engine, "classroom", least)
    assert (said(told), told["budget"]) == ("models.limited", least)
    assert told["used"] <= least
    assert "evicted" in [row["state"] for row in told["rows"]]
    for lane in LANES:  # one after another they all still fit
        with engine.registry.borrow("classroom", parts_of(engine, "classroom", lane)):
            assert engine.registry.report()["used"] <= least
    assert said(models.set_budget(engine, "classroom", None)) == "models.unlimited"


def test_a_budget_below_what_is_in_use_says_so_and_changes_nothing(engine):
    everything = list(engine.registry.suite("classroom").parts)
    with engine.registry.borrow("classroom", everything):
        told = models.set_budget(engine, "classroom", models.report(engine, "classroom")["least"])
    assert said(told) == "models.held"
    assert {"key": "piece.clip", "values": {}} in told["line"]["values"]["parts"]
    assert "CLIP、" in say("models.held", "zh", **told["line"]["values"])
    assert told["budget"] is None


def test_a_painter_tells_the_workspace_that_was_measured(engine):
    assert weight_of(engine, "classroom", "latent")["workspace"] == 0
    engine._core.server.workspace |= {("denoise", 2): 4096, ("decode", 1): 1024, ("denoise", 8): 9999}
    assert weight_of(engine, "classroom", "latent")["workspace"] == 4096
    least = models.report(engine, "classroom")["least"]
    assert least >= weight_of(engine, "classroom", "latent")["bytes"] + 4096


def wired(engine, public):
    """The tab's three acts as the page calls them, on a server that is `public` or not."""

    async def drawn():  # in a loop, which Gradio would else open and leave open
        with gr.Blocks() as page, gr.Tab() as tab:
            models.draw(engine, "classroom", tab, Texts(), SimpleNamespace(public=public))
        return page

    (table,) = [block for block in asyncio.run(drawn()).blocks.values() if block.elem_id == "parts"]
    return {act.__name__: act for act in table.server_fns}


@pytest.mark.parametrize(("host", "public"), [("192.168.0.9", False), ("127.0.0.1", True), ("", False)])
def test_what_all_visitors_share_is_changed_by_who_sits_at_the_machine_alone(engine, host, public):
    models.fetch(engine, "classroom", "vae")
    asking = gr.Request(client={"host": host, "port": 1}, headers={})
    for name, asked in (("unload", "vae"), ("load", "unet"), ("limit", 2**40), ("limit", None)):
        told = wired(engine, public)[name]([asked], asking)
        assert said(told) == "models.far"
        assert (rows(told)["vae"]["state"], rows(told)["unet"]["state"], told["budget"]) == ("resident", "away", None)
    here = gr.Request(client={"host": "127.0.0.1", "port": 1}, headers={})
    assert said(wired(engine, False)["unload"](["vae"], here)) == "models.unloaded"
