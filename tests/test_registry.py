"""The registry lends parts within its budget; loaders read a part whole or not at all."""

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from models import loaders
from models.catalog import Part, Suite, classroom
from models.loaders import fault
from models.registry import Registry, Unavailable, WontFit
from tests import tiny
from tests.switching import hold_under_switches

FAMILIES = {name: ("clip", f"{name}_net", f"{name}_decoder") for name in ("latent", "pixel", "vqgan", "unclip")}
NAMES = sorted({part for parts in FAMILIES.values() for part in parts})
BYTES = 4 * (8 * 8 * 9 + 8)


def read(part: Part) -> nn.Module:
    """As a file would give it: a new module with the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(NAMES.index(part.kind))
        return nn.Conv2d(8, 8, 3, padding=1).eval().requires_grad_(False)


def lender(parts: float | None = None, read=read, **options) -> Registry:
    """A registry of four families of three parts of equal size, one shared; the budget counts parts."""
    budget = None if parts is None else int(parts * BYTES)
    suite = Suite("four", {name: Part(name, name, Path(name)) for name in NAMES})
    return Registry([suite], budget, read=read, weigh=lambda part: BYTES, **options)


def picture(parts) -> torch.Tensor:
    x = torch.linspace(-1, 1, 8 * 8 * 8).view(1, 8, 8, 8)
    for module in parts.values():
        x = module(x).tanh()
    return x


@torch.no_grad()
def test_a_shared_part_is_loaded_once_and_is_one_module():
    registry = lender()
    with registry.borrow("four", FAMILIES["latent"]) as one, registry.borrow("four", FAMILIES["unclip"]) as two:
        assert one["clip"] is two["clip"]
        assert registry.report()["parts"]["clip"] == {"bytes": BYTES, "lent": 2}
    counts = registry.report()["counts"]
    assert (counts.loads, counts.hits, counts.bytes) == (5, 1, 5 * BYTES)
    assert all(part["lent"] == 0 for part in registry.report()["parts"].values())


def test_wont_fit_says_need_have_and_by_whom():
    registry = lender(parts=3)
    with registry.borrow("four", ("clip", "pixel_net")), pytest.raises(WontFit) as caught:
        registry.ask("four", (*FAMILIES["latent"], "pixel_net"))
    error = caught.value
    assert (error.need, error.have, error.held_by) == (4 * BYTES, 3 * BYTES, ("clip", "pixel_net"))
    with pytest.raises(WontFit), registry.borrow("four", FAMILIES["latent"], workspace=1):
        pass
    with registry.borrow("four", FAMILIES["latent"]):  # exactly fits, once the idle one is gone
        assert registry.report()["used"] == 3 * BYTES


def test_the_least_recently_used_idle_part_goes_first():
    registry = lender(parts=3)
    for name in ("latent_net", "pixel_net", "vqgan_net", "latent_net"):
        with registry.borrow("four", (name,)):
            pass
    with registry.borrow("four", ("unclip_net",)):
        assert set(registry.report()["parts"]) == {"vqgan_net", "latent_net", "unclip_net"}
    with registry.borrow("four", ("vqgan_net",)), registry.borrow("four", ("clip", "pixel_net")):
        assert set(registry.report()["parts"]) == {"vqgan_net", "clip", "pixel_net"}, "a lent part was evicted"


def test_nobody_overtakes_for_memory_and_a_waiting_ticket_can_be_given_up():
    registry = lender(parts=3)
    first = registry.ask("four", FAMILIES["latent"])
    first.wait()
    second = registry.ask("four", FAMILIES["pixel"])
    third = registry.ask("four", ("latent_net",))  # resident: but taking it would keep the second waiting for longer
    assert (second.state, third.state) == ("waiting", "waiting")
    second.release()
    assert third.wait()["latent_net"] is first.parts["latent_net"]
    fourth = registry.ask("four", FAMILIES["pixel"])
    first.release()
    first.release()
    assert fourth.state == "waiting"
    third.release()
    assert set(fourth.wait()) == set(FAMILIES["pixel"])
    fourth.release()
    assert fourth.parts == {}


def test_the_largest_workspace_among_loans_is_kept_free():
    registry = lender(parts=4)
    one = registry.ask("four", ("clip",), workspace=2 * BYTES)
    two = registry.ask("four", ("pixel_net",), workspace=BYTES)
    assert set(one.wait()) | set(two.wait()) == {"clip", "pixel_net"}
    three = registry.ask("four", ("vqgan_net",))
    assert three.state == "waiting"
    one.release()
    assert set(three.wait()) == {"vqgan_net"}
    for ticket in (two, three):
        ticket.release()


@torch.no_grad()
def test_four_threads_switch_300_times_within_a_budget_for_two_families():
    with lender().borrow("four", NAMES) as parts:
        truth = {family: picture({name: parts[name] for name in names}) for family, names in FAMILIES.items()}
    hold_under_switches(lender(parts=5), "four", FAMILIES, lambda family, parts: picture(parts), truth)


def test_a_failing_part_ends_only_those_who_asked_for_it():
    def broken(part: Part) -> nn.Module:
        time.sleep(0.01)
        if part.name == "pixel_net":
            raise Unavailable(part, "cut short")
        return read(part)

    registry = lender(read=broken)
    good, bad = registry.ask("four", FAMILIES["latent"]), registry.ask("four", FAMILIES["pixel"])
    with pytest.raises(Unavailable, match=r"pixel_net.*cut short"):
        bad.wait()
    assert set(good.wait()) == set(FAMILIES["latent"])
    good.release()
    report = registry.report()
    assert "pixel_net" not in report["parts"]
    assert report["counts"].failures == 1
    assert all(part["lent"] == 0 for part in report["parts"].values())


@pytest.fixture
def files(tmp_path) -> Suite:
    """Two families on disk as diffusers writes them: float16 networks, each with a scheduler."""
    parts = {}
    for seed, name in enumerate(("unet", "pixel")):
        net = nn.Module.to(tiny.net("unet", seed=seed + 1), torch.float32)
        net.save_pretrained(tmp_path / name)
        weights = {key: value.half() for key, value in load_file(tmp_path / name / WEIGHTS).items()}
        save_file(weights, tmp_path / name / WEIGHTS)
        scheduler = tmp_path / f"{name}_scheduler.json"
        scheduler.write_text(json.dumps({"num_train_timesteps": 1000}))
        parts[name] = Part(name, "UNet2DConditionModel", tmp_path / name, ((f"{name}_scheduler", scheduler),))
    return Suite("disk", parts)


WEIGHTS = "diffusion_pytorch_model.safetensors"


def test_a_part_from_its_files(files):
    part = files["unet"]
    net = loaders.load(part)
    assert not net.training
    assert {value.dtype for value in net.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in net.parameters())
    assert loaders.weigh(part) == sum(value.numel() * 4 for value in net.parameters())
    config = loaders.config(part, net)
    assert config["unet"]["in_channels"] == 4
    assert config["unet_scheduler"] == {"num_train_timesteps": 1000}
    wanted = tiny.net("unet", seed=1).state_dict()
    assert all(torch.equal(value, wanted[name].half().float()) for name, value in net.state_dict().items())


def cut(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "diffusion_pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def a_key_short(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({key: value for key, value in weights.items() if key != "conv_in.weight"}, folder / WEIGHTS)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def rubbish(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"not a network at all")


BREAKS = {cut: "not all of one", pickled: "no .safetensors file", a_key_short: "disagree", no_config: "config.json",
          rubbish: "it is no safetensors file"}  # fmt: skip


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__)
def test_broken_files_make_that_part_unavailable_and_no_other(files, damage):
    damage(files["pixel"].path)
    registry = Registry([files])
    with pytest.raises(Unavailable, match=BREAKS[damage]) as caught, registry.borrow("disk", ("pixel",)):
        pass
    print(f"\n{caught.value}"[:160])
    with registry.borrow("disk", ("unet",)) as parts:
        assert parts["unet"].config["in_channels"] == 4
    assert set(registry.report()["parts"]) == {"unet"}


def test_a_clip_without_its_words_is_not_called_whole(tmp_path):
    whole = classroom()["clip"]
    home = shutil.copytree(whole.path, tmp_path / "clip")
    assert fault(replace(whole, path=home)) is None
    for name in ("merges.txt", "open_clip_config.json"):
        (home / name).rename(home / "away")
        assert fault(replace(whole, path=home)) is not None, name
        (home / "away").rename(home / name)


def test_files_are_not_opened_while_others_wait_for_the_count():
    held = []
    suite = Suite("four", {"clip": Part("clip", "clip", Path("clip"))})
    registry = Registry([suite], read=read, weigh=lambda part: held.append(registry._changed._is_owned()) or BYTES)
    with registry.ask("four", ["clip"]) as ticket:
        ticket.wait()
    assert held == [False]


def test_what_is_borrowed_to_be_read_stays_where_it_is_and_a_ticket_brings_it_to_the_device():
    registry = lender(device="meta")
    with registry.borrow("four", ("clip",)) as parts:
        assert parts["clip"].weight.device.type == "cpu"
    with registry.ask("four", ("clip",)) as ticket:
        assert ticket.wait()["clip"].weight.device.type == "meta"


def test_faults_are_told_before_anything_is_loaded(files):
    registry = Registry([files, classroom(root=Path("/nowhere"))])
    assert registry.faults("disk") == {}
    cut(files["unet"].path)
    assert list(registry.faults("disk")) == ["unet"]
    assert len(registry.faults("classroom")) == 11
    with pytest.raises(ValueError, match="suite is 'full'; this registry has"):
        registry.ask("full", ("unet",))
    with pytest.raises(ValueError, match="part is 'clap'; suite 'disk' has"):
        registry.ask("disk", ("clap",))


@torch.no_grad()
def test_switched_away_and_back_gives_the_same_pixels(files):
    registry = Registry([files], budget=loaders.weigh(files["unet"]))
    x, t, context = torch.ones(1, 4, 8, 8), torch.tensor([3.0]), torch.ones(1, 2, 8)
    seen = []
    for name in ("unet", "pixel", "unet"):
        with registry.borrow("disk", (name,)) as parts:
            seen.append(parts[name](x, t, encoder_hidden_states=context).sample)
    counts = registry.report()["counts"]
    off = (seen[0] - seen[2]).abs().max().item()
    print(f"\nswitched away and back: {counts.loads} loads, {counts.evictions} evictions, off by {off}")
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    assert (counts.loads, counts.evictions) == (3, 2)


def test_without_threads_files_are_read_by_whoever_asks():
    by = []
    registry = lender(read=lambda part: by.append(threading.current_thread()) or read(part), threads=False)
    with registry.borrow("four", FAMILIES["latent"]):
        assert by == [threading.current_thread()] * 3


def test_a_part_can_be_fetched_and_forgotten_but_not_while_it_is_lent():
    registry = lender()
    assert registry.standing("four")["clip"][0] == "away"
    assert registry.fetch("four", ["clip"], 10)
    assert registry.standing("four")["clip"][:2] == ("resident", 0)
    with registry.borrow("four", ("clip",)):
        assert registry.standing("four")["clip"][:2] == ("lent", 1)
        assert not registry.evict("four", "clip")
        assert registry.report()["used"] == BYTES
    assert registry.evict("four", "clip")
    assert registry.evict("four", "clip"), "it is gone already"
    state, _, counts = registry.standing("four")["clip"]
    assert (state, counts.hits, counts.loads, counts.evictions) == ("evicted", 1, 1, 1)
    assert registry.report()["used"] == 0
    with pytest.raises(ValueError, match="part is 'nobody'"):
        registry.evict("four", "nobody")


def test_counts_are_kept_part_by_part_and_add_up():
    registry = lender()
    for name in ("latent", "pixel", "latent"):
        with registry.borrow("four", FAMILIES[name]):
            pass
    standing = registry.standing("four")
    assert (standing["clip"][2].hits, standing["clip"][2].loads) == (2, 1)
    assert (standing["latent_net"][2].hits, standing["pixel_net"][2].hits) == (1, 0)
    total = registry.report()["counts"]
    assert total.hits == sum(counts.hits for _, _, counts in standing.values())
    assert total.seconds == pytest.approx(sum(counts.seconds for _, _, counts in standing.values()))


def test_a_lower_budget_evicts_what_is_idle_and_refuses_to_go_below_what_is_lent():
    registry = lender()
    with registry.borrow("four", FAMILIES["latent"], workspace=1):
        assert registry.fetch("four", ["pixel_net"], 10)
        with pytest.raises(WontFit) as caught:
            registry.limit(3 * BYTES)
        assert (caught.value.need, caught.value.have) == (3 * BYTES + 1, 3 * BYTES)
        assert caught.value.held_by == tuple(sorted(FAMILIES["latent"]))
        assert registry.report()["budget"] is None
        registry.limit(3 * BYTES + 1)
        assert registry.standing("four")["pixel_net"][0] == "evicted"
        waiting = registry.ask("four", ("pixel_net", "pixel_decoder"))
        assert waiting.state == "waiting"
    waiting.release()
    registry.limit(2 * BYTES)
    assert registry.report()["used"] <= 2 * BYTES
    registry.limit(None)
    with registry.borrow("four", NAMES):
        assert registry.report()["used"] == len(NAMES) * BYTES


def test_who_waits_for_more_than_a_lower_budget_will_ever_hold_is_told():
    registry = lender(parts=4)
    with registry.borrow("four", ("clip", "latent_net")):
        waiting = registry.ask("four", ("pixel_net", "pixel_decoder", "unclip_net"))
        assert waiting.state == "waiting"
        registry.limit(2 * BYTES)
        with pytest.raises(WontFit):
            waiting.wait()
        registry.limit(4 * BYTES)
