"""A net that was taught no words is led by CLIP: its panel and its tab say so, those of other nets do not."""

import asyncio
import json
import subprocess

import gradio as gr
import pytest
from playwright._impl._driver import compute_driver_executable

from lab.race.painters import led
from lab.ui.acts import Acts
from lab.ui.painters import pixel
from lab.ui.stage import stage
from lab.ui.texts import Texts
from lab.ui.theme import asset
from lab.ui.words import say
from models.catalog import classroom
from models.catalog.full import full
from tests import tinyhub, tinysuite

SCRIPT = """
const make = (tag, kind, text) => ({ tag, text, dataset: {}, append() {}, replaceChildren() {} });
const quartet = { make, say: (key) => key, number: String, lanes: [], narrow: { matches: false } };
const props = %s;
%s
const tape = { evaluations: () => 3, open: { lanes: { latent: {}, pixel: {} } } }, facts = new quartet.Facts();
const told = (lane, state) => facts.of(lane, { state, seconds: 0 }, tape, 0).map((one) => one.text);
console.log(JSON.stringify(["idle", "running", "done"].map((state) => [told("pixel", state), told("latent", state)])));
"""


def panels(props):
    """What stands under both painters' pictures, before, while and after they paint."""
    node = str(compute_driver_executable()[0])
    script = SCRIPT % (json.dumps(props), asset("js/facts.js"))
    return json.loads(subprocess.run([node, "-e", script], check=True, capture_output=True, text=True).stdout)


def test_the_panel_of_a_led_painter_says_so_all_the_time():
    for pixels, latents in panels({"led": ["pixel"]}):
        assert "method.led" in pixels
        assert "method.led" not in latents
    assert "method.led" not in json.dumps(panels({"led": []}))


async def page(running, suite):
    """The stage and the painter's tab, drawn in a loop, which Gradio would else open and leave open."""
    with gr.Blocks() as blocks:
        panel = stage(None, print, led(running.registry.suite(suite)))
        pixel.draw(running, suite, Texts(), gr.Textbox("en"), Acts())
    return panel, [block.value for block in blocks.blocks.values() if isinstance(block, gr.Markdown)]


@pytest.mark.parametrize(("hub", "suite", "lanes"), [(tinyhub, "full", ["pixel"]), (tinysuite, "classroom", [])])
def test_stage_and_tab_are_told_which_net_is_served(hub, suite, lanes):
    panel, said = asyncio.run(page(hub.engine(), suite))
    assert panel.get_config()["props"]["led"] == lanes
    assert (say("method.led", "en") in said) is bool(lanes)


@pytest.mark.parametrize("choice", ["ddpm-cat-256", "ddpm-celebahq-256", "ddpm-cifar10-32"])
def test_every_unconditional_net_is_led(choice):
    assert led(full(choice)) == ["pixel"]
    assert full(choice).knobs["pixel"]["clip_guidance"] > 0
    assert led(classroom()) == []
