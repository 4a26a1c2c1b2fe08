"""All diffusion painters at once on one engine: each gives what its bare loop gives, and goes on from its States."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from models.catalog import Part, Suite
from models.engine import Engine
from models.protocol import Prompt, Request
from models.registry import Registry
from models.samplers.latent import Latent, LatentKnobs
from models.samplers.pixel import Pixel, PixelKnobs
from models.samplers.unclip import Unclip, UnclipKnobs
from models.samplers.upsample import Enlarged, Upsample, UpsampleKnobs
from tests.inline import kit, play
from tests.tinyclip import WIDTH
from tests.tinynets import PIXEL, clips, latent_config, latent_parts, pixel_net, unclip_config, unclip_parts

PROMPT = Prompt("a cat", "a dog", seeds=(0, 1))
PICTURE = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(2))
PAINTERS = {
    "latent": Latent(),
    "pixel": Pixel(),
    "unclip": Unclip(),
    "upsample": Upsample(),
    "large": Enlarged(Latent()),
}
ASKED = (
    ("latent", PROMPT, LatentKnobs(steps=3)),
    ("pixel", PROMPT, PixelKnobs(steps=4, eta=1.0, clip_guidance=0.3)),
    ("unclip", PROMPT, UnclipKnobs(prior_steps=3, steps=4, upsample=True, upsample_steps=3)),
    ("upsample", Prompt("", image=PICTURE), UpsampleKnobs(steps=3)),
    ("large", PROMPT, LatentKnobs(steps=3, scheduler="heun", upsample=True, upsample_steps=3)),
)


def suite(folder: Path) -> tuple[Suite, dict, dict]:
    """The tiny nets of all families as one suite, with their configurations; schedulers lie in files."""
    nets = {**latent_parts(), **unclip_parts(4, 3), "pixel": pixel_net(4, words=True), "clip": clips(WIDTH)[0]}
    config = {**latent_config(), **unclip_config(4, 3), "pixel": nets["pixel"].config, "pixel_scheduler": PIXEL}
    nets["upsampler"] = nets["upsampler"]["first"]
    parts = {}
    for name in nets:
        scheduler, file = f"{name}_scheduler", folder / f"{name}.json"
        file.write_text(json.dumps(config.get(scheduler)))
        parts[name] = Part(name, name, Path(name), ((scheduler, file),) if scheduler in config else ())
    return Suite("tiny", parts), nets, config


def test_all_of_them_together_give_what_each_gives_alone(tmp_path):
    tiny, nets, config = suite(tmp_path)
    registry = Registry([tiny], read=lambda part: nets[part.kind], weigh=lambda part: 0)
    engine = Engine(registry, PAINTERS, dtype=torch.float64)
    requests = [Request(name, prompt, knobs, "tiny", client=name) for name, prompt, knobs in ASKED]
    runs = [engine.submit(request, keep=(2, 5)) for request in requests]
    engine.wait(*runs)
    for request, run in zip(requests, runs, strict=True):
        assert run.state == "done", run.trace
        tools = kit(config, nets["clip"].tokenize(request.prompt.texts).ids)
        alone = play(PAINTERS[request.sampler], request.prompt, request.knobs, tools, nets).picture
        assert (run.result - alone).abs().max() <= 1e-9, request.sampler
        for i, state in run.states.items():
            again = engine.paint(replace(request, start=state))
            assert (again - run.result).abs().max() <= 1e-9, f"{request.sampler} from step {i}"
    assert {"text", "denoise"} <= {batch.target for batch in engine.log if len(set(batch.runs)) > 1}
