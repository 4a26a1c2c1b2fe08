"""Receipts: a picture that carries its whole run, so that anyone can see how it was made and make it again.

    note = receipt(engine, run, index=0, verdict=None)     # of a run of the engine that is over
    save("cat.png", picture, note)                         # (H, W, 3) uint8; several notes for a sheet or postcard
    found = read("cat.png")                                # ours, or the A1111 text of others: plain data, not trusted
    for again in rerun(found, engine): print(again.most, again.mean)

A receipt is one JSON object in a PNG's iTXt chunk `quartet`, versioned and lossless; beside it stands the `parameters`
text that other tools read.  On a sheet each receipt names its `box`: left, top, width, height, a whole multiple of
the picture painted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lab.record import a1111
from lab.record.machine import fingerprint, machine, part_hashes
from lab.record.plain import VERSION, NotAReceipt, bounded, check, pack, plain, unpack
from lab.record.png import MOST, PIXELS, SHEET, encode_png, read_png, write_whole, written
from models.engine import Engine, Run
from models.protocol import Prompt, Request

__all__ = [
    "VERSION", "Again", "NotAReceipt", "Record", "bounded", "encode", "fits", "of_request", "read", "receipt",
    "request", "rerun", "save",
]  # fmt: skip

Receipt = dict[str, Any]
DECIDES = ("sampler", "suite", "prompt", "seeds", "knobs", "exact", "stop", "cut", "step")  # what a run paints


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What a picture file says of itself.  Exactly one of `receipts` and `settings` is filled, or neither."""

    image: np.ndarray  # (H, W, 3) uint8
    receipts: tuple[Receipt, ...] = ()
    parameters: str = ""  # the A1111 text as it stands in the file
    settings: Mapping[str, str] = field(default_factory=dict)  # that text taken apart, where there is no receipt


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """A picture painted once more from its receipt, beside the one in the file; differences of 0 to 255."""

    receipt: Receipt
    kept: np.ndarray  # (H, W, 3) uint8, from the file
    painted: np.ndarray
    most: int
    mean: float
    changed: tuple[str, ...]  # what is no longer as it was: part hashes, versions, device, threads
    run: Run


def receipt(engine: Engine, run: Run, index: int = 0, verdict: Any = None, box: Sequence[int] | None = None) -> Receipt:
    """The receipt of picture `index` of a run that left a picture; `verdict` is plain data."""
    if run.request is None or run.newest is None or run.newest.glance:
        raise ValueError(f"run {run.id} is {run.state} and left no picture; wait for its end, or look at it")
    meters, frame = run.meters, run.newest
    timings = {
        "seconds": meters.device, "looks": meters.served - meters.device, "evals": meters.evals, "rows": meters.rows,
        "workspace": meters.workspace,
    }  # fmt: skip
    cut = frame.i < frame.n  # by a budget, or by whoever stopped it
    done = {"step": [frame.i, frame.n], "cut": cut, "facts": dict(frame.facts), "timings": timings}
    height, width = frame.images.shape[1:3]
    where = [int(side) for side in box or (0, 0, width, height)]
    return of_request(engine, run.request) | plain({**done, "index": index, "box": where, "verdict": verdict})


def of_request(engine: Engine, request: Request) -> Receipt:
    """What a request says of itself before it has run: all that painting it again needs."""
    if request.start is not None:
        raise ValueError("start is a State; a receipt holds whole runs: paint from the first step, or save the State")
    prompt = request.prompt
    asked = {
        "text": prompt.text, "negative": prompt.negative, "more": [list(pair) for pair in prompt.more],
        "image": pack(prompt.image), "mask": pack(prompt.mask),
    }  # fmt: skip
    about = {
        "quartet": VERSION, "made": datetime.now(UTC).isoformat(timespec="seconds"), "sampler": request.sampler,
        "suite": request.suite, "prompt": asked, "seeds": list(prompt.seeds), "knobs": request.knobs.to_dict(),
        "exact": request.exact, "budget": request.budget, "stop": request.stop,
        "parts": part_hashes(engine, request),
    }  # fmt: skip
    return plain({**about, **machine(engine, request.exact)})


