"""Company changes nothing: interleaved, batched, resumed, on threads, in another process."""

import hashlib
import itertools
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lab.race import default_engine
from models.engine.batch import AGAIN, Caps
from models.protocol import Prompt, Request, ask
from tests import tiny, tinysuite

MIXED = [
    {"seeds": (1,)},
    {"seeds": (2, 3), "guidance": 1.0},
    {"seeds": (4,), "steps": 7, "text": "two boats"},
    {"seeds": (5,), "sampler": "optimiser", "steps": 9},
    {"seeds": (6, 7), "sampler": "optimiser"},
    {"seeds": (8,), "size": 12},
    {"seeds": (9,), "guidance": 5.0, "client": "b"},
]


def requests(**more):
    return [tiny.request(**{"client": str(i % 3)} | options | more) for i, options in enumerate(MIXED)]


def alone(**options) -> list[torch.Tensor]:
    """Each request by itself, on an engine of its own."""
    more = {"exact": options.pop("exact")} if "exact" in options else {}
    return [tiny.engine(**options).paint(request) for request in requests(**more)]


def together(start: bool = False, **options):
    """All at once on one engine: pictures and the log of batches."""
    more = {"exact": options.pop("exact")} if "exact" in options else {}
    engine = tiny.engine(**options)
    if start:
        engine.start()
    runs = [engine.submit(request) for request in requests(**more)]
    engine.wait(*runs)
    engine.stop()
    assert [run.state for run in runs] == ["done"] * len(runs), [run.trace for run in runs]
    return [run.result for run in runs], list(engine.log)


def furthest(one, two) -> float:
    return max((a - b).abs().max().item() for a, b in zip(one, two, strict=True))


def test_interleaved_is_alone_bit_for_bit():
    pictures, log = together(exact=True)
    order = [batch.runs[0] for batch in log]
    switches = sum(a != b for a, b in itertools.pairwise(order))
    same = sum(torch.equal(a, b) for a, b in zip(pictures, alone(exact=True), strict=True))
    print(f"\n7 exact runs: {len(log)} batches, {switches} switches between runs; {same} of 7 are alone bit for bit")
    assert all(len(batch.runs) == 1 for batch in log)
    assert switches > len(log) / 2
    assert same == 7


@pytest.mark.parametrize("start", [False, True], ids=["inline", "thread"])
def test_batched_is_alone_bit_for_bit_in_the_same_bucket_whoever_the_neighbours(start):
    pictures, log = together(start, buckets=(8,), cap=8)
    evals = sum(len(batch.runs) for batch in log)
    same = sum(torch.equal(a, b) for a, b in zip(pictures, alone(buckets=(8,), cap=8), strict=True))
    print(f"\n{evals} Evals in {len(log)} batches, {'on a thread' if start else 'inline'}; {same} of 7 as alone")
    assert len(log) < evals / 1.5
    assert same == 7


def test_across_buckets_1e_9_in_float64_and_whatever_float32_gives():
    differences = {}
    for dtype in (torch.float64, torch.float32):
        options = {"dtype": dtype}
        differences[dtype] = furthest(together(**options)[0], alone(**options))
    print(f"\nbatched against alone, exact counts: {differences}")
    assert differences[torch.float64] <= 1e-9


def test_large_evals_are_split_by_rows():
    wide = tiny.request(seeds=tuple(range(11)), steps=2)
    engine = tiny.engine(cap=4, dtype=torch.float64)
    pictures = engine.paint(wide)
    assert [batch.rows for batch in engine.log] == [4, 4, 4, 4, 4, 2] * 2 + [4, 4, 3]
    each = [engine.paint(replace(wide, prompt=replace(wide.prompt, seeds=(seed,)))) for seed in range(11)]
    assert furthest(pictures, torch.cat(each)) <= 1e-9


@pytest.mark.parametrize("sampler", ["toy", "optimiser"])
def test_resumed_from_any_step_is_never_stopped(sampler):
    request = tiny.request(sampler, seeds=(1, 2), steps=6)
    engine = tiny.engine()
    run = engine.wait(engine.submit(request, keep=tuple(range(1, 7))))
    assert sorted(run.states) == [1, 2, 3, 4, 5, 6]
    for i, state in run.states.items():
        start = pickle.loads(pickle.dumps(state))
        again = engine.submit(replace(request, start=start))
        assert torch.equal(engine.wait(again).result, run.result), f"from step {i}"
        assert again.meters.steps == 6 - i
    print(f"\n{sampler}: resumed from each of {len(run.states)} pickled States, bit-equal")


