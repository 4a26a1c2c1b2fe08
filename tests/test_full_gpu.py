"""Full-size networks with random weights on an accelerator, served as there: what was predicted is what they need."""

import pytest
import torch
from transformers import CLIPTokenizer

from lab.measure.bench.made_up import write_schedules
from lab.race import LANES, SAMPLERS
from lab.race.painters import BUCKETS, budget_of, samplers_of
from models import loaders
from models.catalog.full import full
from models.engine import Engine
from models.loaders.blank import made_up
from models.protocol import Prompt, Request
from models.registry import Registry
from tests.tinyclip import write_tokenizer
from tests.tinyhub import hub

CHOSEN = [*((lane, ()) for lane in LANES), ("unclip", ("kandinsky-2.2",))]
FEW = {"latent": 3, "pixel": 3, "vqgan_clip": 2, "unclip": 3}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    write_tokenizer(folder, 77)
    return CLIPTokenizer.from_pretrained(folder)


def served(table, lane, device="cpu", **how):
    """An engine as an app serves `table` with: within a budget, padded to buckets, under guard; and what is asked."""
    budget = budget_of(device) if device == "cuda" else 10**12
    registry = Registry([table], budget, device, weigh=loaders.expect, threads=False, **how)
    knobs = SAMPLERS[lane].knobs(**{**table.knobs.get(lane, {}), "steps": FEW[lane]})
    request = Request(lane, Prompt("a red cat", seeds=(1,)), knobs, table.name, "test")
    return Engine(registry, samplers_of(table), buckets=BUCKETS), request


def painted(running, request):
    run = running.submit(request)
    running.wait(run)
    assert run.error is None, run.trace
    assert "safety" in {note.target for note in run.evals}
    return run


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("lane", "chosen"), CHOSEN)
def test_need_is_predicted_within_a_tenth(lane, chosen, dtype, tokenizer, tmp_path):
    table = full(*chosen, root=tmp_path, dtype=dtype)
    write_schedules([table])

    def random(part):
        net = made_up(part)
        if part.kind == "clip":
            net.tokenizer = tokenizer
        return net

    running, request = served(table, lane, "cuda", read=random)
    need = running.forecast(request)
    assert "safety" in need.parts
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    painted(running, request)
    measured = running._core.server.workspace
    assert {rows for _, rows in measured} <= set(BUCKETS)
    most = need.weights + max(measured.values())
    assert torch.cuda.memory_allocated() - before == pytest.approx(need.weights, rel=0.02)
    assert most == pytest.approx(need.need, rel=0.1), f"{measured} against {need.targets}"


@pytest.mark.parametrize("chosen", [(), ("kandinsky-2.2",)], ids=",".join)
def test_what_is_asked_there_runs_here_on_tiny_networks(chosen):
    """In the half precision of a GPU that has bfloat16, with the settings of the full-size ones."""
    table = full(*chosen, root=hub(), dtype="bfloat16")
    assert {"float32", "float16", "bfloat16"} >= {part.dtype for part in table.parts.values()} > {"float32"}
    for lane in ("unclip",) if chosen else ("latent", "pixel", "unclip"):
        assert torch.isfinite(painted(*served(table, lane)).result).all()
