"""How the page looks, told to Gradio: its own variables point at our tokens, which live in assets/css/quartet.css."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from lab.ui.stickers import stickers
from lab.ui.words import EXAMPLES, catalogue

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FONTS = {"Bricolage Grotesque": "bricolage-grotesque", "Newsreader": "newsreader", "Martian Mono": "martian-mono",
         "Quartet Kai": "quartet-kai"}  # fmt: skip

INK, PAPER, QUIET, HAIR, NONE = "var(--ink)", "var(--paper)", "var(--quiet)", "var(--hair)", "transparent"
TOKENS = {
    "body_background_fill": PAPER, "body_text_color": INK, "body_text_color_subdued": QUIET, "body_text_size": "16px",
    "background_fill_primary": PAPER, "background_fill_secondary": PAPER, "border_color_primary": HAIR,
    "border_color_accent": INK, "color_accent": INK, "color_accent_soft": "var(--wash)",
    "block_background_fill": NONE, "block_border_width": "0px", "block_shadow": "none", "block_padding": "0px",
    "block_radius": "2px", "block_label_background_fill": NONE, "block_label_border_width": "0px",
    "block_label_text_color": QUIET, "block_label_text_size": "13px", "block_title_text_color": QUIET,
    "block_title_text_size": "13px", "block_title_text_weight": "400", "block_title_background_fill": NONE,
    "block_title_border_width": "0px", "block_info_text_color": QUIET, "block_info_text_size": "13px",
    "panel_background_fill": NONE, "panel_border_width": "0px", "layout_gap": "24px", "form_gap_width": "24px",
    "container_radius": "2px", "accordion_text_color": INK, "section_header_text_size": "16px",
    "input_background_fill": NONE, "input_background_fill_focus": NONE, "input_background_fill_hover": NONE,
    "input_border_color": HAIR, "input_border_color_focus": INK, "input_border_color_hover": QUIET,
    "input_border_width": "1px", "input_shadow": "none", "input_shadow_focus": "none", "input_radius": "2px",
    "input_placeholder_color": QUIET, "input_text_size": "16px", "shadow_drop": "none", "shadow_drop_lg": "none",
    "shadow_inset": "none", "shadow_spread": "0px", "slider_color": INK, "link_text_color": INK, "loader_color": INK,
    "link_text_color_hover": INK, "link_text_color_visited": INK, "link_text_color_active": INK,
    "checkbox_background_color": NONE, "checkbox_background_color_focus": NONE, "checkbox_background_color_hover": NONE,
    "checkbox_background_color_selected": INK, "checkbox_border_color": QUIET, "checkbox_border_color_focus": INK,
    "checkbox_border_color_hover": INK, "checkbox_border_color_selected": INK, "checkbox_border_radius": "2px",
    "checkbox_label_background_fill": NONE, "checkbox_label_background_fill_hover": NONE,
    "checkbox_label_background_fill_selected": NONE, "checkbox_label_border_width": "0px",
    "checkbox_label_shadow": "none", "checkbox_label_padding": "4px 12px 4px 0", "checkbox_label_text_color": INK,
    "checkbox_label_text_color_selected": INK, "checkbox_shadow": "none",
    "button_primary_background_fill": INK, "button_primary_background_fill_hover": INK,
    "button_primary_text_color": PAPER, "button_primary_text_color_hover": PAPER, "button_primary_border_color": INK,
    "button_primary_shadow": "none", "button_primary_shadow_hover": "none", "button_primary_shadow_active": "none",
    "button_secondary_background_fill": NONE, "button_secondary_background_fill_hover": "var(--wash)",
    "button_secondary_text_color": INK, "button_secondary_border_color": HAIR, "button_secondary_shadow": "none",
    "button_secondary_shadow_hover": "none", "button_secondary_shadow_active": "none", "button_border_width": "1px",
    "button_large_radius": "2px", "button_medium_radius": "2px", "button_small_radius": "2px",
    "button_transform_hover": "none", "button_transform_active": "none",
    "table_border_color": HAIR, "table_even_background_fill": NONE, "table_odd_background_fill": NONE,
    "table_radius": "2px", "error_background_fill": PAPER, "error_border_color": INK, "error_text_color": INK,
}  # fmt: skip


def theme() -> gr.themes.Base:
    """Gradio's plainest theme, every colour of it one of ours, light and dark."""
    plain = gr.themes.Base(
        font=["Newsreader", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", "serif"],
        font_mono=["Martian Mono", "ui-monospace", "monospace"],
    )
    dark = {f"{name}_dark": value for name, value in TOKENS.items() if hasattr(plain, f"{name}_dark")}
    return plain.set(**TOKENS, **dark)


def css() -> str:
    """Our fonts, served as files, and the style sheet."""
    files = {name: ASSETS / "fonts" / f"{file}.woff2" for name, file in FONTS.items()}
    faces = [
        f'@font-face {{ font-family: "{name}"; font-weight: 200 800; font-display: swap; '
        f'src: url("gradio_api/file={file.as_posix()}") format("woff2"); }}'
        for name, file in files.items()
        if file.is_file()
    ]
    return "\n".join([*faces, (ASSETS / "css" / "quartet.css").read_text(encoding="utf-8")])


def head() -> str:
    """What the page's own scripts need before anything is drawn: words, sentences, stickers, what stages share."""
    given = {"quartetWords": catalogue(), "quartetExamples": EXAMPLES, "quartetStickers": stickers()}
    tables = (f"window.{name} = {json.dumps(table, ensure_ascii=False)};".replace("<", "\\u003c")
              for name, table in given.items())  # fmt: skip
    scripts = (asset(f"js/{name}.js") for name in ("quartet", "gradio"))
    return "<script>" + "\n".join([*tables, *scripts]) + "</script>"


def asset(path: str) -> str:
    """The text of a file under assets/."""
    return (ASSETS / path).read_text(encoding="utf-8")
