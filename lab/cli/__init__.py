"""`quartet`: everything the lab does, from a shell.

Exit codes: 0 done, 1 it failed, 2 what was asked for cannot be.  `--json` prints one line that a program can read;
progress goes to standard error, and only where somebody watches.
"""

from lab.cli import measuring, painting, racing, serving, training, weights
from lab.cli.common import app, fail

__all__ = ["app", "fail"]

for command in (
    serving.serve, racing.race, painting.paint, painting.rerun, training.storybook, training.train, measuring.measure,
    measuring.card, measuring.bench, weights.pin, weights.fetch, weights.convert,
):  # fmt: skip
    app.command()(command)
