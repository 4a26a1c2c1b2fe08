"""Arguments -> engine -> page: `python app.py`, on a laptop or on a Space."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from threading import Thread

import gradio as gr
from gradio.utils import colab_check, is_hosted_notebook
from transformers.utils.logging import disable_progress_bar

from lab.cli.common import DEVICES, present_device
from lab.lessons.captions import captions
from lab.measure.appraise import appraise
from lab.race import LANES, default_engine, parts_of, settle
from lab.race.choices import joined
from lab.race.fetching import bring_pinned
from lab.race.needs import need_of
from lab.race.pace import probe
from lab.race.painters import leave_a_core, usual_device
from lab.race.suites import suite_to_serve
from lab.ui import build, options, zero
from lab.ui.switch import Switch
from models.catalog import Suite
from models.engine import Engine
from models.protocol import Prompt, Request

SPACE = "SPACE_ID"  # set on a Space, which everybody may visit
SUITE = "QUARTET_SUITE"  # a Space passes no arguments; its settings hold variables


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the app; server name and port are Gradio's own choice unless given.  What cannot be had ends with 2."""
    given = parser().parse_args(arguments)
    public = given.public or SPACE in os.environ or shared()
    device = given.device or usual_device(given.suite_root)
    find = partial(suite_to_serve, device=device, public=public, safety=not given.no_safety)
    leave_a_core()
    disable_progress_bar()  # of transformers: nobody waits for it
    try:
        present_device(device)
        name = joined("", given.suite_root)
        if SPACE in os.environ:
            bring_pinned(name, device)
        suite = find(name)
        engine = engine_for(suite, device).start()
    except (ValueError, RuntimeError, OSError) as error:
        parser().exit(2, f"quartet: {error}\n")
    # a lent GPU knows the one suite that it was asked for
    switch = Switch(engine, suite.name, find, public) if zero.lender() is None else None
    try:
        page = build(engine, suite.name, not public or "safety" not in suite.parts, switch)
        _launch(page, given.port, given.open and browsable())
        if switch is not None:
            switch.front = page.app
        # not before: Gradio gives up on a page that does not answer at once
        Thread(target=_warm, args=(engine, suite.name), daemon=True).start()
        page.block_thread()
    finally:
        engine.stop()


def parser() -> argparse.ArgumentParser:
    """What the app may be told."""
    found = argparse.ArgumentParser(description="Quartet: one prompt, four ways to paint it.")
    suite = os.environ.get(SUITE, "classroom")
    found.add_argument("--suite-root", default=suite, help="a suite's name, or a folder laid out like classroom")
    found.add_argument("--device", choices=DEVICES, help="default: the suite's own")
    found.add_argument("--port", type=int, default=None)
    found.add_argument("--public", action="store_true", help="pinned weights and checked pictures only")
    found.add_argument("--no-safety", action="store_true", help="show pictures of the full suite unchecked")
    found.add_argument("--open", action="store_true", help="open the page in a browser, where there is one to be seen")
    return found


def browsable() -> bool:
    """Whether somebody sits before a browser here; in a shell alone, on a Space or in a check nobody does."""
    screen = sys.platform in ("darwin", "win32") or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    return screen and {SPACE, "CI"}.isdisjoint(os.environ)


def shared() -> bool:
    """Whether Gradio opens a public link without being asked here: as `Blocks.launch` finds it out."""
    return os.environ.get("GRADIO_SHARE", "").lower() == "true" or colab_check() or is_hosted_notebook()


def engine_for(suite: Suite, device: str) -> Engine:
    """The engine of this machine; where GPUs are lent by call, the classroom stays on the processor, outside quotas."""
    lend = zero.lender()
    if lend is None:
        return default_engine(suite, device=device)
    if suite.name == "classroom":
        zero.mark(lend)
        return default_engine(suite)
    return zero.ZeroEngine(suite, lend)


def _launch(page: gr.Blocks, port: int | None, show: bool) -> None:
    """Serve the page; where its port cannot be had, say so and end with 2."""
    try:
        page.launch(server_port=port, inbrowser=show, prevent_thread_lock=True, **options())
    except (OSError, OverflowError):  # of a port above 65535
        place = f"port {port}" if port is not None else "every port that Gradio tries"
        parser().exit(2, f"quartet: {place} is taken, or cannot be listened at; give a free one with --port\n")


def _warm(engine: Engine, suite: str) -> None:
    """Read and try what the painters need: what runs for the first time is slow.  What is missing the page will say."""
    for lane in LANES:
        with suppress(Exception):
            if suite == "classroom":
                _try(engine, suite, lane)
            else:  # a large network is not run for nobody
                with engine.registry.borrow(suite, parts_of(engine, suite, lane)):
                    pass
    if suite == "classroom" or zero.lender() is None:  # what DALL-E 2 thinks is told from the first race on
        with suppress(Exception):
            captions(engine, suite)
    if suite == "classroom":  # what a painter takes to work in is told at the end of a race
        for lane in LANES:
            with suppress(Exception):
                need_of(engine, _first(engine, suite, lane))


def _try(engine: Engine, suite: str, lane: str) -> None:
    """Four steps of a painter, and CLIP's and the judge's look at what comes of them."""
    request = _first(engine, suite, lane)
    run = engine.wait(engine.submit(probe(request)))
    appraise(engine, suite, request.prompt.text, run.newest.images, run.tokens)


def _first(engine: Engine, suite: str, lane: str) -> Request:
    return Request(lane, Prompt("a large red cat in a meadow"), settle(engine, lane, None, suite), suite, "warm")


if __name__ == "__main__":
    main()
