"""What each painter needs, and which weights it could run on: ready, to be fetched, or not possible here and why.

Where the page is not public, what can be fetched is fetched here, and what is ready gets a page of its own.
Other machines may look on: a fetch fills this one's disk and line, so whoever sits here begins and stops it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import gradio as gr

from lab.race import LANES, settle
from lab.race.choices import chosen
from lab.race.fetching import Progress
from lab.race.needs import need_of
from lab.race.painters import plan, precision
from lab.race.suites import Machine, Row, availability
from lab.ui.acts import Refusal
from lab.ui.events import QUIET, STREAM
from lab.ui.said import piece, sentence, would
from lab.ui.theme import asset
from models.engine import Engine
from models.hub.refuse import Refused
from models.hub.store import ByHand
from models.hub.trouble import NotFetched
from models.protocol import Prompt, Request

if TYPE_CHECKING:
    from lab.ui.switch import Switch

LICENCES = {  # what a licence asks, in a key of words
    "MIT": "free", "mit": "free", "apache-2.0": "free", "creativeml-openrail-m": "rail", "openrail++": "rail",
    "Stability AI licence": "stability", None: "unknown",
}  # fmt: skip
PACE = 0.4  # seconds between two tellings of a fetch
Shown = dict[str, Any]


def draw(engine: Engine, suite: str, tab: gr.Tab, switch: Switch | None = None) -> None:
    """The table below the parts; it looks anew whenever the tab is opened."""

    async def paint(asked: list[Any]) -> Shown:  # Gradio marks what the browser may call, and a method bears no marks
        return await way(switch, suite, str(asked[0]))

    def halt(asked: list[Any], request: gr.Request) -> None:
        if switch is not None and near(request):
            switch.fetching.stop()

    def begin(event: gr.EventData, request: gr.Request) -> Iterator[Shown]:
        yield from fetch(engine, suite, switch, str(event.suite), event.accepted is True, near(request))

    def look(request: gr.Request) -> Iterator[Shown]:
        yield from follow(engine, suite, switch, near(request))

    table = gr.HTML(
        None,
        html_template='<div class="suites"></div>',
        js_on_load=asset("js/suites.js"),
        server_functions=[paint, halt],
        apply_default_css=False,
        elem_id="suites",
    )
    tab.select(look, None, table, concurrency_limit=None, **QUIET)
    table.bring(begin, None, table, **STREAM)


def near(request: gr.Request) -> bool:
    """Whether who asks sits at this machine; one behind a proxy is where the proxy says, or else where that is."""
    try:
        address = ip_address(request.client.host)
    except (AttributeError, ValueError):  # a socket of this machine's own has no address, nor has a stranger's
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def report(engine: Engine, suite: str, switch: Switch | None = None, here: bool = False) -> Shown:
    """Plain data for the page: the suite that runs, what each painter needs with it, and a row for every choice.

    `here`: for somebody at this machine, who may fetch.
    """
    machine = Machine.here(engine.registry.device.type)
    rows = [row | {"licences": [_licence(*one) for one in row["licences"]]} for row in availability(machine)]
    return {
        "suite": suite, "device": machine.device, "needs": _needs(engine, suite), "line": None,
        "rows": [row | {"here": _here(suite, row), "acts": _acts(suite, row, switch, here)} for row in rows],
        "far": switch is not None and not switch.public and not here,
        "fetch": told(switch.fetching.now) if switch and switch.fetching.busy else None,
    }  # fmt: skip


async def way(switch: Switch | None, suite: str, wanted: str) -> Shown:
    """Where the page is that paints with `wanted`: `path` from the first page, and the way `up` to that; or a line."""
    try:
        if switch is None:
            raise Refusal("suites.refused")
        return {"up": up(switch, suite), "path": await switch.path(suite, wanted)}
    except Refusal as refusal:
        return {"line": sentence(refusal.key, **refusal.values)}


def fetch(
    engine: Engine, suite: str, switch: Switch | None, wanted: str, accepted: bool, here: bool = False
) -> Iterator[Shown]:
    """Fetch what a row lacks, and tell how it goes; a sentence where that is refused or fails."""
    now = report(engine, suite, switch, here)
    rows = [row for row in now["rows"] if row["suite"] == wanted and "fetch" in row["acts"]]
    if switch is None or not rows:
        yield now | {"line": sentence("suites.far" if now["far"] else "suites.refused")}
    elif not accepted:
        yield now | {"line": sentence("suites.unaccepted")}
    else:
        table = plan(wanted, precision(wanted, now["device"]))
        begun = switch.fetching.begin(wanted, {name: table[name] for name in rows[0]["missing"]})
        yield from follow(engine, suite, switch, here, None if begun else sentence("suites.busy"), begun)


def follow(
    engine: Engine, suite: str, switch: Switch | None, here: bool = False, line: Any = None, begun: bool = False
) -> Iterator[Shown]:
    """The page's data, and again while a fetch goes on, whoever began it; at its end with how it went."""
    now = report(engine, suite, switch, here)
    yield now | {"line": line}
    if now["fetch"] is None and not begun:  # one that was begun may be over by now
        return
    while switch.fetching.busy:
        time.sleep(PACE)
        yield now | {"line": line, "fetch": told(switch.fetching.now)}
    if switch.fetching.now.state == "done":
        switch.renew()
    yield report(engine, suite, switch, here) | {"line": ending(switch.fetching.now)}


