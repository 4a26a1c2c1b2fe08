"""A real painter on the engine: registry, kit and batches give what its loop gives when it is run by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.catalog import Part, Suite
from models.engine import Engine
from models.protocol import Prompt, Request
from models.registry import Registry
from models.samplers.latent import Latent, LatentKnobs
from tests.inline import kit, play
from tests.tinynets import LATENT, latent_config, latent_parts

PROMPT = Prompt("a cat", "a dog", seeds=(0, 1))


@pytest.fixture
def engine(tmp_path) -> Engine:
    """The tiny latent family as a suite; only its scheduler's configuration is a file."""
    scheduler = tmp_path / "scheduler_config.json"
    scheduler.write_text(json.dumps(LATENT))
    configs = {"unet": (("unet_scheduler", scheduler),)}
    nets = latent_parts()
    parts = {name: Part(name, name, Path(name), configs.get(name, ())) for name in nets}
    registry = Registry([Suite("tiny", parts)], read=lambda part: nets[part.kind], weigh=lambda part: 0)
    return Engine(registry, {"latent": Latent()}, dtype=torch.float64)


def test_two_visitors_share_batches_and_get_what_the_loop_gives(engine):
    knobs = [LatentKnobs(steps=3, scheduler=name) for name in ("ddim", "euler_a")]
    requests = [Request("latent", PROMPT, each, "tiny", client=each.scheduler) for each in knobs]
    runs = [engine.submit(request, keep=(2,)) for request in requests]
    engine.wait(*runs)
    assert [run.state for run in runs] == ["done", "done"], [run.trace for run in runs]
    tokens = latent_parts()["clip"].tokenize(PROMPT.texts).ids
    tools = kit(latent_config(), tokens)
    truth = [play(Latent(), PROMPT, each, tools, latent_parts()).picture for each in knobs]
    furthest = max((run.result - picture).abs().max().item() for run, picture in zip(runs, truth, strict=True))
    shared = [batch.target for batch in engine.log if len(set(batch.runs)) == 2]
    print(f"\ntwo latent runs: {len(engine.log)} batches, shared {shared}; off by {furthest:.1e} from the bare loop")
    assert furthest <= 1e-9
    assert set(shared) == {"text", "denoise", "decode"}
    assert len({picture.sum().item() for picture in truth}) == 2
    assert runs[0].tokens.kept[0] == latent_parts()["clip"].tokenize(("a cat",)).kept[0]
    again = engine.paint(replace(requests[1], start=runs[1].states[2]))
    assert (again - runs[1].result).abs().max() <= 1e-9
