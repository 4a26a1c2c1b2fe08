"""How the page's events run.  None of them shows Gradio's own progress, and none is an endpoint for programs."""

from __future__ import annotations

from typing import Any

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
SILENT = QUIET | {"queue": False}  # over at once, so that it waits for nobody's race
STREAM = QUIET | {"concurrency_limit": None, "trigger_mode": "multiple"}  # told bit by bit, to all visitors at once
