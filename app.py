"""Arguments -> engine -> page: `python app.py`, on a laptop or on a Space."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lab.race import default_engine, open_suite
from lab.ui import build, options


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
        build(engine, suite.name).launch(server_port=given.port, **options())
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
