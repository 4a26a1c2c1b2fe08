"""The page in two languages: what every component says, so that one event can say all of it in the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from lab.ui.words import LANGUAGES, say

Said = Mapping[str, Any]


class Texts:
    """Components and their texts by property: a key of words.py, or a function of the language."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self.known: list[tuple[gr.components.Component, dict[str, str | Callable[[str], Any]]]] = []

    def __call__(self, kind: type, *args: Any, says: Mapping[str, str | Callable[[str], Any]], **options: Any) -> Any:
        """Make a component of `kind` and remember what it says: `texts(gr.Button, says={"value": "paint"})`."""
        component = kind(*args, **self._said(says, self.language), **options)
        self.known.append((component, dict(says)))
        return component

    @property
    def components(self) -> list[gr.components.Component]:
        return [component for component, _ in self.known]

    def switch(self, language: str) -> list[Any]:
        """An update for each of `components`, in `language`."""
        spoken = language if language in LANGUAGES else "en"
        return [gr.update(**self._said(says, spoken)) for _, says in self.known]

    @staticmethod
    def _said(says: Mapping[str, str | Callable[[str], Any]], language: str) -> Said:
        return {name: text(language) if callable(text) else say(text, language) for name, text in says.items()}
