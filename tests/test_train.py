"""The training loop and what the recipes rest on, each held to something known beforehand."""

import json

import pytest
import torch
from diffusers import DDPMScheduler
from open_clip.model import CLIP
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from lab.storybook.dataset import captions
from lab.train import PARTS, run
from lab.train.clip import architecture, encode_text, save_open_clip, save_text_model
from lab.train.diffusion import balanced, body, fold, start_from, unfold
from lab.train.loop import Plan, rate_at, train
from lab.train.tokens import train_tokenizer
from models.parts.clip import Clip


class Line:
    """Fit y = 3x by one weight; ships the averaged weight."""

    name = "line"
    plan = Plan(batch=4, rate=0.05, decay=0.0, warmup=1, bf16=False)

    def __init__(self):
        self.net = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.net.weight)
        self.seen, self.shipped = [], None

    def loss(self, rng, done):
        x = torch.rand(4, 1, generator=rng)
        self.seen.append(x.sum().item())
        error = (self.net(x) - 3 * x).square().mean()
        return error, {"loss": error.item()}

    def grid(self):
        return self.net.weight.detach().view(1, 1, 1, 1).expand(1, 3, 8, 8).clamp(0, 1)

    def save(self, out):
        self.shipped = self.net.weight.item()


def test_the_rate_warms_up_holds_and_falls_to_zero():
    plan = Plan(batch=1, rate=2.0, warmup=4, cooldown=0.5)
    assert [rate_at(plan, i, 0.0) for i in range(5)] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rate_at(plan, 99, 0.5) == 2.0
    assert rate_at(plan, 99, 0.75) == pytest.approx(1.0)
    assert rate_at(plan, 99, 1.0) == 0.0


def test_a_training_learns_ships_its_average_and_goes_on_from_its_checkpoint(tmp_path):
    recipe = Line()
    steps = list(train(recipe, 0.03, tmp_path, tmp_path))
    assert steps[0].facts["loss"] > 10 * steps[-1].facts["loss"]
    assert steps[-1].n == 1000
    assert steps[0].i >= 1
    assert recipe.shipped == pytest.approx(3, abs=0.5)
    assert (tmp_path / "loss.csv").read_text().startswith("step,minutes,loss\n")
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["i"] == len(steps)
    again = Line()
    more = list(train(again, 0.002, tmp_path, tmp_path, resume=True))
    assert more[0].facts["loss"] < 0.1 * steps[0].facts["loss"]
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["i"] == len(steps) + len(more)
    assert again.seen[0] != recipe.seen[0]  # a resumed training draws other pictures


def test_a_look_at_a_training_is_the_averaged_net_and_changes_nothing(tmp_path):
    recipe = Line()
    training = train(recipe, 0.002, tmp_path, tmp_path)
    step = next(training)
    before = recipe.net.weight.item()
    with pytest.raises(StopIteration) as end:
        next(step.look())
    assert end.value.value.shape == (1, 3, 8, 8)
    assert recipe.net.weight.item() == before
    assert recipe.net.training
    training.close()


@pytest.mark.parametrize(("part", "minutes", "says"), [("nope", 1, "clip, vae"), ("clip", 0, "above 0")])
def test_bad_orders_are_refused_in_words(part, minutes, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        next(run(part, minutes, tmp_path))


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    return train_tokenizer(captions(range(300), 2), folder, 200, 40), folder


def test_the_tokenizer_writes_anything_and_is_clips_own_format(vocabulary):
    tokenizer, folder = vocabulary
    read = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    for text in ("a large red cat in a meadow", "草地上的一只大红猫", "Ünïcödé 🐈 & 4 numbers"):
        ids = tokenizer(text).input_ids
        assert read(text).input_ids == ids
        assert (ids[0], ids[-1]) == (len(tokenizer) - 2, len(tokenizer) - 1)
        letters = "".join(tokenizer.convert_ids_to_tokens(ids[1:-1])).replace("</w>", "")
        assert read.backend_tokenizer.decoder.decode([letters]) == text.lower().replace(" ", "")
    assert len(tokenizer("a red cat").input_ids) == 5


def test_the_shipped_text_towers_agree(vocabulary, tmp_path):
    tokenizer, folder = vocabulary
    torch.manual_seed(0)
    cfg = architecture(len(tokenizer))
    net = CLIP(**{**cfg, "text_cfg": {k: v for k, v in cfg["text_cfg"].items() if k != "hf_tokenizer_name"}}).eval()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": cfg}))
    save_open_clip(net.state_dict(), folder, torch.float32)
    clip = Clip.from_folder(folder)
    tokens = clip.tokenize(["a red cat", "夜里有三颗黄色的星星", ""]).ids
    with torch.no_grad():
        assert torch.allclose(encode_text(net, tokens), net.encode_text(tokens), atol=1e-5)
        found = clip.text(tokens)
        assert torch.allclose(found.embedding, net.encode_text(tokens), atol=1e-5)
        save_text_model(net, tmp_path, clip)
        stock = CLIPTextModel.from_pretrained(tmp_path, dtype=torch.float32)
        assert torch.allclose(stock(tokens).last_hidden_state, found.states, atol=5e-3)  # shipped in half precision


def test_folding_is_a_permutation_of_pixels():
    x = torch.rand(2, 3, 64, 64)
    assert fold(x).shape == (2, 48, 16, 16)
    assert torch.equal(unfold(fold(x)), x)


def test_a_body_starts_from_another_where_they_fit():
    torch.manual_seed(0)
    one, other = body(4, 4, 160), body(48, 48, 160)
    start_from(other, one)
    assert torch.equal(other.mid_block.resnets[0].conv1.weight, one.mid_block.resnets[0].conv1.weight)
    assert other.conv_in.weight.shape[1] == 48


def test_no_noise_level_rules_the_epsilon_loss():
    alphas = DDPMScheduler(beta_schedule="linear").alphas_cumprod
    t = torch.tensor([0, 400, 999])
    snr = alphas[t] / (1 - alphas[t])
    weight = balanced(alphas, t).flatten()
    assert weight[0] == pytest.approx(float((1 + snr[0]) / snr[0] * 5 / snr[0]), rel=1e-4)
    assert weight[1] == pytest.approx(float((1 + snr[1]) / snr[1]) * min(1.0, 5 / float(snr[1])), rel=1e-4)
    assert weight[2] == 8


@pytest.mark.slow
def test_every_recipe_runs_end_to_end(tmp_path):
    from typer.testing import CliRunner

    from lab.cli import app
    from models.catalog import classroom
    from models.loaders import load

    out = tmp_path / "suite"
    result = CliRunner().invoke(app, ["train", "all", "--minutes", "0.5", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.count('"part"') == len(PARTS)
    for part in classroom(out).parts.values():
        assert load(part) is not None
