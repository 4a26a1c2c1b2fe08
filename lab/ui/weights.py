"""The switch in the masthead: which weights this page paints with, and the way to the others that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from lab.race.suites import Machine, availability
from lab.ui.suites import way
from lab.ui.theme import asset
from models.catalog.full import ONE_CLIP
from models.engine import Engine

if TYPE_CHECKING:
    from lab.ui.switch import Switch


def draw(engine: Engine, suite: str, switch: Switch) -> None:
    """Links to pages on other weights; nothing is to be seen while there are none."""

    async def paint(asked: list[Any]) -> dict[str, Any]:  # Gradio marks what the browser may call
        return await way(switch, suite, str(asked[0]))

    def look(asked: list[Any]) -> dict[str, Any]:
        return {"suite": suite, "suites": reachable(engine, suite, switch)}

    gr.HTML(
        None,
        html_template='<nav class="weights" hidden></nav>',
        js_on_load=asset("js/weights.js"),
        server_functions=[paint, look],
        apply_default_css=False,
        elem_id="weights",
    )


def reachable(engine: Engine, suite: str, switch: Switch) -> list[str]:
    """Suites to paint with: the small one, the preset of the full one once any painter of it is here, and those that
    somebody put together from its choices."""
    rows = availability(Machine.here(engine.registry.device.type))
    preset = [row for row in rows if row["suite"].partition(":")[2] in ONE_CLIP and row["state"] == "ready"]
    found = ["classroom"] + ["full"] * bool(preset and switch.offers(suite, "full"))
    return list(dict.fromkeys([*found, *sorted(switch.open), suite]))
