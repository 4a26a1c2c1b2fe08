"""What a run will need is known before its first step, quickly, and once for all that differ in their pace alone."""

import pytest
import torch

import models.engine as package
from lab.race import SAMPLERS, default_engine
from models.engine.forecast import brief
from models.protocol import Prompt, Request
from tests import tinysuite

LONG = {
    "latent": {"steps": 30, "strength": 0.1}, "pixel": {"steps": 30, "guidance_from": 0.3},
    "vqgan_clip": {"steps": 6, "crops": 3}, "unclip": {"steps": 12, "prior_steps": 9, "guidance_from": 0.3},
}  # fmt: skip

CASES = [(lane, image) for lane in LONG for image in (False, True)]
CASES.remove(("pixel", True))  # which begins with no picture


@pytest.fixture(scope="module")
def engine():
    return default_engine(tinysuite.folder())


def request(lane, image=False, **knobs):
    prompt = Prompt("a red cat", image=torch.zeros(3, 64, 64) if image else None)
    return Request(lane, prompt, SAMPLERS[lane].knobs(**knobs), "classroom", "me")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} from a picture" if case[1] else case[0])
def test_a_few_steps_take_the_memory_of_all(engine, case):
    lane, image = case
    long = request(lane, image, **LONG[lane])
    whole, few = engine.forecast(long), engine.forecast(brief(long))
    print(f"\n{lane}: {whole.workspace} bytes in all its steps, {few.workspace} in {brief(long).knobs.steps}")
    assert whole.workspace > 0
    assert (few.targets, few.parts) == (whole.targets, whole.parts)
    assert few.flops < whole.flops


def test_a_run_is_forecast_in_few_steps_and_once_for_every_pace(monkeypatch):
    engine, asked, forecast = default_engine(tinysuite.folder(), budget=10**9), [], package.forecast
    monkeypatch.setattr(package, "forecast", lambda *of, **how: asked.append(of[0].knobs) or forecast(*of, **how))
    for knobs in ({"steps": 12}, {"steps": 500}, {"steps": 40, "eta": 0.5}, {"strength": 0.3}):
        run = engine.submit(request("latent", **knobs))
        assert run.needs["denoise"] > 0
    assert [knobs.steps for knobs in asked] == [2]
    engine.submit(request("latent", guidance=1.0))
    assert len(asked) == 2
    engine.stop()
