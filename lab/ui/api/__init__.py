"""The painters and their race for programs: named, typed endpoints that stream, for `gradio_client` and plain HTTP.

    from gradio_client import Client
    for news, looks, files in Client("http://127.0.0.1:7860").submit("a red cat in the snow", api_name="/latent"):
        print(news["painter"], news["state"], news["i"], "of", news["n"], files)

`/latent`, `/pixel`, `/vqgan_clip` and `/unclip` take the knobs of their painter by name; `/race` takes them by painter.
Pictures are sent as `image=handle_file("cat.png")`: `/latent` paints over one (`strength`), or where `mask` is white,
`/vqgan_clip` begins with one, `/unclip` paints variations of one.  `language="zh"` has errors said in Chinese;
`exact=True` paints the same bits whoever else paints.
What is yielded: `news` (painter, state, step `i` of `n`, device seconds, evaluations, facts, note), `looks` (how its
pictures look, data URLs, seen at step `shown`) and `files`: PNGs with their receipts, of every painter that is done, so
all of them in the last yield.  To cancel a job, or to leave, ends its runs within one Eval.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.utils import get_upload_folder

from lab.measure.appraise import appraise
from lab.race import LANES, OVER, SAMPLERS, Event, Race, settle, small_of
from lab.record import receipt, save
from lab.ui.acts import Refusal
from lab.ui.api import asked as asking
from lab.ui.api.asked import Common, Told, Whole, named, refusal, sign, typed
from lab.ui.api.pictures import TAKES, opened
from lab.ui.stage.news import note, picture
from lab.ui.words import LANGUAGES, say
from models.engine import Engine, EngineStopped
from models.protocol import Prompt


class Api:
    """The endpoints on one suite of one engine; add them inside `gr.Blocks`."""

    def __init__(self, engine: Engine, suite: str):
        self.engine, self.suite = engine, suite
        self._lock = threading.Lock()
        self._races: dict[str, set[Race]] = {}  # by client

    def add(self) -> None:
        """`/latent`, `/pixel`, `/vqgan_clip`, `/unclip` and `/race`."""
        for lane in LANES:
            gr.api(self._painter(lane), api_name=lane)
        gr.api(self._all(), api_name="race")

    def leave(self, request: gr.Request) -> None:
        """The client is gone: end what it had painted."""
        with self._lock:
            races = list(self._races.get(request.session_hash or "", ()))
        for race in races:
            race.stop()

    def _painter(self, lane: str) -> Callable[..., AsyncIterator[Told]]:
        own, base = named(SAMPLERS[lane].knobs), settle(self.engine, lane, None, self.suite)
        takes = dict.fromkeys(TAKES.get(lane, ()), (gr.FileData | None, None))

        async def paint(*given: Any) -> AsyncIterator[Told]:
            asked = dict(zip(names, given, strict=False))
            settings = {spec.name: asked[name] for name, spec in own.items()}
            more = {"lanes": [lane], "knobs": {lane: settings}, "pictures": {name: asked[name] for name in takes}}
            async for told in self._stream(given[-1], asked | more):
                yield told

        names = sign(paint, takes | {name: (typed(spec), getattr(base, spec.name)) for name, spec in own.items()})
        paint.__doc__ = f"Paint a sentence with {lane}, step by step."
        return paint

    def _all(self) -> Callable[..., AsyncIterator[Told]]:
        async def race(*given: Any) -> AsyncIterator[Told]:
            """Paint one sentence with several painters side by side; `knobs` holds their settings by painter."""
            async for told in self._stream(given[-1], dict(zip(names, given, strict=False))):
                yield told

        more = {"lanes": (list[Literal[LANES]], list(LANES)), "knobs": (dict[str, dict[str, Any]], {})}
        names = sign(race, more | {"enlarge": (bool, False)})
        return race

    async def _stream(self, request: gr.Request, asked: Mapping[str, Any]) -> AsyncIterator[Told]:
        visitor, looks, files, troubles = request.session_hash or "", {}, [], []
        language = asked["language"] if asked["language"] in LANGUAGES else LANGUAGES[0]
        with self._enter(visitor, await asyncio.to_thread(self._race, visitor, asked, language)) as race:
            async for event in _events(race):
                if event.state == "done":
                    files = files + await asyncio.to_thread(self._keep, race, event.lane)
                elif event.state in OVER and event.state != "cancelled":
                    troubles.append(_trouble(event, language))
                if event.frame is not None:
                    looks[event.lane] = [picture(image) for image in event.frame]
                yield self._told(race, event, language), looks.get(event.lane, []), files
            if troubles and not files:
                raise refusal("; ".join(troubles))

    def _race(self, visitor: str, asked: Mapping[str, Any], language: str) -> Race:
        """The race that was asked for.  gr.Error names value, what is allowed, and what to do."""
        try:
            kind = Whole if "enlarge" in asked else Common
            common = kind(**asking.values_of(kind, {spec.name: asked[spec.name] for spec in kind.specs()}))
            lanes = asking.lanes_of(asked["lanes"])
            knobs = asking.knobs_of(asked["knobs"], lanes)
            given = opened(self.engine, self.suite, lanes[0], knobs.get(lanes[0], {}), asked.get("pictures", {}))
            if lanes == ["unclip"]:
                knobs = {"unclip": _variations(knobs.get("unclip", {}), bool(given))}
            wordless = lanes == ["unclip"] and given  # variations of a picture need no sentence
            text, negative = asking.text_of("prompt", asked["prompt"], 0 if wordless else 1), asked["negative"]
            seeds = tuple(range(common.seed, common.seed + common.count))
            prompt = Prompt(text, asking.text_of("negative", negative, 0), seeds, **given)
            return Race(
                self.engine, self.suite, lanes=lanes, knobs=knobs, budget=common.budget, client=visitor, prompt=prompt,
                exact=common.exact, enlarge=getattr(common, "enlarge", False),
            )  # fmt: skip
        except Refusal as refused:
            raise refusal(say(refused.key, language, **refused.values)) from refused
        except ValueError as error:
            raise refusal(str(error)) from error

    @contextmanager
    def _enter(self, visitor: str, race: Race) -> Iterator[Race]:
        """A race that ends with the block, or when its client leaves."""
        with self._lock:
            self._races.setdefault(visitor, set()).add(race)
        try:
            yield race
        finally:
            race.stop()
            with self._lock:
                self._races[visitor].discard(race)
                if not self._races[visitor]:
                    del self._races[visitor]

    @staticmethod
    def _told(race: Race, event: Event, language: str) -> dict[str, Any]:
        run = race.runs.get(event.lane)
        return {
            "painter": event.lane, "state": event.state, "i": event.i, "n": event.n, "shown": event.shown,
            "time": round(event.time, 3), "seconds": round(event.seconds, 4), "evals": run.meters.evals if run else 0,
            "facts": dict(event.facts), "note": asking.remark(event, run, language),
        }  # fmt: skip

    def _keep(self, race: Race, lane: str) -> list[dict[str, Any]]:
        """The pictures of a lane that is done, as files with receipts, where Gradio serves and later deletes them."""
        run, kept, folder = race.runs[lane], [], Path(get_upload_folder()) / secrets.token_hex(16)
        try:
            found = appraise(self.engine, self.suite, race.prompt.text, small_of(run), run.tokens)
        except EngineStopped:
            found = None
        for index, (seed, image) in enumerate(zip(race.prompt.seeds, run.newest.images, strict=True)):
            verdict = None if found is None else found.verdict(index)
            file = save(folder / f"{lane}-{seed}.png", image, receipt(self.engine, run, index, verdict))
            kept.append(gr.FileData(path=str(file)).model_dump())
        return kept


def _variations(knobs: dict[str, Any], given: bool) -> dict[str, Any]:
    """A picture is given to unCLIP to paint variations of.  Raises Refusal where one is wanted and none given."""
    if given:
        return knobs | {"embedding": "image"}
    if knobs.get("embedding") == "image":
        raise Refusal("api.say.needs", name="unclip: embedding", value="'image'", other="image")
    return knobs


def _trouble(event: Event, language: str) -> str:
    said = note(event)
    why = say(said["key"], language, **said["values"]) if said else ""
    return say("api.say.ended", language, painter=event.lane, why=why, note=event.note)


async def _events(race: Race) -> AsyncIterator[Event]:
    """What a race tells, read on a thread of its own: to wait for it here can be cancelled at any moment."""
    loop, heard = asyncio.get_running_loop(), asyncio.Queue()

    def say(item: Event | Exception | None) -> None:
        with suppress(RuntimeError):  # the server has gone, and its loop with it
            loop.call_soon_threadsafe(heard.put_nowait, item)

    def read() -> None:
        try:
            for event in race:
                say(event)
            say(None)
        except Exception as error:
            say(error)

    threading.Thread(target=copy_context().run, args=(read,), name="quartet-api", daemon=True).start()
    while (item := await heard.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item
