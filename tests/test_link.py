"""Links through the page's own controls: what a link brings they take, and what they do not take is said at once."""

import asyncio
import copy
import re
from types import SimpleNamespace

import pytest
from gradio.state_holder import SessionState

from lab.race import LANES, SAMPLERS
from lab.ui import controls
from lab.ui.words import LANGUAGES, say
from tests.tinysuite import TEXT

EDGES = [(lane, spec) for lane in LANES for spec in SAMPLERS[lane].knobs.specs()]


@pytest.fixture(scope="module")
def stranger(page):
    """What Gradio holds of somebody who has just come; to put it together takes longer than a test."""
    return SessionState(page.blocks)


@pytest.fixture
def told(page, stranger):
    """What a link says: the values that a race is painted of, as they come through Gradio, or else the refusal."""

    def ask(**link):
        visitor = copy.copy(stranger)
        visitor.blocks_config = copy.copy(stranger.blocks_config)
        return through(page, visitor, link)

    return ask


def through(page, visitor, link):
    (opened,) = [event for event in page.blocks.fns.values() if page.block("linked") in event.outputs]
    painted = page.event("paint")
    found = opened.fn(SimpleNamespace(session_hash="a", query_params=link))

    async def gradio():
        shown = await page.blocks.postprocess_data(opened, found, visitor)
        return await page.blocks.preprocess_data(painted, shown[: len(painted.inputs)], visitor)

    stage = found[-1]
    if "news" in stage:
        (item,) = stage["news"].values()
        return item
    return asyncio.run(gradio())


def values(spec):
    """Values of a setting at the edges of what it allows, and within."""
    if spec.choices is not None:
        return spec.choices
    if spec.type is bool:
        return (True, False)
    between = [spec.low + spec.step] if spec.step else []
    return (spec.low, spec.high, *between, *([None, 64, 72] if spec.optional else []))


@pytest.mark.parametrize(("lane", "spec"), EDGES, ids=[f"{lane}.{spec.name}" for lane, spec in EDGES])
def test_whatever_a_setting_allows_its_control_takes_or_the_link_is_refused_in_words(page, told, lane, spec):
    field = f"{lane}.{spec.name}"
    bases = page.event("paint").fn.__self__.bases
    shown = spec in controls.shown(type(bases[lane]))
    for value in values(spec):
        found = told(prompt=TEXT, **{field: str(value)})
        if isinstance(found, dict):
            assert (found["key"], found["values"]["field"]) == ("say.link", field)
            assert controls.offered(spec, getattr(bases[lane], spec.name)) is not None, "any control takes that"
            assert not re.search("[a-z]{3}", found["values"]["allowed"].replace("None", "")) or spec.choices
            assert all(say("say.link", language, **found["values"]) for language in LANGUAGES)
        elif shown:
            assert (controls.OWN if value is None else value) in found[5:]


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [("latent.width", "72", "None, 32, 48, 64"), ("unclip.embedding", "image", "prior, text"),
     ("latent.guidance", "99", "1.0 … 30.0"), ("pixel.upsample", "yes", "True, False")],
)  # fmt: skip
def test_a_refusal_names_what_the_control_offers(told, field, value, allowed):
    found = told(prompt=TEXT, **{field: value})
    assert found["values"]["value"] == value
    assert found["values"]["allowed"].startswith(allowed)
    assert "image" not in found["values"]["allowed"]
