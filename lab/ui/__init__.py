"""The page: its masthead, its tabs, and one switch that says all of it in the other language.

Some things that Gradio offers are not used, each for a reason.  `validator=` wants a verdict for every input, some
fifty in Compare, before each race, while links and programs go past it: what will not do is refused where a race is
made, once for all of them (`asking.py`), as a sentence that turns with the page.  `gr.I18n` speaks as the browser
does and cannot be switched on the page, nor speaks within a stage.  `gr.BrowserState` is known to the server after a
round trip; language and shade have to be there before the first paint.  `gr.Walkthrough` leads step by step where
here one click is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from lab.ui import compare, info, models, suites, weights
from lab.ui.acts import Acts
from lab.ui.api import Api
from lab.ui.events import SILENT
from lab.ui.painters import latent, pixel, unclip, vqgan_clip
from lab.ui.texts import Texts
from lab.ui.theme import ASSETS, css, head, theme
from lab.ui.words import say
from models.engine import Engine

if TYPE_CHECKING:
    from lab.ui.switch import Switch

__all__ = ["build", "options"]

PAINTERS = {"latent": latent, "pixel": pixel, "vqgan_clip": vqgan_clip, "unclip": unclip}


def build(engine: Engine, suite: str, painters: bool = True, switch: Switch | None = None) -> gr.Blocks:
    """The page on one suite of a started engine; `switch` leads to those on others.

    Without `painters` their own tabs are left out: those decode pictures themselves, which no guard would see.
    """
    gr.set_static_paths([ASSETS / "fonts"])
    texts, acts = Texts(), Acts()
    with gr.Blocks(title="Quartet", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        language = gr.Textbox("en", visible="hidden", elem_id="language")
        with gr.Row(elem_id="masthead"):
            texts(gr.Markdown, says={"value": lambda spoken: _title(spoken)}, elem_id="title")
            if switch is not None:
                weights.draw(engine, suite, switch)
            turn = texts(gr.Button, says={"value": "page.language"}, elem_id="turn", scale=0)
            dark = texts(gr.Button, says={"value": lambda _: "◐"}, elem_id="dark", scale=0)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            with texts(gr.Tab, says={"label": "tab.compare"}, id="compare"):
                show = compare.draw(engine, suite, texts, language, page)
            for name, painter in PAINTERS.items() if painters else ():
                with texts(gr.Tab, says={"label": f"tab.{name}"}, id=name):
                    painter.draw(engine, suite, texts, language, acts)
            with texts(gr.Tab, says={"label": "tab.models"}, id="models") as tab:
                models.draw(engine, suite, tab, texts, switch)
                suites.draw(engine, suite, tab, switch)
            with texts(gr.Tab, says={"label": "tab.record"}, id="info"):
                repaints = info.draw(engine, texts)
        _speak(page, texts, language, turn)
        dark.click(None, None, None, js="() => quartet.shade()")
        page.unload(show.leave)
        page.unload(acts.halt)
        page.unload(repaints.leave)
        api = Api(engine, suite)
        api.add()
        page.unload(api.leave)
    page.queue(max_size=64, default_concurrency_limit=8, api_open=False)
    return page


def options() -> dict[str, Any]:
    """What `launch` is told: our looks, and that the page asks nothing of other hosts and keeps no history."""
    return {
        "theme": theme(), "css": css(), "head": head(), "footer_links": [], "run_history": False,
        "enable_monitoring": False, "max_file_size": "32mb", "show_error": False, "ssr_mode": False,
    }  # fmt: skip


def _title(language: str) -> str:
    return f"# {say('page.title', language)}\n\n{say('page.about', language)}"


def _speak(page: gr.Blocks, texts: Texts, language: gr.Textbox, turn: gr.Button) -> None:
    """The language is the browser's own choice; the server follows it, and only where it is another than was built."""
    turn.click(None, None, language, js="() => quartet.speak(quartet.language === 'zh' ? 'en' : 'zh')")
    page.load(None, None, language, js="() => quartet.start()")
    # The page keeps a status of every component that progress was ever shown on, and goes through all of them at every
    # news of a race: of some hundred it would have no time left for a click.
    language.change(texts.switch, language, texts.components, show_progress_on=language, **SILENT)
