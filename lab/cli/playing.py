"""Runs as a shell plays them: bars while they go on, and what CLIP and the judge say of what they painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.cli.common import bar

if TYPE_CHECKING:
    from lab.race import Race
    from models.engine import Engine, Run


def follow(race: Race, quiet: bool) -> dict[str, Any]:
    """Play a race to its end under progress bars; its outcomes."""
    bars = {}
    for event in race:
        if event.n and event.lane not in bars:
            bars[event.lane] = bar(event.n, event.lane, quiet)
        if event.lane in bars:
            bars[event.lane].update(event.i - bars[event.lane].n)
    for each in bars.values():
        each.close()
    return race.outcomes


def watcher(engine: Engine, quiet: bool) -> Callable[[Run], None]:
    """`watch(run)` plays one run of an inline engine to its end under a bar of its own."""

    def watch(run: Run) -> None:
        with bar(1, run.request.sampler, quiet) as progress:
            while not run.over:
                engine.turn()
                if run.facts:
                    progress.total = run.facts[-1].n
                    progress.update(run.facts[-1].i - progress.n)

    return watch


def verdicts(engine: Engine, run: Run) -> list[dict[str, Any] | None]:
    """Of each picture of a run: similarity to its sentence, and the judge's marks of its words, where there is one."""
    from lab.measure.appraise import appraise
    from lab.race import small_of

    request, images = run.request, small_of(run)
    if run.tokens is None or not request.prompt.text.strip():
        return [None] * len(images)
    said = appraise(engine, request.suite, request.prompt.text, images, run.tokens)
    return [said.verdict(k) for k in range(len(images))]
