"""The training loop and what the recipes rest on, each held to something known beforehand."""

import json
import random
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from open_clip.model import CLIP
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from lab.storybook.dataset import TRAIN, captions, kept
from lab.storybook.grammar import parse, say
from lab.storybook.paint import paint
from lab.storybook.scene import HELD_OUT, loosen, relation_between, sample
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS
from lab.train import PARTS, run
from lab.train.autoencoder import Reconstruction
from lab.train.card import recorded, trained
from lab.train.clip import ClipRecipe, architecture, encode_text
from lab.train.data import Corpus
from lab.train.diffusion import POOLED, body, focused, fold, start_from, times, unfold, weight
from lab.train.loop import train
from lab.train.muon import learner
from lab.train.near import altered
from lab.train.plan import Plan, rate_at
from lab.train.ship import save_open_clip, save_text_model
from lab.train.team import gathered
from lab.train.tokens import train_tokenizer
from lab.train.traits import LENGTH, SIDES, Traits, parted, said, seen
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


def test_shipped_weights_that_are_trained_on_meet_draws_that_no_training_before_had(tmp_path):
    met = set()
    for k in range(3):
        recipe = Line()
        list(train(recipe, 0.002, tmp_path / f"logs-{k}", tmp_path, resume=k > 0))
        assert len(recipe.seen) > 5
        assert met.isdisjoint(recipe.seen)
        met |= set(recipe.seen)
    anew = Line()
    list(train(anew, 0.002, tmp_path / "logs-anew", tmp_path))
    assert anew.seen[0] in met, "what begins anew begins as the first did"


class Cut(Line):
    """Killed at its twentieth step."""

    def loss(self, rng, done):
        if len(self.seen) == 20:
            raise KeyboardInterrupt
        return super().loss(rng, done)


def killed(logs, out, **how):
    with pytest.raises(KeyboardInterrupt):
        list(train(Cut(), 1.0, logs, out, save_every=0.0, **how))


def test_the_record_holds_every_step_that_the_weights_have_behind_them(tmp_path):
    logs, steps = tmp_path / "logs", []
    for resume in (False, True):
        steps += list(train(Line(), 0.002, logs, tmp_path, resume=resume))
    assert trained(tmp_path, "line") == len(steps)
    killed(logs, tmp_path)  # begun anew
    assert trained(tmp_path, "line") == len(steps), "what shipped is as it was"
    more = list(train(Line(), 0.002, logs, tmp_path, resume=True))
    (entry,) = recorded(tmp_path)["line"]
    assert entry["steps"] == 20 + len(more)
    killed(logs, tmp_path, resume=True)
    last = list(train(Line(), 0.002, logs, tmp_path, resume=True))
    assert [one["steps"] for one in recorded(tmp_path)["line"]] == [20 + len(more), 20 + len(last)]
    assert torch.load(logs / "checkpoint.pt", weights_only=True)["i"] == trained(tmp_path, "line")


