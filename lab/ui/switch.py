"""The switch between suites: every suite that somebody wants to paint with gets a page, beside the one that is served.

All pages paint on one engine, whose registry holds what several of them share once.  A page is put up when it is first
asked for, at /with/NAME of the same server, so that weights that were fetched meanwhile need no restart.  Gradio's own
`route` would want every page before the server starts, and holds them all in one configuration.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextvars import Context

import anyio
import gradio as gr
from fastapi import FastAPI
from gradio.routes import App

from lab.race.choices import chosen, joined
from lab.race.fetching import Fetching
from lab.race.painters import samplers_of
from lab.ui import build, options
from lab.ui.acts import Refusal
from models.catalog import Suite
from models.engine import Engine

log = logging.getLogger(__name__)


class Switch:
    """The pages of a server that was started on the suite `home`, and what it fetches.

    `find` gives a suite by name as it may be served here, or raises ValueError; to the `public` nothing is fetched.
    """

    def __init__(self, engine: Engine, home: str, find: Callable[[str], Suite], public: bool = False):
        self.engine, self.find, self.public = engine, find, public
        self.fetching = Fetching()
        self.front: FastAPI | None = None  # the app of the first page, once it is launched
        self.open = {joined("", home): ""}  # path from the first page, by suite
        self._lock, self._alive = asyncio.Lock(), set[asyncio.Task[None]]()

    async def path(self, now: str, wanted: str) -> str:
        """Where, from the first page, the page of `joined(now, wanted)` is; put up on the first asking.

        Raises Refusal where this suite is unknown, or may not be served.
        """
        try:
            name = joined(now, wanted)
            if name not in self.open and name != "classroom" and not chosen(name):
                raise ValueError("a visitor names no folder")
            async with self._lock:
                if name not in self.open:
                    page = await anyio.to_thread.run_sync(Context().run, asyncio.run, self._page(name))
                    await self._mount(page, path := f"with/{re.sub(r'[^a-z0-9.-]+', '_', name)}/")
                    self.open[name] = path
        except ValueError as error:
            log.info("%s is not served: %s", wanted, error)
            raise Refusal("suites.refused") from error
        return self.open[name]

    def renew(self) -> None:
        """Have every open suite with the parts that have come since."""
        for name in filter(chosen, list(self.engine.registry.suites)):
            self._admit(name)

    def offers(self, now: str, wanted: str) -> bool:
        """Whether a page of that suite may be put up here."""
        if not self.public:
            return True
        try:
            return bool(self.find(joined(now, wanted)))
        except ValueError:
            return False

    def _admit(self, name: str) -> Suite:
        suite = self.find(name)
        self.engine.add(suite, samplers_of(suite) if "safety" in suite.parts else {})
        return suite

    async def _page(self, name: str) -> gr.Blocks:
        """Drawn while a loop of its own runs: where none does, Gradio opens one and never closes it."""
        suite = self._admit(name)
        return build(self.engine, suite.name, not self.public or "safety" not in suite.parts, self)

    async def _mount(self, page: gr.Blocks, path: str) -> None:
        if self.front is None:
            raise ValueError("no page was launched yet, so no other can stand beside it")
        gr.mount_gradio_app(self.front, page, f"/{path.rstrip('/')}", **options())
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_live(self.front.routes[-1].app, started))
        self._alive.add(task)
        await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()


async def _live(app: App, started: asyncio.Future[None]) -> None:
    """What a server does for an app that it starts with, from here to the server's end."""
    async with app.router.lifespan_context(app):
        app.get_blocks().run_startup_events()
        await app.get_blocks().run_extra_startup_events()
        started.set_result(None)
        await asyncio.Event().wait()
