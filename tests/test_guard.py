"""No picture leaves a guarded painter before the safety checker has seen it; its verdicts are diffusers' own."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPConfig
from typer.testing import CliRunner

from lab.cli import app
from lab.cli.common import cover_note, told
from lab.race import Race
from lab.race.painters import SAMPLERS, default_engine, samplers_of
from lab.ui.api import Api
from lab.ui.words import LANGUAGES, say
from models.catalog import Part
from models.loaders import Unavailable, load
from models.parts.clip.folders import MEAN, STD
from models.protocol import Prompt, Request
from models.samplers.guard import COVER, Guarded
from tests.tinysuite import KNOBS, LANES, TEXT
from tests.tinysuite import engine as plain

SIDE, NAME = 24, "classroom"
CONFIG = CLIPConfig(
    vision_config={"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
                   "patch_size": 8, "image_size": SIDE, "projection_dim": 16},
    text_config={"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64},
    projection_dim=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def stock():
    """diffusers' checker with random weights, and thresholds that about half of all pictures pass."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

    torch.manual_seed(0)
    net = StableDiffusionSafetyChecker(CONFIG).eval()
    for name in ("concept_embeds", "special_care_embeds"):
        nn.init.normal_(getattr(net, name))
    nn.init.normal_(net.visual_projection.weight)
    nn.init.uniform_(net.concept_embeds_weights, 0.3, 0.6)
    nn.init.uniform_(net.special_care_embeds_weights, 0.2, 0.4)
    with torch.no_grad():
        found = F.normalize(net.visual_projection(net.vision_model((pictures() - MIDDLE) / WIDTH)[1]))
        over = found @ F.normalize(net.concept_embeds).T - net.concept_embeds_weights
        net.concept_embeds_weights += over.amax(1).median()
    return net


MIDDLE, WIDTH = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]


