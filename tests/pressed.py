"""The whole page without a browser: its events pressed with the values that stand in its controls."""

import asyncio
import base64
import io
from types import SimpleNamespace

import gradio as gr
import numpy as np
from PIL import Image

from lab.ui import build
from lab.ui.words import WORDS

VISITOR = SimpleNamespace(session_hash="a", query_params={})


class Page:
    """The whole page, and what its events do with the values that stand in its controls."""

    def __init__(self, engine):
        self.engine = engine

        async def inside():  # in a loop, which Gradio would else open and leave open
            return build(engine, "classroom")

        self.blocks = asyncio.run(inside())

    def block(self, name):
        (found,) = [block for block in self.blocks.blocks.values() if getattr(block, "elem_id", None) == name]
        return found

    def buttons(self, key):
        """Those whose word is `key`."""
        return [block for block in self.blocks.blocks.values()
                if isinstance(block, gr.Button) and block.value == WORDS[key][0]]  # fmt: skip

    def event(self, block, name="click"):
        block = self.block(block) if isinstance(block, str) else block
        (found,) = [event for event in self.blocks.fns.values() if (block._id, name) in event.targets and event.fn]
        return found

    def values(self, event, changes=()):
        """What stands in the event's controls; `changes` pairs a control, or its place, with another value."""
        values = [block.value for block in event.inputs]
        for which, value in changes:
            values[which if isinstance(which, int) else event.inputs.index(which)] = value
        return values

    def press(self, block, name="click", changes=(), asked=(VISITOR,)):
        event = self.event(block, name)
        return event.fn(*asked, *self.values(event, changes))


def pixels(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def last(stream):
    *_, value = stream
    return value
