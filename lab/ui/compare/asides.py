"""What CLIP and the judge say of the lanes of a race that are done, while the others paint on: nobody waits for it."""

from __future__ import annotations

import time

from lab.measure.appraise import asked, said
from lab.race import Event, small_of
from lab.race.needs import need_of
from lab.ui.stage.news import News, of_appraisal
from lab.ui.visits import Visit
from models.engine import Engine, EngineStopped, Run


class Asides:
    """Asks CLIP and the judge about every lane that is done, and tells what they found as it comes in."""

    def __init__(self, engine: Engine, suite: str, visit: Visit):
        self.engine, self.suite, self.visit = engine, suite, visit
        self.open: dict[str, tuple[Run, float]] = {}  # by lane: who looks at it, and since when

    def hear(self, event: Event) -> None:
        """Have a lane looked at that has come to its end."""
        run = self.visit.race.runs.get(event.lane)
        if event.state == "done" and run.newest is not None and run.tokens is not None:
            text = self.visit.race.prompt.text
            looks = asked(self.engine, self.suite, text, small_of(run), run.tokens)
            self.open[event.lane] = looks, time.perf_counter()

    def news(self) -> list[News]:
        """What was found since the last time."""
        race, told = self.visit.race, []
        for lane in [lane for lane, (run, _) in self.open.items() if run.over]:
            run, begun = self.open.pop(lane)
            try:
                found = said(self.engine, self.suite, race.prompt.text, run)
            except EngineStopped:
                continue
            self.visit.marks[lane] = found
            outcome = race.outcomes[lane]
            apart = {"looks": outcome.looks, "waited": outcome.waited, "judged": time.perf_counter() - begun}
            about = {"apart": apart, "workspace": outcome.workspace, "reckoned": 0}
            if not outcome.workspace and (need := need_of(self.engine, race.requests[lane])):  # a CPU does not measure
                about["reckoned"] = need["workspace"]
            told.append(of_appraisal(lane, race.prompt.text, found) | about)
        return told

    def rest(self) -> list[News]:
        """What is still to be found, waited for."""
        for run, _ in self.open.values():
            self.engine.wait(run)
        return self.news()