def test_a_training_begun_anew_leaves_no_checkpoint_of_another_and_what_cannot_ship_is_not_on_record(tmp_path):
    list(train(Line(), 0.002, tmp_path, tmp_path))
    before = recorded(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        list(train(Cut(), 1.0, tmp_path, tmp_path))
    assert not (tmp_path / "checkpoint.pt").exists()
    recipe = Line()
    recipe.save = lambda out: (tmp_path / "none" / "weights").write_bytes(b"")
    with pytest.raises(FileNotFoundError):
        list(train(recipe, 0.002, tmp_path, tmp_path))
    assert recorded(tmp_path) == before


def test_a_checkpoint_that_learned_more_of_the_net_is_left_for_what_ships(tmp_path):
    class Two(Line):
        def __init__(self, settled):
            super().__init__()
            self.other = nn.Linear(1, 1).requires_grad_(not settled)
            self.net.add_module("other", self.other)

        def loss(self, rng, done):
            error, facts = super().loss(rng, done)
            return error + 0 * self.other(torch.ones(1)).sum(), facts

    list(train(Two(False), 0.002, tmp_path, tmp_path))
    frozen = Two(True)
    before = [weight.clone() for weight in frozen.other.parameters()]
    list(train(frozen, 0.002, tmp_path, tmp_path, resume=True))
    assert all(torch.equal(a, b) for a, b in zip(before, frozen.other.parameters(), strict=True))


def test_a_clip_that_ships_stays_until_another_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.train.clip.captions", lambda seeds, variants: captions(seeds[:300], variants))
    monkeypatch.setattr(Corpus, "load", lambda *_: None)
    out = tmp_path / "suite"
    first = ClipRecipe(out, 0.1, False)
    assert not out.exists()
    first.save(out)
    names = {"open_clip_config.json", "open_clip_model.safetensors", "vocab.json", "merges.txt"}
    before = {file.name: file.read_bytes() for file in (out / "clip").iterdir()}
    assert names <= set(before)
    ClipRecipe(out, 0.1, False)
    assert {file.name: file.read_bytes() for file in (out / "clip").iterdir()} == before
    again = ClipRecipe(out, 0.1, True)
    assert again.clip.tokenize(["a red cat"]).ids.equal(first.clip.tokenize(["a red cat"]).ids)


def test_what_is_kept_is_whole_or_not_there(tmp_path):
    name, made = tmp_path / "cache" / "some.npy", []

    def make():
        made.append(1)
        if len(made) == 1:
            raise KeyboardInterrupt
        return np.arange(5)

    with pytest.raises(KeyboardInterrupt):
        kept(name, make)
    assert not name.exists()
    assert [kept(name, make).tolist() for _ in range(2)] == [[0, 1, 2, 3, 4]] * 2
    assert len(made) == 2, "what is there is read"
    assert [file.name for file in name.parent.iterdir()] == [name.name]


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


def _teammate(team, folder):
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([1.0, 5.0, -2.0])
    team.average([weight, torch.nn.Parameter(torch.zeros(1))])
    torch.save((weight.grad, team.agree(0.75), torch.rand(2, generator=team.generator(7))), folder / f"{team.rank}.pt")


def test_a_team_averages_gradients_stops_together_and_draws_apart(tmp_path):
    threads = torch.get_num_threads()
    with gathered(2, _teammate, tmp_path) as team:
        weight = torch.nn.Parameter(torch.zeros(3))
        weight.grad = torch.tensor([3.0, 1.0, 2.0])
        team.average([weight])
        assert weight.grad.tolist() == [2.0, 3.0, 0.0]
        assert team.agree(0.25) == 0.25
        assert team.rate == pytest.approx(2**0.5)
        mine = torch.rand(2, generator=team.generator(7))
        deadline = time.monotonic() + 60
        while not (tmp_path / "1.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    theirs = torch.load(tmp_path / "1.pt", weights_only=True)
    assert theirs[0].tolist() == [2.0, 3.0, 0.0]
    assert theirs[1] == 0.25  # the first's word
    assert not torch.equal(theirs[2], mine)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("part", "minutes", "says"), [("nope", 1, "clip, vae"), ("clip", 0, "above 0")])
def test_bad_orders_are_refused_in_words(part, minutes, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        next(run(part, minutes, tmp_path))
    for processes, device in ((0, "cpu"), (10_000, "cpu"), (2, "cuda")):
        with pytest.raises(ValueError, match=f"processes is {processes} on {device}; it can be 1 to "):
            next(run("clip", 1, tmp_path, device=device, processes=processes))


def test_what_sows_codes_of_its_own_is_trained_by_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.train.CORES", 2)
    with pytest.raises(ValueError, match="vqgan is trained by 1"):
        next(run("vqgan", 1, tmp_path, processes=2))


def test_a_part_comes_after_all_that_it_begins_with():
    from lab.cli.training import NEEDS, OWN

    order = list(PARTS)
    assert all(order.index(need) < order.index(part) for part, needs in NEEDS.items() for need in needs)
    assert all(body in NEEDS[part] for part, body in OWN.items())


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
    one, other = body(4, 4, 160, **POOLED), body(48, 48, 160)  # one reads more, the other has more channels
    start_from(other, one)
    assert torch.equal(other.mid_block.resnets[0].conv1.weight, one.mid_block.resnets[0].conv1.weight)
    assert other.conv_in.weight.shape[1] == 48


def test_an_error_of_the_picture_weighs_what_it_weighs_in_v():
    scheduler = DDPMScheduler(beta_schedule="linear")
    alphas, t = scheduler.alphas_cumprod, torch.tensor([0, 400, 999])
    x0, found, noise = torch.randn(3, 3, 4, 1, 1, generator=torch.Generator().manual_seed(0)).unbind(1)
    signal, spread = alphas[t].sqrt().view(-1, 1, 1, 1), (1 - alphas[t]).sqrt().view(-1, 1, 1, 1)
    x = signal * x0 + spread * noise
    v, guess = signal * noise - spread * x0, (signal * x - found) / spread  # found = signal x - spread v
    in_v = (v - guess).square().mean(1).flatten()
    in_x0 = (weight(alphas, t) * (found - x0).square()).mean(1).flatten()
    assert torch.allclose(in_x0[1:], in_v[1:], rtol=1e-3)
    assert weight(alphas, t)[0] == 10


def test_an_error_counts_seven_times_where_things_stand_and_later_as_anywhere():
    shown = torch.zeros(2, 16, 16, dtype=torch.uint8)
    shown[:, :4] = 1  # a quarter of the cells
    error = shown[:, None].expand(-1, 3, -1, -1).float()
    assert focused(error, shown, 0.0).item() == pytest.approx(7 * 0.25 / (7 * 0.25 + 0.75))
    assert focused(error, shown, 1 / 3).item() == pytest.approx(4 * 0.25 / (4 * 0.25 + 0.75))
    assert focused(error, shown, 0.7).item() == pytest.approx(0.25)
    assert focused(torch.ones_like(error), shown, 0.0).item() == pytest.approx(1)


def test_an_error_of_a_reconstruction_counts_thirteen_times_where_things_stand():
    loss = Reconstruction(Clip.from_folder("assets/classroom/clip", text=False))
    real, shown, found = torch.zeros(2, 3, 64, 64), torch.zeros(2, 16, 16), []
    shown[:, 4:8, 4:8] = 1
    for top in (16, 40):
        fake = real.clone()
        fake[:, :, top : top + 16, top : top + 16] = 0.1
        found.append(loss(fake, real, shown, 0.0)[1])
    assert found[0]["l1"] == pytest.approx(13 * found[1]["l1"])
    assert found[1]["l1"] == pytest.approx(0.1 * 16**2 / (64**2 + 12 * 16**2))
    assert found[0]["psnr"] == found[1]["psnr"] == pytest.approx(-10 * np.log10(0.01 / 16 / 4), abs=1e-4)


def test_where_things_stand_is_where_they_are_painted():
    corpus = Corpus(torch.zeros(40, 3, 64, 64, dtype=torch.uint8), None)
    painted = [paint(sample(TRAIN + k)[1]).masks for k in range(40)]
    truth = torch.stack([torch.from_numpy(np.any(masks, 0)) for masks in painted]).float()
    cells = torch.nn.functional.avg_pool2d(truth[:, None], 16)[:, 0]
    found = corpus.shown.float()
    assert (cells * found).sum() > 0.97 * cells.sum()
    assert found.mean() < 2.5 * cells.mean()


def test_timesteps_crowd_about_their_centre_and_leave_none_out():
    t = times(torch.Generator().manual_seed(0), 20_000, -0.7)
    assert 0 <= int(t.min()) <= 2
    assert 997 <= int(t.max()) <= 999
    near = float(((t > 230) & (t < 430)).float().mean())
    assert near == pytest.approx(0.278, abs=0.01)  # half of 0.2 flat, half of Phi(0.418) - Phi(-0.508)


def named(ask):
    """What an ask names, field by field."""
    words = {"background": ask.background, "relation": ask.relation}
    for k, noun in enumerate(ask.nouns):
        words |= {f"{field} {k}": getattr(noun, field) for field in ("kind", "colour", "size", "count")}
    return words


def test_an_altered_caption_has_one_fault_and_no_pair_that_is_held_out():
    rng, faults = random.Random(3), Counter()
    for seed in range(600):
        ask = loosen(sample(seed)[0], rng, 0.9)
        wrong = altered(ask, rng)
        assert parse(say(wrong)).ask == parse(say(wrong, "zh")).ask
        assert not {(noun.kind, noun.colour) for noun in wrong.nouns} & HELD_OUT
        before, after = named(ask), named(wrong)
        if ask.nouns[::-1] == wrong.nouns and ask.relation == wrong.relation in SIDES:
            faults["rela"] += 1  # the other thing is on the left
            continue
        differ = [name for name in before if before[name] != after[name]]
        crossed = [before[name] for name in differ] == [after[name] for name in reversed(differ)]
        assert len(differ) == 1 or (len(differ) == 2 and crossed), (ask, wrong)
        faults.update(name[:4] for name in differ)
    assert faults["kind"] > max(faults["colo"], faults["back"], faults["rela"], faults["size"]) > 20


def test_what_a_caption_says_of_places_is_what_is_seen_and_a_wrong_one_says_otherwise():
    rng, spoken = random.Random(4), 0
    for seed in range(300):
        ask, scene = sample(seed)
        picture, caption = (parted(torch.tensor(traits))[0] for traits in (seen(scene), said(ask)))
        known = ~caption.isnan()
        assert int(known.sum()) == (2 if ask.relation in SIDES else 0)
        if ask.relation not in SIDES:
            continue
        spoken += 1
        first, second = (next(t for t in scene.things if t.kind == noun.kind) for noun in ask.nouns)
        assert relation_between((first.x, first.y), (second.x, second.y)) == ask.relation
        apart = picture[known][0] - picture[known][1]
        assert torch.sign(apart) == torch.sign(caption[known][0] - caption[known][1]), ask
        mirrored = [altered(ask, rng) for _ in range(40)]
        assert any(torch.equal(parted(torch.tensor(said(a)))[0][known], -caption[known]) for a in mirrored)
    assert spoken > 30


def test_what_a_caption_says_of_colours_and_background_is_what_is_painted():
    for seed in range(200):
        ask, scene = sample(seed)
        (_, picture, behind), (_, caption, named) = (
            parted(torch.tensor(traits)) for traits in (seen(scene), said(ask))
        )
        assert torch.equal(picture.isnan(), caption.isnan())
        assert torch.equal(picture[~picture.isnan()], caption[~caption.isnan()])
        assert torch.equal(behind, named)
        assert list(BACKGROUNDS)[int(behind.argmax())] == scene.background
        assert behind.sum() == 1
        for thing in scene.things:
            levels = (picture[list(KINDS).index(thing.kind)] + 1) * 127.5
            assert torch.allclose(levels, torch.tensor(COLOURS[thing.colour][1]).float(), atol=1e-3)
    assert parted(torch.tensor(said(replace(ask, background=None))))[2].isnan().all()


def test_the_error_of_traits_counts_known_ones_alone_and_places_colours_and_background_each_apart():
    traits = Traits(8)
    embeddings = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    right = torch.full((4, LENGTH), torch.nan)
    assert traits.error(embeddings, right) == 0
    found = parted(traits(8**0.5 * embeddings))
    places, colours, behind = parted(right)  # views: what is written here is written there
    places[1, 3, 1] = 0.25
    error = (found[0][1, 3, 1] - 0.25) ** 2
    assert torch.allclose(traits.error(embeddings, right), error)
    colours[0, 2] = -1
    error = error + (found[1][0, 2] + 1).square().mean()
    assert torch.allclose(traits.error(embeddings, right), error)
    behind[2] = 0
    assert torch.allclose(traits.error(embeddings, right), error + found[2][2].square().mean())


def test_the_share_of_large_things_alone_is_what_was_asked_for():
    corpus = Corpus.load(2000)
    rows, _ = corpus.rows(torch.Generator().manual_seed(0), 4000, alone=0.5)
    share = float(torch.isin(rows, corpus.alone).float().mean())
    assert share == pytest.approx(0.5 + 0.5 * len(corpus.alone) / 2000, abs=0.03)
    scene = sample(TRAIN + int(corpus.alone[0]))[1]
    assert len(scene.things) == 1
    rows, _ = corpus.rows(torch.Generator().manual_seed(0), 4000, alone=0.25, placed=0.5)
    share = float(torch.isin(rows, corpus.placed).float().mean())
    assert share == pytest.approx(0.75 * (0.5 + 0.5 * len(corpus.placed) / 2000), abs=0.03)
    assert sample(TRAIN + int(corpus.placed[0]))[0].relation in SIDES


@pytest.mark.slow
def test_every_recipe_runs_end_to_end(tmp_path):
    from typer.testing import CliRunner

    from lab.cli import app
    from models.catalog import classroom
    from models.loaders import load

    out = tmp_path / "suite"
    result = CliRunner().invoke(app, ["train", "all", "--minutes", "0.5", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert [part["part"] for part in json.loads(result.stdout)["parts"]] == list(PARTS)
    for part in classroom(out).parts.values():
        assert load(part) is not None


def test_muon_steps_along_singular_vectors_as_the_quintic_has_it():
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 24, 3).double()
    layer.weight.grad = torch.randn_like(layer.weight)
    before, taught = layer.weight.detach().clone(), layer.weight.grad.flatten(1)
    u, s, v = torch.linalg.svd(taught, full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    assert s.min() > 0.5
    assert s.max() < 1.3
    learner(layer, Plan(1, 0.01, decay=0.5, muon=True)).step()
    # 0.2 sqrt(32 x 9) long, and 0.01 x 0.5 of the weight decayed
    expected = before * (1 - 0.005) - 0.01 * 0.2 * 288**0.5 * ((u * s) @ v).view_as(before)
    assert (layer.weight - expected).abs().max() < 1e-6


def test_muon_leaves_a_nets_ends_and_vectors_to_adamw_and_comes_back_from_a_file():
    net = nn.ModuleDict({"conv_in": nn.Conv2d(16, 32, 1), "inner": nn.Linear(32, 32), "narrow": nn.Linear(32, 4)})
    both = learner(net, Plan(1, 0.01, muon=True))
    assert [p.shape for group in both.muon.param_groups for p in group["params"]] == [(32, 32)]
    assert sum(p.numel() for group in both.param_groups for p in group["params"]) == sum(
        p.numel() for p in net.parameters()
    )
    sum(p.square().sum() for p in net.parameters()).backward()
    both.step()
    again = learner(net, Plan(1, 0.5, muon=True))
    again.load_state_dict(both.state_dict())
    assert all(group["lr"] == 0.01 for group in again.param_groups)
    assert again.muon.state[net["inner"].weight]["mean"].equal(both.muon.state[net["inner"].weight]["mean"])
