"""Enlarging, the stage after any painter: asked for once for a whole race, recorded, repeated, and judged small."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.race import LANES, Race, default_engine, pace, parts_of, small_of
from lab.race.suites import needed
from lab.record import read, receipt, rerun, save
from lab.ui import controls
from lab.ui.api import Api
from lab.ui.compare.show import Show
from models.catalog import classroom
from models.protocol import Prompt, Request
from tests.test_race import ticking
from tests.test_ui import heard, visitor
from tests.tinysuite import ENDS, KNOBS, TEXT, engine, folder, without

MORE = 2  # steps of the enlargement
SETTINGS = {lane: KNOBS[lane] | {"upsample_steps": MORE} for lane in LANES}
SETS = [f"--set={lane}.{name}={value}" for lane, knobs in SETTINGS.items() for name, value in knobs.items()]


@pytest.fixture(scope="module")
def races():
    """The same race twice: as it is, and enlarged."""
    found = [Race(engine(), "classroom", TEXT, 1, knobs=SETTINGS, count=2, exact=True, enlarge=on)
             for on in (False, True)]  # fmt: skip
    events = [list(race) for race in found]
    return (*found, events[1])


@pytest.mark.parametrize("lane", LANES)
def test_every_painter_paints_its_picture_and_then_enlarges_it(races, lane):
    plain, large, events = races
    small, wide = plain.outcomes[lane], large.outcomes[lane]
    assert (small.state, wide.state) == ("done", "done"), (small.note, wide.note)
    assert (wide.i, wide.n) == (ENDS[lane] + MORE, ENDS[lane] + MORE)
    assert wide.images.shape == (2, 256, 256, 3)
    assert np.array_equal(small_of(large.runs[lane]), small.images), "another picture was enlarged"
    assert np.array_equal(small_of(plain.runs[lane]), small.images)
    shown = [event.frame.shape[1] for event in events if event.lane == lane and event.frame is not None]
    assert shown == sorted(shown)
    assert {64, 256} <= set(shown)
    assert wide.knobs["upsample"]
    assert all(part["lent"] == 0 for part in engine().registry.report()["parts"].values())


@pytest.mark.parametrize("lane", LANES)
def test_a_receipt_records_the_enlargement_and_it_is_painted_again(races, lane, tmp_path):
    _, large, _ = races
    file = save(tmp_path / "a.png", large.outcomes[lane].images[1], receipt(engine(), large.runs[lane], 1))
    note = read(file).receipts[0]
    assert (note["knobs"]["upsample"], note["knobs"]["upsample_steps"]) == (True, MORE)
    assert "upsampler" in note["parts"]
    (again,) = rerun(file, engine())
    assert (again.most, again.painted.shape, again.changed) == (0, (256, 256, 3), ())


def test_a_painter_needs_no_upsampler_until_it_enlarges(races):
    plain, _, _ = races
    for lane in ("latent", "pixel", "vqgan_clip"):
        assert "upsampler" not in parts_of(engine(), "classroom", lane)
        assert "upsampler" not in needed(classroom(), lane)
    assert "upsampler" not in receipt(engine(), plain.runs["latent"])["parts"]


def test_without_an_upsampler_that_is_said_before_anything_is_painted(tmp_path):
    on = default_engine(without(tmp_path / "suite", "unclip/super_res"))
    with pytest.raises(ValueError, match="suite 'classroom' has no upsampler; give False"):
        Race(on, "classroom", TEXT, knobs=SETTINGS, enlarge=True)
    knobs = on.samplers["latent"].knobs(steps=2, upsample=True)
    run = on.wait(on.submit(Request("latent", Prompt(TEXT), knobs, "classroom", "one")))
    assert (run.state, run.meters.steps) == ("failed", 0)
    assert "this suite has no upsampler; give False" in str(run.error)


def test_a_budget_plans_the_painters_own_steps_and_counts_the_enlargement_as_fixed():
    on, found = ticking(), {}
    for enlarge in (False, True):
        race = Race(on, "classroom", TEXT, knobs={"pixel": SETTINGS["pixel"]}, lanes=("pixel",), enlarge=enlarge)
        list(race)
        found[enlarge] = pace.known(on, race.requests["pixel"])
    assert found[True].step == pytest.approx(found[False].step, rel=0.01)
    assert found[True].fixed >= found[False].fixed + MORE * 0.001


def quartet(*arguments, status=0):
    found = CliRunner().invoke(app, [str(word) for word in arguments])
    assert found.exit_code == status, found.output
    return found


def test_the_command_line_enlarges_a_race_and_judges_the_small_pictures(tmp_path):
    out, told = tmp_path / "race.png", {}
    for more in ((), ("--enlarge",)):
        said = quartet("race", TEXT, "--suite", folder(), "--out", out, *SETS, "--json", *more).stdout
        told[more] = [row["verdict"] for row in json.loads(said)["lanes"]]
    assert told["--enlarge",] == told[()], "the judge read the large ones"
    assert [note["box"][2:] for note in read(out).receipts] == [[256, 256]] * 4
    again = json.loads(quartet("rerun", out, "--suite", folder(), "--json").stdout)
    assert [row["max"] for row in again["pictures"]] == [0] * 4


def test_the_command_line_enlarges_one_picture_and_says_what_cannot_be(tmp_path):
    out, asked = tmp_path / "a.png", ("--suite", folder(), "--enlarge")
    quartet("paint", "pixel", TEXT, "--set=steps=2", "--set=upsample_steps=2", "--out", out, *asked)
    assert read(out).image.shape == (256, 256, 3)
    assert "UpsampleKnobs has no such field" in quartet("paint", "upsample", *asked, status=2).stderr


def test_the_endpoint_of_all_painters_takes_the_switch():
    asked = {"prompt": TEXT, "negative": "", "lanes": ["latent", "unclip"], "knobs": {}, "seed": 1, "count": 1,
             "budget": None, "language": "en", "exact": True}  # fmt: skip
    api = Api(engine(), "classroom")
    for enlarge in (True, False):
        race = api._race("one", asked | {"enlarge": enlarge}, "en")
        assert [request.knobs.upsample for request in race.requests.values()] == [enlarge] * 2
    with pytest.raises(Exception, match="enlarge"):
        api._race("one", asked | {"enlarge": "very"}, "en")


def test_the_page_judges_and_compares_the_small_pictures():
    told = {}
    show = Show(engine(), "classroom")
    for enlarge in (False, True):
        values = []
        for lane, base in show.bases.items():
            values += controls_at(base, SETTINGS[lane] | {"upsample": enlarge})
        news = heard(show.paint(visitor(), TEXT, 1, ["latent", "pixel"], 0, 1, *values))
        marks = {item["lane"]: item["similarity"] for item in news if item["kind"] == "marks"}
        told[enlarge] = marks, next(item["rows"] for item in news if item["kind"] == "matrix")
    for small, large in zip(told[False], told[True], strict=True):
        for lane in ("latent", "pixel"):
            assert large[lane] == pytest.approx(small[lane], abs=2e-3)
    race = show.visits.of("a")[0].race
    assert race.outcomes["latent"].images.shape == (1, 256, 256, 3)


def controls_at(base, settings):
    """The values of a painter's controls with `settings`."""
    names = [spec.name for spec in controls.shown(type(base))]
    return [settings.get(name, value) for name, value in zip(names, controls.defaults(base), strict=True)]
