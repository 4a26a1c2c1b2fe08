"""The stage in Debian's Chromium: its pictures are an inline run's, step by step; races come back and play again."""

from urllib.parse import urlencode

import numpy as np

from lab.race import LANES, SAMPLERS, settle
from lab.ui.words import say
from models.protocol import Prompt, Request
from tests.chromium import SCRUB, ended, looks, needs_chromium, paint, states
from tests.pixels import decoded, hashed
from tests.tinysuite import TEXT, engine

pytestmark = needs_chromium

# A guided pair may be painted as two batches of one row where a machine is slow, which rounds otherwise; so does
# company in a batch: one painter races at a time.
ALONE = {"guidance": 1, "prior_guidance": 1}
STEPS = {"steps": 60, "crops": 2, "prior_steps": 4}  # enough for every painter to be seen on its way

PLAYED = """() => {  // from the click on "Play again" to its end: what every panel showed, and when it was over
    window.played = { looks: {}, seconds: null };
    const began = performance.now(), again = document.querySelector('[data-role="again"]');
    again.click();
    let gone = false;
    const look = () => {
        for (const panel of document.querySelectorAll(".panel")) {
            const seen = (window.played.looks[panel.dataset.lane] ||= []);
            const now = panel.querySelector("canvas").toDataURL();
            if (seen.at(-1) !== now) seen.push(now);
        }
        gone ||= again.disabled;
        if (gone && !again.disabled) window.played.seconds = (performance.now() - began) / 1000;
        else setTimeout(look, 20);
    };
    look();
}"""


def test_every_picture_in_the_browser_is_that_step_of_an_inline_run_by_its_hash(visit):
    alone = engine()
    named = {lane: {spec.name for spec in SAMPLERS[lane].knobs.specs()} for lane in LANES}
    knobs = {lane: {k: v for k, v in (STEPS | ALONE).items() if k in named[lane]} for lane in LANES}
    asked = {f"{lane}.{name}": value for lane in LANES for name, value in knobs[lane].items()}
    page = visit(query="?" + urlencode({"prompt": TEXT, "seed": 5, "painters": LANES[0]} | asked))
    ended(page)
    page.click("#drawer > button")
    for before, lane in zip([None, *LANES], LANES, strict=False):
        if before:
            for name in (lane, before):
                page.locator("#lanes label", has_text=say(f"painter.{name}", "en")).click()
            paint(page)
            ended(page)
        assert states(page) == ["done" if each == lane else "absent" for each in LANES]
        shown = page.evaluate(SCRUB)
        request = Request(
            lane, Prompt(TEXT, seeds=(5,)), settle(alone, lane, knobs[lane], "classroom"), "classroom", "test"
        )
        steps = {str(frame.i): frame.images[0] for frame in alone.drive(request)}
        del shown[lane]["bare"]
        assert len(shown[lane]) >= 2, f"{lane} was not seen on the way"
        assert str(max(map(int, steps))) in shown[lane], f"{lane}: the finished picture is missing"
        apart = {step: int(np.abs(decoded(url).astype(int) - steps[step]).max()) for step, url in shown[lane].items()}
        same = [hashed(decoded(url)) == hashed(steps[step]) for step, url in shown[lane].items()]
        print(f"{lane}: {sum(same)} of {len(same)} pictures have the hash of their step")
        assert all(same), f"{lane}: levels apart by step: {apart}"


def test_a_race_plays_again_and_an_earlier_one_comes_back_from_the_strip(visit):
    page = visit(query="?" + urlencode({"prompt": TEXT, "seed": 5, "vqgan_clip.steps": 4}))
    ended(page)
    first, races = looks(page), page.locator('[data-role="strip"] .race')
    assert not races.first.is_visible(), "one race is no strip"
    page.evaluate(PLAYED)
    page.wait_for_function("() => window.played.seconds !== null")
    played = page.evaluate("window.played")
    assert looks(page) == first
    assert all(len(set(seen)) >= 2 for seen in played["looks"].values()), "it was not played, but shown"

    page.locator("#seed input").fill("6")
    page.locator("#seed input").press("Tab")
    paint(page)
    ended(page)
    second = looks(page)
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert races.count() == 2
    pressed = "races => races.map(race => race.ariaPressed)"
    assert races.evaluate_all(pressed) == ["true", "false"]
    assert "6" in races.first.inner_text()
    assert TEXT in races.last.inner_text()

    races.last.click()
    ended(page)
    assert races.evaluate_all(pressed) == ["false", "true"]
    assert looks(page) == first
    page.locator('[data-role="axis"]').press("Home")
    assert page.locator(".panel .state").first.inner_text() == "waits for its turn"
    paint(page)  # and the next race takes the stage again
    ended(page)
    assert races.evaluate_all(pressed) == ["true", "false", "false"]
    assert looks(page) == second, "the same sentence and seed"