def test_a_fork_may_change_its_settings():
    request = tiny.request(steps=6)
    engine = tiny.engine()
    run = engine.wait(engine.submit(request, keep=(3,)))
    fork = replace(request, knobs=replace(request.knobs, guidance=9.0), start=run.states[3])
    assert not torch.equal(engine.paint(fork), run.result)
    assert torch.equal(engine.paint(replace(request, start=run.states[3])), run.result)


def digest(home: str) -> str:
    """SHA-256 of what both toys paint, and VQGAN+CLIP on the tiny suite in the folder `home`."""
    torch.set_num_threads(1)
    pictures = [tiny.engine().paint(tiny.request(name, seeds=(3, 4), exact=True)) for name in tiny.SAMPLERS]
    engine, prompt = default_engine(home), Prompt("a red cat", "blue", seeds=(3, 4))
    knobs = engine.samplers["vqgan_clip"].knobs(steps=3, crops=3, rule="adam")
    pictures.append(engine.paint(Request("vqgan_clip", prompt, knobs, "classroom", "one", exact=True)))
    return " ".join(hashlib.sha256(each.numpy().tobytes()).hexdigest() for each in pictures)


def test_exact_is_bit_equal_in_a_new_process():
    threads, home = torch.get_num_threads(), str(tinysuite.folder())
    try:
        here = digest(home)
    finally:
        torch.set_num_threads(threads)
    code = "import sys; from tests.test_engine_batch import digest; print(digest(sys.argv[1]))"
    root = Path(__file__).resolve().parents[1]
    there = subprocess.run([sys.executable, "-c", code, home], cwd=root, capture_output=True, text=True, check=True)
    pairs = zip(here.split(), there.stdout.split(), strict=True)
    for name, pair in zip((*tiny.SAMPLERS, "vqgan_clip"), pairs, strict=True):
        print(f"\n{name} exact, SHA-256 here and in a new process: {pair[0][:16]}, {pair[1][:16]}")
    assert there.stdout.strip() == here


def test_a_cap_is_the_largest_size_that_is_quick_and_still_gains():
    caps = Caps(quantum=0.25)
    assert caps.join("new") == 8
    for rows, seconds in ((1, 0.028), (2, 0.037), (4, 0.062), (8, 0.123)):  # 8 gains 1 % a row over 4
        caps.note("unet", rows, seconds)
    assert (caps.join("unet"), caps.most("unet")) == (4, 8)
    for rows, seconds in ((2, 0.2), (4, 0.3)):
        caps.note("decode", rows, seconds)
    assert caps.most("decode") == 2
    caps.note("decode", 4, 0.2)  # the shortest time counts
    assert caps.most("decode") == 8
    caps.note("huge", 1, 2.0)
    assert caps.most("huge") == 1


def test_a_busy_moment_does_not_shrink_batches_for_good():
    """Pairs of rows, of which the first came in a busy moment: they are split, and then together again."""
    cost = tiny.Cost(echo=10.0)

    def painting():
        for _ in range(3 * AGAIN):
            yield from ask("echo", torch.zeros(2, 1))
            cost.seconds["echo"] = 0.01
        return "done"

    engine = tiny.engine(clock=cost)
    engine.wait(engine.play(painting(), {"echo": cost.target("echo")}, client="a"))
    rows = [batch.rows for batch in engine.log]
    assert rows[:3] == [2, 1, 1]
    assert rows.count(1) <= AGAIN + 2
    assert set(rows[AGAIN + 8 :]) == {2}


def test_what_is_slow_indeed_is_hardly_ever_tried_again():
    caps, rows = Caps(quantum=0.25), []
    for _ in range(10 * AGAIN):
        rows.append(min(2, caps.most("slow")))
        caps.note("slow", rows[-1], 0.2 * rows[-1])
    assert rows.count(2) <= 11
    for _ in range(2 * AGAIN):  # one row alone is over the quantum: then nothing larger is
        caps.note("huge", 1, 2.0)
        assert caps.most("huge") == 1


def test_batches_hold_rows_of_two_visitors():
    _, log = together()
    shared = [batch for batch in log if len(set(batch.runs)) > 1]
    assert {batch.target for batch in shared} == {"denoise", "decode", "gradient"}
