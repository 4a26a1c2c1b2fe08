"""`quartet serve`: the app."""

from __future__ import annotations

import importlib
import os
from typing import Annotated

import typer

from lab.cli.common import DeviceOption, SuiteOption, failing


def serve(
    suite: SuiteOption = "classroom",
    device: DeviceOption = None,
    host: Annotated[str | None, typer.Option(help="address to listen at; default: this computer alone")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="default: the first free one from 7860")] = None,
    public: Annotated[bool, typer.Option(help="ask Gradio for a public link as well")] = False,
    safety: Annotated[
        bool, typer.Option("--safety/--no-safety", help="check pictures of the full suite before they are shown")
    ] = True,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="open the page in a browser, where there is one")
    ] = True,
) -> None:
    """Open the app, at http://127.0.0.1:7860 unless told otherwise, and the page in a browser."""
    given = {"GRADIO_SERVER_NAME": host, "GRADIO_SHARE": "true" if public else None}  # Gradio reads its environment
    os.environ.update({name: value for name, value in given.items() if value is not None})
    arguments = ["--suite-root", suite, *(["--device", device] if device else [])]
    arguments += ["--port", str(port)] if port else []
    arguments += ["--public"] * public + ["--no-safety"] * (not safety) + ["--open"] * show
    with failing():
        importlib.import_module("app").main(arguments)  # by name: the app stands above everything here
