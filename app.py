"""Arguments -> engine -> page: `python app.py`, on a laptop or on a Space."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from lab.race import LANES, default_engine, open_suite, parts_of
from lab.ui import build, options
from models.engine import Engine


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the app; server name and port are Gradio's own choice unless given."""
    parser = argparse.ArgumentParser(description="Quartet: one prompt, four ways to paint it.")
    parser.add_argument("--suite-root", default="classroom", help="a suite's name, or a folder laid out like classroom")
    parser.add_argument("--device", default="cpu", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--port", type=int, default=None)
    given = parser.parse_args(arguments)
    suite = open_suite(given.suite_root)
    engine = default_engine(suite, device=given.device).start()
    try:
        page = build(engine, suite.name)
        Thread(target=_warm, args=(engine, suite.name), daemon=True).start()
        page.launch(server_port=given.port, **options())
    finally:
        engine.stop()


def _warm(engine: Engine, suite: str) -> None:
    """Read what the painters need while the first visitor reads the page; what is missing will be said there."""
    for lane in LANES:
        with suppress(Exception), engine.registry.borrow(suite, parts_of(engine, suite, lane)):
            pass


if __name__ == "__main__":
    main()
