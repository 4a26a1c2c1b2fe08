"""The switch between suites: every suite that somebody wants to paint with gets a page, beside the one that is served.

All pages paint on one engine, whose registry holds what several of them share once.  A page is put up when it is first
asked for, at /with/NAME of the same server, so that weights that were fetched meanwhile need no restart; a link to it
does so too, also after a restart.  Gradio's own `route` would want every page before the server starts, and holds them
all in one configuration.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextvars import Context

import anyio
import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from gradio.routes import App

from lab.race import LANES, missing
from lab.race.choices import chosen, joined
from lab.race.fetching import Fetching
from lab.race.painters import samplers_of
from lab.ui import build, options
from lab.ui.acts import Refusal
from lab.ui.words import LANGUAGES, say
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
        self._front: FastAPI | None = None
        self.open = {joined("", home): ""}  # path from the first page, by suite
        self._lock, self._alive = asyncio.Lock(), set[asyncio.Task[None]]()

    @property
    def front(self) -> FastAPI | None:
        """The app of the first page, once it is launched; from then on it answers links to the other pages."""
        return self._front

    @front.setter
    def front(self, app: FastAPI) -> None:
        self._front = app
        app.get("/with/{name}", include_in_schema=False)(self.link)
        app.get("/with/{name}/", include_in_schema=False)(self.link)

    async def link(self, request: Request, name: str) -> Response:
        """The way to the page that a link names, put up where a painter of it has its weights; else what to do."""
        kind, _, choices = name.partition("_")
        wanted = f"{kind}:{choices.replace('_', ',')}" if choices else kind
        up = "../" * (1 + request.url.path.endswith("/"))
        try:
            path = await self.path("", wanted, empty=False)
        except Refusal as refusal:
            return _lost(up, refusal.key)
        return RedirectResponse(f"{up}{path}" + f"?{request.url.query}" * bool(request.url.query))

    async def path(self, now: str, wanted: str, empty: bool = True) -> str:
        """Where, from the first page, the page of `joined(now, wanted)` is; put up on the first asking.

        Raises Refusal where this suite is unknown, or may not be served, or, unless it may be `empty`, where no painter
        of it has its weights.
        """
        try:
            name = joined(now, wanted)
            if name not in self.open and name != "classroom" and not chosen(name):
                raise ValueError("a visitor names no folder")
            async with self._lock:
                if name not in self.open:
                    page = await anyio.to_thread.run_sync(Context().run, asyncio.run, self._page(name, empty))
                    await self._mount(page, path := f"with/{re.sub(r'[^a-z0-9.-]+', '_', name)}/")
                    self.open[name] = path
        except Refusal:
            raise
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

    async def _page(self, name: str, empty: bool) -> gr.Blocks:
        """Drawn while a loop of its own runs: where none does, Gradio opens one and never closes it."""
        suite = self._admit(name)
        if not empty and len(missing(self.engine, suite.name)) == len(LANES):
            raise Refusal("suites.refused" if self.public else "suites.lost")
        return build(self.engine, suite.name, not self.public or "safety" not in suite.parts, self)

    async def _mount(self, page: gr.Blocks, path: str) -> None:
        if self.front is None:
            raise ValueError("no page was launched yet, so no other can stand beside it")
        gr.mount_gradio_app(self.front, page, f"/{path.rstrip('/')}", **options())
        mount = self.front.routes.pop()
        self.front.routes.insert(0, mount)  # before the route that answers links to what is not open yet
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_live(mount.app, started))
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


def _lost(up: str, key: str) -> Response:
    """A page that says in every language why there is nothing, and leads `up` to the first one."""
    said = (f'<p lang="{language}">{say(key, language)} <a href="{up}">{say("suites.first", language)}</a></p>'
            for language in LANGUAGES)  # fmt: skip
    look = "max-width: 36em; margin: 15vh auto; padding: 0 24px; font: 16px/1.5 Newsreader, serif"
    head = (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Quartet</title>'
    )
    return HTMLResponse(
        f'{head}<meta name="color-scheme" content="light dark"><body style="{look}">{"".join(said)}', 404
    )
