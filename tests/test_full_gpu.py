"""Full-size networks with random weights on an accelerator: what was predicted is what they need."""

import pytest
import torch
from transformers import CLIPTokenizer

from lab.measure.bench.made_up import write_schedules
from lab.race import LANES, SAMPLERS
from models import loaders
from models.catalog.full import full
from models.engine import Engine
from models.loaders.blank import made_up
from models.protocol import Prompt, Request
from models.registry import Registry
from tests.tinyclip import write_tokenizer

CHOSEN = [*((lane, ()) for lane in LANES), ("unclip", ("kandinsky-2.2",))]
FEW = {"latent": 3, "pixel": 3, "vqgan_clip": 2, "unclip": 3}
pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    write_tokenizer(folder, 77)
    return CLIPTokenizer.from_pretrained(folder)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("lane", "chosen"), CHOSEN)
def test_need_is_predicted_within_a_tenth(lane, chosen, tokenizer, tmp_path):
    table = full(*chosen, root=tmp_path, dtype="float16")
    write_schedules([table])

    def random(part):
        net = made_up(part)
        if part.kind == "clip":
            net.tokenizer = tokenizer
        return net

    knobs = SAMPLERS[lane].knobs(**{**table.knobs.get(lane, {}), "steps": FEW[lane]})
    running = Engine(Registry([table], device="cuda", read=random, weigh=loaders.expect, threads=False), SAMPLERS)
    request = Request(lane, Prompt("a red cat", seeds=(1,)), knobs, table.name, "test")
    need = running.forecast(request)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run = running.submit(request)
    running.wait(run)
    assert run.error is None
    measured = running._core.server.workspace
    most = need.weights + max(measured.values())
    assert torch.cuda.memory_allocated() - before == pytest.approx(need.weights, rel=0.02)
    assert most == pytest.approx(need.need, rel=0.1), f"{measured} against {need.targets}"