def request(note: Receipt, engine: Engine, client: str = "rerun") -> Request:
    """The request that paints the picture of a receipt again.  ValueError where this engine cannot, and why."""
    check(note)
    if note["sampler"] not in engine.samplers:
        raise ValueError(f"sampler is {note['sampler']!r}; this engine has {sorted(engine.samplers)}")
    asked, stop = note["prompt"], note["step"][0] if note["cut"] else note["stop"]
    more = tuple((text, float(weight)) for text, weight in asked["more"])
    images = {name: unpack(asked[name]) for name in ("image", "mask")}
    prompt = Prompt(asked["text"], asked["negative"], tuple(note["seeds"]), more, **images)
    knobs = engine.samplers[note["sampler"]].knobs.from_dict(note["knobs"])
    return Request(note["sampler"], prompt, knobs, note["suite"], client, exact=note["exact"], stop=stop)


def fits(notes: Receipt | Sequence[Receipt], shape: Sequence[int] = (1, 1)) -> bool:
    """Whether a file can carry receipts, on a picture of `shape` (H, W), so that it is read back.

    One that holds a large picture to start from may be too long; so may many, and a sheet of many be too large.
    """
    notes = [notes] if isinstance(notes, Mapping) else list(notes)
    return len(notes) <= SHEET and len(written(notes).encode()) <= MOST and shape[0] * shape[1] <= PIXELS


def encode(image: np.ndarray, notes: Receipt | Sequence[Receipt]) -> bytes:
    """A PNG with its receipt, or those of all pictures on it.  ValueError where they are longer than is read back."""
    notes = [check(note) for note in ([notes] if isinstance(notes, Mapping) else notes)]
    texts = [a1111.write(note, fingerprint(note), image.shape[:2]) for note in notes]
    return encode_png(image, notes, "\n\n".join(texts))


def save(file: str | Path, image: np.ndarray, notes: Receipt | Sequence[Receipt]) -> Path:
    """Write `encode(image, notes)`: whole, or not at all."""
    return write_whole(Path(file), encode(image, notes))


def read(file: str | Path) -> Record:
    """What `file` says of itself.  NotAReceipt (a ValueError) where it is no picture, or what it says is broken."""
    image, notes, parameters = read_png(Path(file))
    receipts = tuple(check(note) for note in notes)
    settings = a1111.read(parameters) if parameters and not receipts else {}
    return Record(image, receipts, parameters, settings)


def rerun(
    file: str | Path | Record, engine: Engine, client: str = "rerun", watch: Callable[[Run], Any] = lambda run: None
) -> Iterator[Again]:
    """Paint every picture of `file` again, run by run, and compare.  Raises what the painting raises.

    `watch` is told of each run as it is submitted, for whoever may want to cancel it.  Pictures of one run that stand
    one after another, as on a sheet, are painted together as they were.
    """
    found = file if isinstance(file, Record) else read(file)
    if not found.receipts:
        raise NotAReceipt("this picture carries no receipt of ours; only pictures saved here can be painted again")
    before: Receipt = {}
    for note in found.receipts:
        if any(note[name] != before.get(name) for name in DECIDES):
            wanted = request(note, engine, client)
            run = engine.submit(wanted, keep=(-1,))  # it tells what was enlarged
            watch(run)
            engine.wait(run)
            if run.newest is None or run.state != "done":
                raise run.error or RuntimeError(f"the run was {run.state}")
            before, now = note, of_request(engine, wanted)
        painted = run.newest.images[note["index"]]
        kept = _cut_out(found.image, note["box"], painted.shape[:2])
        apart = np.abs(kept.astype(np.int16) - painted.astype(np.int16))
        yield Again(note, kept, painted, int(apart.max()), float(apart.mean()), _changed(note, now), run)


def _cut_out(sheet: np.ndarray, box: Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """The picture in `box`, every m-th pixel where it stands m times as large."""
    left, top, width, height = box
    part = sheet[top : top + height, left : left + width]
    times = max(1, height // shape[0])
    small = part[times // 2 :: times, times // 2 :: times]
    if small.shape[:2] != shape:
        raise ValueError(f"box is {list(box)}; the picture painted is {shape[1]} x {shape[0]}: not a whole multiple")
    return small


def _changed(then: Receipt, now: Receipt) -> tuple[str, ...]:
    """Names of what may explain a difference."""
    names = {kind: dict.fromkeys([*now[kind], *then[kind]]) for kind in ("parts", "versions")}
    found = [f"part {name}" for name in names["parts"] if now["parts"].get(name) != then["parts"].get(name)]
    found += [name for name in names["versions"] if now["versions"].get(name) != then["versions"].get(name)]
    return tuple(found + [name for name in ("device", "threads", "platform") if now[name] != then[name]])
