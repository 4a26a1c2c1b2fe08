"""A recorded race for the first moment of the page: real, of these very weights, not picked for beauty.

    python -m lab.ui.stage.replay        # records assets/replay/classroom.json anew

It is shown only while the suite's weights are the ones that painted it.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lab.lessons.captions import captions
from lab.lessons.musing import Musing
from lab.measure.appraise import appraise, has_judge
from lab.race import LANES, Race, default_engine, settle
from lab.record.machine import part_hashes
from lab.ui.stage.news import News, merged, of_appraisal, of_event, of_thought, opening
from lab.ui.theme import ASSETS
from models.engine import Engine
from models.protocol import Prompt, Request

FILE = ASSETS / "replay" / "classroom.json"
TEXT, SEED, EVERY = "a large red cat in a meadow", 1, 0.4  # seconds between frames


def load(engine: Engine, suite: str, file: Path = FILE) -> dict[str, Any] | None:
    """The value of a stage that replays the recorded race; None where there is none of these weights."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return told["value"] if told["weights"] == weights(engine, suite) else None
    except (OSError, ValueError, KeyError):
        return None


def weights(engine: Engine, suite: str) -> dict[str, Any]:
    """What the painters' parts are, by the hashes of their files.  Raises where one is missing."""
    wanted = {lane: Request(lane, Prompt(TEXT), settle(engine, lane, None, suite), suite, "replay") for lane in LANES}
    return {lane: part_hashes(engine, request) for lane, request in wanted.items()}


def record(engine: Engine, suite: str, file: Path = FILE) -> int:
    """Run the race, write it down; gives the bytes written."""
    captions(engine, suite)
    for _ in Race(engine, suite, TEXT, SEED, client="replay"):  # loading is no part of it
        pass
    race = Race(engine, suite, TEXT, SEED, every=EVERY, client="replay", blind=("unclip",))
    news, last, musing = [], 0.0, None
    news.append(opening(race, engine, suite, "", has_judge(engine, suite)) | {"replay": True})
    for event in race:
        last = event.time
        pictures = [] if event.frame is None else [_small(image) for image in event.frame]
        news += merged([of_event(event) | {"images": pictures}])
        if musing is None and "unclip" in race.runs:
            musing = Musing(engine, suite, race.runs["unclip"])
        if musing is not None and (thought := musing.news()) is not None:
            news.append(of_thought("unclip", last, *thought))
        if event.state == "done":
            run = race.runs[event.lane]
            news.append(of_appraisal(event.lane, TEXT, appraise(engine, suite, TEXT, run.newest.images, run.tokens)))
    news.append({"kind": "over", "time": round(last, 3), "keep": False})
    value = {"race": 0, "news": {str(k): item for k, item in enumerate(_fewer(news))}}
    file.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"weights": weights(engine, suite), "value": value}, ensure_ascii=False, separators=(",", ":"))
    file.write_text(told, encoding="utf-8")
    return len(told)


def _fewer(news: list[News]) -> list[News]:
    """Without the news between two pictures of a lane: their evaluations go to the next that shows something."""
    found: list[News] = []
    waiting: dict[str, list[Any]] = {}
    for item in news:
        if item["kind"] == "lane":
            dots = waiting.pop(item["lane"], []) + item["dots"]
            if not item["images"] and item["state"] in ("queued", "running"):
                waiting[item["lane"]] = dots
                continue
            item = item | {"dots": dots}
        found.append(item)
    return found


def _small(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "webp", quality=88)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    ENGINE = default_engine("classroom").start()
    print(f"{record(ENGINE, 'classroom')} bytes: {FILE}")
    ENGINE.stop()