def told(now: Progress) -> Shown:
    """A fetch as plain data."""
    return {
        "suite": now.suite, "part": piece(now.parts[now.nth]), "nth": now.nth + 1, "of": len(now.parts),
        "file": now.file, "done": now.done, "total": now.total, "state": now.state,
    }  # fmt: skip


def ending(now: Progress) -> Any:
    """How a fetch ended, in a sentence."""
    if isinstance(now.error, NotFetched):
        return sentence(f"fetch.{now.error.kind}", **now.error.facts)
    if isinstance(now.error, Refused):
        return sentence("fetch.foul", file=now.error.file.name)
    if isinstance(now.error, ByHand):
        return sentence("fetch.byhand", part=piece(now.parts[now.nth]))
    if isinstance(now.error, ValueError):
        return sentence("fetch.wrong", part=piece(now.parts[now.nth]), why=str(now.error))
    return sentence("fetch.broken" if now.error else f"fetch.{now.state}", suite=now.suite)


def up(switch: Switch, suite: str) -> str:
    """From the page of `suite` to the first page."""
    return "../" * switch.open.get(suite, "").count("/")


def _here(suite: str, row: Row) -> bool:
    """Whether the page of `suite` paints with a row."""
    return row["suite"] == suite or row["suite"].partition(":")[2] in chosen(suite).values()


def _acts(suite: str, row: Row, switch: Switch | None, here: bool) -> list[str]:
    """What the page may do with a row: paint with it, fetch what it lacks, both, or nothing."""
    if switch is None or row["state"] == "impossible":
        return []
    paints = row["state"] == "ready" and not _here(suite, row) and switch.offers(suite, row["suite"])
    return ["paint"] * paints + ["fetch"] * bool(row["missing"] and here and not switch.public)


def _needs(engine: Engine, suite: str) -> list[dict[str, Any]]:
    """Of every painter that has its weights: what one picture at its settings will need in memory."""
    prompt = Prompt("", seeds=(0,))
    asked = {lane: Request(lane, prompt, settle(engine, lane, None, suite), suite, "needs") for lane in LANES}
    found = {lane: need_of(engine, request) for lane, request in asked.items()}
    return [{"lane": lane, **need, "would": would(need["would"])} for lane, need in found.items() if need is not None]


def _licence(repo: str, licence: str | None) -> dict[str, str]:
    return {"repo": repo, "name": licence or "", "means": f"licence.{LICENCES.get(licence, 'unknown')}"}
