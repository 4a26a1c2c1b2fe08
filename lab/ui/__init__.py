"""The page: its masthead, its tabs, and one switch that says all of it in the other language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lab.ui import compare, info, models
from lab.ui.texts import Texts
from lab.ui.theme import ASSETS, css, head, theme
from lab.ui.words import say
from models.engine import Engine

__all__ = ["build", "options"]


def build(engine: Engine, suite: str) -> gr.Blocks:
    """The page on one suite of a started engine."""
    gr.set_static_paths([ASSETS / "fonts"])
    texts = Texts()
    with gr.Blocks(title="Quartet", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        language = gr.Textbox("en", visible="hidden", elem_id="language")
        with gr.Row(elem_id="masthead"):
            texts(gr.Markdown, says={"value": lambda spoken: _title(spoken)}, elem_id="title")
            turn = texts(gr.Button, says={"value": "page.language"}, elem_id="turn", scale=0)
            dark = texts(gr.Button, says={"value": lambda _: "◐"}, elem_id="dark", scale=0)
        with gr.Tabs(elem_id="tabs"):
            with texts(gr.Tab, says={"label": "tab.compare"}, id="compare"):
                show = compare.draw(engine, suite, texts, language)
            with texts(gr.Tab, says={"label": "tab.models"}, id="models") as tab:
                models.draw(engine, suite, tab, texts)
            with texts(gr.Tab, says={"label": "tab.record"}, id="info"):
                info.draw(engine, texts)
        _speak(page, texts, language, turn)
        dark.click(None, None, None, js="() => quartet.shade()")
        page.unload(show.leave)
    page.queue(max_size=64, default_concurrency_limit=8)
    return page


def options() -> dict[str, Any]:
    """What `launch` is told: our looks, and that the page asks nothing of other hosts and keeps no history."""
    return {
        "theme": theme(), "css": css(), "head": head(), "footer_links": [], "run_history": False,
        "enable_monitoring": False, "max_file_size": "8mb", "show_error": False, "ssr_mode": False,
    }  # fmt: skip


def _title(language: str) -> str:
    return f"# {say('page.title', language)}\n\n{say('page.about', language)}"


def _speak(page: gr.Blocks, texts: Texts, language: gr.Textbox, turn: gr.Button) -> None:
    """The language is the browser's own choice; the server follows it."""

    def switch(chosen: str) -> list[Any]:
        return [chosen, *texts.switch(chosen)]

    quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    turn.click(switch, language, [language, *texts.components], **quiet,
               js="() => [quartet.speak(quartet.language === 'zh' ? 'en' : 'zh')]")  # fmt: skip
    page.load(switch, language, [language, *texts.components], js="() => [quartet.start()]", **quiet)