def pictures():
    noise = torch.rand(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return noise * torch.linspace(0.1, 1, 64)[:, None, None, None]


@pytest.fixture(scope="module")
def folder(stock, tmp_path_factory):
    """As a hub has it: diffusers' own file under the names of the transformers of its day."""
    path = tmp_path_factory.mktemp("safety")
    stock.save_pretrained(path)
    return path


def part(folder):
    return Part("safety", "safety_checker", folder)


def test_the_verdicts_are_diffusers_own(stock, folder):
    ours = load(part(folder))
    with torch.no_grad():
        scores = ours(pictures())
        _, theirs = stock((pictures() - MIDDLE) / WIDTH, list(torch.zeros(64, 1)))
    assert 8 < sum(theirs) < 56, "a test where both verdicts come"
    assert [score > 0 for score in scores.tolist()] == theirs


def test_pictures_are_prepared_as_clips_own_processor_prepares_them(folder):
    from transformers import CLIPImageProcessorPil

    ours = load(part(folder))
    picture = F.avg_pool2d(torch.rand(1, 3, 120, 180, generator=torch.Generator().manual_seed(2)), 5, 1)
    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    pixels = (picture[0] * 255).round().byte().movedim(0, -1).numpy()
    wanted = CLIPImageProcessorPil(**size)(pixels, return_tensors="pt")["pixel_values"]
    assert (ours.prepared(picture) - wanted).abs().max() < 0.05


def test_names_of_older_versions_are_read(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load(part(folder)).state_dict()
    old = {name.replace("vision_model.", "vision_model.vision_model.", 1): value for name, value in weights.items()}
    old["vision_model.vision_model.embeddings.position_ids"] = torch.arange(10)[None]
    save_file(old, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    found = load(part(tmp_path)).state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    del old["concept_embeds"]
    save_file(old, tmp_path / "model.safetensors")
    assert json.loads((tmp_path / "config.json").read_text())["projection_dim"] == 16
    with pytest.raises(Unavailable, match="concept_embeds"):
        load(part(tmp_path))
    assert load_file(folder / "model.safetensors").keys()


class Strict(nn.Module):
    """A checker that lets nothing of one kind through: above `limit` on average, a picture is refused."""

    config: dict = {}  # noqa: RUF012

    def __init__(self, limit):
        super().__init__()
        self.limit, self.dtype, self.seen = limit, torch.float32, 0

    def forward(self, pictures):
        self.seen += len(pictures)
        return pictures.mean((1, 2, 3)) - self.limit


def guarded(limit):
    """The tiny suite with a checker; an engine on it."""
    suite, strict = plain().registry.suite(NAME), Strict(limit)
    table = replace(suite, parts={**suite.parts, "safety": replace(suite["vae"], name="safety")})
    engine = default_engine(table, threads=False, read=lambda one: strict if one.name == "safety" else load(one))
    return engine, strict


def request(lane, seeds=(0, 1)):
    knobs = SAMPLERS[lane].knobs.from_dict(KNOBS[lane])
    return Request(lane, Prompt(TEXT, seeds=seeds), knobs, NAME, "me", exact=True)


@pytest.mark.parametrize("lane", LANES)
def test_what_passes_is_the_painters_own_picture_and_what_does_not_is_one_grey(lane):
    free = plain().paint(request(lane))
    engine, strict = guarded(2.0)
    assert torch.equal(engine.paint(request(lane)), free)
    assert strict.seen == 2
    engine, _ = guarded(-1.0)
    run = engine.submit(request(lane))
    run.wanted = True
    frames = []
    while not run.over:
        engine.turn()
        if run.newest is not None and (not frames or run.newest is not frames[-1]):
            frames.append(run.newest)
            run.wanted = True
    assert run.error is None, run.trace
    assert len(frames) > 1, "previews too"
    assert all((frame.images == 128).all() for frame in frames)
    assert (run.result == COVER).all()


def test_one_picture_of_two_is_covered_by_itself():
    free = plain().paint(request("latent", (0, 1, 2, 3)))
    means = free.mean((1, 2, 3))
    engine, _ = guarded(float(means.median()) + 1e-6)
    found = engine.paint(request("latent", (0, 1, 2, 3)))
    for k in range(4):
        hidden = bool(means[k] > means.median() + 1e-6)
        assert torch.equal(found[k], torch.full_like(free[k], COVER) if hidden else free[k])


def test_a_shell_and_a_program_are_told_why_a_picture_is_grey(tmp_path, monkeypatch):
    for limit, hidden in ((-1.0, 2), (2.0, 0)):
        engine, _ = guarded(limit)
        race = Race(engine, NAME, TEXT, lanes=("latent",), knobs={"latent": KNOBS["latent"]}, count=2)
        *_, last = race
        outcome = told(race.outcomes["latent"])
        said = {language: Api._told(race, last, language)["note"] for language in LANGUAGES}
        assert outcome["covered"] == hidden
        if hidden:
            assert outcome["note"] == cover_note(race.outcomes["latent"])
            assert outcome["note"].startswith("covered 2: the safety checker took it for something that is not shown")
            assert said == {language: say("say.covered", language, n=2) for language in LANGUAGES}
        else:
            assert [outcome["note"], *said.values()] == [""] * 3
    engine, _ = guarded(-1.0)
    monkeypatch.setattr("lab.cli.painting.open_engine", lambda *_: (engine, NAME))
    asked = ["paint", "latent", TEXT, "--set", "steps=2", "--out", str(tmp_path / "a.png")]
    assert "covered 1: the safety checker" in CliRunner().invoke(app, asked).stdout


def test_a_suite_without_a_checker_is_not_guarded():
    suite = plain().registry.suite(NAME)
    assert samplers_of(suite) is SAMPLERS
    assert all(isinstance(one, Guarded) and one.knobs is SAMPLERS[name].knobs for name, one in
               samplers_of(replace(suite, parts={**suite.parts, "safety": suite["vae"]})).items())  # fmt: skip
