"""While the prior thinks there is no picture to see; but there is something to read: what its thought is nearest to.

For a panel that follows a run without holding it up: nothing here waits.  The run keeps its States, the engine brings
the newest candidates into CLIP's units in passing, and the captions nearest to one of them are told.
"""

from __future__ import annotations

from lab.lessons.captions import CLIENT, Near, ready
from lab.lessons.prior import FINISH
from models.engine import Engine, Run
from models.protocol import ask


class Musing:
    """Follows the prior of an unCLIP run from now on; silent where the captions are not embedded yet."""

    def __init__(self, engine: Engine, suite: str, run: Run):
        self.engine, self.suite, self.run, self.known = engine, suite, run, ready(engine, suite)
        knobs = run.request.knobs
        self.steps = knobs.prior_steps if self.known and knobs.embedding == "prior" else 0
        self.begun, self._asked = 0, None  # the newest step that was asked about, and the run that will tell
        run.keep_state(*range(1, self.steps + 1))

    def news(self) -> tuple[int, tuple[Near, ...]] | None:
        """A step of the prior and the captions nearest to the first picture's thought; None where nothing is new."""
        told, asked = None, self._asked
        if asked is not None and asked.over:
            self._asked = None
            if asked.state == "done":
                # of all candidates the one that means something most clearly
                told = self.begun, max(self.known.near(asked.result), key=lambda near: near[0].cosine)
        fresh = [i for i in list(self.run.states) if self.begun < i <= self.steps]
        if fresh and self._asked is None:
            self.begun = max(fresh)
            painting = ask("finish", self.run.states[self.begun].x["x"][0])
            self._asked = self.engine.play(painting, {"finish": FINISH}, client=CLIENT, suite=self.suite)
        return told
