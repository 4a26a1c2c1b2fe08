"""The Stable Diffusion tab without a browser: what its lessons find, and what its acts hang on their walls."""

import asyncio
import base64
import io
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image

from lab.lessons import autoencoder, guidance, inpainting, latents, schedulers, strength
from lab.lessons.compared import Found
from lab.lessons.given import page, pixels, side_of, tensor
from lab.measure.appraise import appraise
from lab.race import Event, default_engine, open_suite
from lab.ui import controls
from lab.ui.acts import Acts, Refusal
from lab.ui.painters.latent import desk, draw, free, inside, pictures, strips, swap
from lab.ui.texts import Texts
from lab.ui.words import LANGUAGES, say
from models.catalog.own import read_own, with_own
from models.protocol import Prompt, Request
from models.samplers.diffusion import picture
from models.samplers.latent import LatentKnobs
from tests.tinysuite import TEXT, engine, folder

SUITE = "classroom"
BARE = {"background": np.zeros((8, 8, 4), np.uint8), "layers": [np.zeros((8, 8, 4), np.uint8)]}


@pytest.fixture(scope="module")
def table():
    """A desk as the tab has it, without its page."""
    return SimpleNamespace(
        engine=engine(),
        suite=SUITE,
        acts=Acts(),
        side=side_of(engine(), SUITE),
        base=LatentKnobs(),
        lane="latent",
        least=1,
    )


def asked(text=TEXT, seed=1, stop=None):
    return desk.Asked(text, seed, "visitor", stop or threading.Event())


def last(values):
    *_, value = values
    return value


def painted(text=TEXT, seed=1, image=None, mask=None, **knobs):
    """What the bare painter gives, (1, H, W, 3) uint8."""
    prompt = Prompt(text, seeds=(seed,), image=image, mask=mask)
    request = Request("latent", prompt, LatentKnobs(**knobs), SUITE, "bare")
    found = engine().paint(request)
    return found.mul(255).round().byte().movedim(1, -1).numpy()


def near(one, other):
    """Equal but for rounding: batches of another size add up in another order."""
    return np.abs(one.astype(int) - other.astype(int)).max() <= 1


def image_of(shown, place):
    """The picture that hangs at a place of a wall, (H, W, 3) uint8."""
    (source,) = shown["cells"][place]["images"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def frames(told):
    found = {item.lane: item.frame for item in told if isinstance(item, Event) and item.frame is not None}
    assert found
    return found


def refusal(table, play, *values, text=TEXT, seed=1):
    """What a wall shows where an act cannot be played, in both languages."""
    shown = last(desk.Desk.play(table, SimpleNamespace(session_hash="a"), play, text, seed, *values))
    assert all(say(shown["trouble"]["key"], language, **shown["trouble"]["values"]) for language in LANGUAGES)
    assert shown["cells"] == {}
    return shown["trouble"]["key"]


def test_a_strip_is_one_seed_at_several_scales_and_its_figures_are_those_of_its_pictures():
    told = list(guidance.run(engine(), SUITE, TEXT, (1, 2), threading.Event(), LatentKnobs(steps=2), (1.0, 9.0)))
    pictures = frames(told)
    assert set(pictures) == {"1/1", "1/9", "2/1", "2/9"}
    for lane, image in pictures.items():
        seed, scale = lane.split("/")
        assert near(image, painted(seed=int(seed), steps=2, guidance=float(scale)))
    assert len({image.tobytes() for image in pictures.values()}) == 4
    found = {item.lane: item for item in told if isinstance(item, Found)}
    assert set(found) == set(pictures)
    with engine().registry.borrow(SUITE, ["clip"]) as parts:
        tokens = parts["clip"].tokenize([TEXT])
    for lane, worth in found.items():
        (similarity,) = appraise(engine(), SUITE, TEXT, pictures[lane], tokens).similarity
        assert worth.similarity == pytest.approx(similarity, abs=1e-4)
        assert worth.asked == (2 if lane.endswith("/1") else 4)  # with the sentence, and where guided without it
        assert worth.words == 3  # red, cat, snow
        assert 0 <= worth.right <= 3


def test_schedulers_share_their_noise_and_heun_asks_twice_a_step():
    names = ("ddim", "heun", "euler_a")
    told = list(schedulers.run(engine(), SUITE, TEXT, 3, threading.Event(), LatentKnobs(), names, (2, 4)))
    pictures = frames(told)
    assert len({image.tobytes() for image in pictures.values()}) == 6
    assert near(pictures["euler_a/4"], painted(seed=3, steps=4, scheduler="euler_a"))
    asked = {item.lane: item.asked for item in told if isinstance(item, Found)}
    assert [asked[f"ddim/{n}"] for n in (2, 4)] == [4, 8]
    assert [asked[f"heun/{n}"] for n in (2, 4)] == [6, 14]  # the last step needs no second look


def test_stop_ends_a_lesson_and_nothing_is_appraised():
    stop = threading.Event()
    told = []
    for item in guidance.run(engine(), SUITE, TEXT, (1,), stop, LatentKnobs(steps=200), (1.0, 5.0)):
        told.append(item)
        if isinstance(item, Event) and item.i:
            stop.set()
    assert not any(isinstance(item, Found) for item in told)
    assert {item.state for item in told[-2:]} == {"cancelled"}


def test_the_strip_on_the_wall_has_a_column_a_scale_and_a_row_a_seed(table):
    shown = last(strips.strip(table, asked(), [8, 1], 2, 2))
    assert [column if isinstance(column, str) else column["key"] for column in shown["columns"]] == [
        "latent.off",
        "× 8",
    ]
    assert [row["values"]["n"] for row in shown["rows"]] == [1, 2]
    assert near(image_of(shown, "1,1"), painted(seed=2, steps=2, guidance=8.0)[0])
    keys = [caption["key"] for caption in shown["cells"]["0,0"]["captions"]]
    assert keys == ["latent.near", "latent.right"]


def test_every_control_of_the_strips_changes_what_hangs(table):
    first = last(strips.strip(table, asked(), [5], 1, 2))["cells"]
    assert last(strips.strip(table, asked(), [5], 1, 3))["cells"] != first
    assert last(strips.strip(table, asked(), [9], 1, 2))["cells"] != first
    assert last(strips.strip(table, asked(seed=2), [5], 1, 2))["cells"] != first
    assert last(strips.strip(table, asked(text="a blue boat"), [5], 1, 2))["cells"] != first
    assert set(last(strips.strip(table, asked(), [5], 2, 2))["cells"]) == {"0,0", "1,0"}
    shown = last(strips.side_by_side(table, asked(), ["heun", "ddim"], [3, 2]))
    assert (shown["columns"], [row["values"]["n"] for row in shown["rows"]]) == (["DDIM", "Heun"], [2, 3])
    costs = [shown["cells"][place]["captions"][0]["values"]["n"] for place in ("0,0", "0,1", "1,0", "1,1")]
    assert costs == [4, 6, 6, 10]


def test_what_an_act_does_not_ask_for_is_as_the_suite_has_it(table):
    theirs = {"guidance": 7.5, "scheduler": "ddim", "eta": 1.0}
    table = SimpleNamespace(**vars(table) | {"base": LatentKnobs(**theirs)})
    given = pictures.opened(None, 43, table.side).picture
    edited = free.of_page(43)
    edited["background"] = np.asarray(edited["background"])
    picture, mask = free._edited(edited, table.side)
    for play, values, place, more, asks in (
        (strips.strip, ([5], 1, 3), "0,0", {}, {"steps": 3, "guidance": 5.0}),
        (strips.side_by_side, (["euler_a"], [3]), "0,0", {}, {"steps": 3, "scheduler": "euler_a"}),
        (pictures.over, (None, 43, [0.8], 4, 5), "0,1", {"image": given},
         {"steps": 5, "guidance": 4.0, "strength": 0.8}),
        (free.repaint, (edited, 1, 4, 3), "0,1", {"image": picture, "mask": mask},
         {"steps": 3, "guidance": 4.0, "strength": 1.0}),
    ):  # fmt: skip
        shown = image_of(last(play(table, asked(), *values)), place)
        assert near(shown, painted(**more, **theirs | asks)[0]), play.__name__
        assert not near(shown, painted(**more, **asks)[0]), f"{play.__name__} paints alike without the suite's settings"


@pytest.mark.parametrize(
    ("play", "values", "given", "key"),
    [
        (strips.strip, ([5], 1, 2), {"text": "  "}, "say.empty"),
        (strips.strip, ([5], 1, 2), {"text": "x" * 1001}, "say.long"),
        (strips.strip, ([5], 1, 2), {"seed": None}, "say.seed"),
        (strips.strip, ([], 1, 2), {}, "latent.say.tick"),
        (strips.side_by_side, ([], [5]), {}, "latent.say.tick"),
        (strips.side_by_side, (["ddim"], []), {}, "latent.say.tick"),
        (pictures.over, (None, 43, [], 5, 4), {}, "latent.say.tick"),
        (pictures.over, (None, 999, [0.5], 5, 4), {}, "latent.say.page"),
        (pictures.there_and_back, (__file__, 43, 4), {}, "latent.say.unreadable"),
        (free.repaint, (None, 1, 5, 4), {}, "say.nofile"),
        (free.repaint, (BARE, 1, 5, 4), {}, "latent.say.nohole"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_in_both_languages(table, play, values, given, key):
    assert refusal(table, play, *values, **given) == key


def test_little_strength_keeps_a_picture_and_much_forgets_it():
    given = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(5))
    told = list(strength.run(engine(), SUITE, TEXT, 1, given, threading.Event(), LatentKnobs(steps=5), (0.2, 1.0)))
    asked = {item.lane: item.asked for item in told if isinstance(item, Found)}
    assert asked == {"0.2": 2, "1": 10}  # one step of five is left, or all of them
    through = autoencoder.run(engine(), SUITE, given)
    far = {lane: np.abs(image[0] - 255.0 * through.rebuilt.permute(1, 2, 0).numpy()).mean()
           for lane, image in frames(told).items()}  # fmt: skip
    assert far["0.2"] < far["1"]


def test_outside_the_hole_a_picture_stays_what_the_autoencoder_makes_of_it():
    given = tensor(page(43).picture.reduce(4))
    mask = torch.zeros(1, 64, 64)
    mask[:, 16:48, 16:48] = 1
    knobs = LatentKnobs(steps=2, strength=1.0)
    told = list(inpainting.run(engine(), SUITE, TEXT, 1, given, mask, threading.Event(), knobs))
    (kept,) = [item for item in told if isinstance(item, inpainting.Kept)]
    image = frames(told)[inpainting.LANE][0].astype(float)
    off, hole = np.abs(image - pixels(given)).mean(-1), mask[0].numpy() > 0
    assert (kept.outside, kept.inside) == pytest.approx((off[~hole].mean(), off[hole].mean()), abs=0.01)
    with pytest.raises(ValueError, match="mask is 0 everywhere"):
        next(inpainting.run(engine(), SUITE, TEXT, 1, given, 0 * mask, threading.Event(), knobs))


def test_moments_run_from_the_seeds_own_noise_to_the_finished_picture():
    knobs = LatentKnobs(steps=4, guidance=3.0, scheduler="ddim")
    found = list(latents.run(engine(), SUITE, TEXT, 4, threading.Event(), knobs, moments=5))
    assert [(moment.i, moment.n) for moment in found] == [(i, 4) for i in range(5)]
    assert [moment.noise for moment in found] == sorted((moment.noise for moment in found), reverse=True)
    assert found[-1].noise == 0
    assert near(found[-1].state, painted(seed=4, steps=4, guidance=3.0)[0])
    # DPM++'s first step is of first order (arXiv 2211.01095, equation 9): the noise before it follows from after it
    first, second = found[:2]
    sigma, later = first.noise, second.noise
    alpha, alpha_later = (1 - sigma**2) ** 0.5, (1 - later**2) ** 0.5
    share = later / sigma
    x0 = _believed(4, steps=4, guidance=3.0)
    torch.testing.assert_close(first.z, (second.z - (alpha_later - alpha * share) * x0) / share, atol=2e-3, rtol=2e-3)
    assert first.belief is None
    assert near(second.belief, pixels(picture(engine().call(latents.DECODE, x0[None], suite=SUITE))[0]))


def _believed(seed, **knobs):
    """x0 after the first step, (C, h, w)."""
    request = Request("latent", Prompt(TEXT, seeds=(seed,)), LatentKnobs(**knobs), SUITE, "bare")
    run = engine().submit(request, keep=(1,))
    engine().wait(run)
    return run.states[1].scheduler.model_outputs[-1][0]


def test_a_channel_is_grey_in_its_middle():
    ramp = latents.grey(torch.tensor([[-9.0, -3.0, 0.0, 3.0, 9.0]]))
    assert (ramp == ramp[..., :1]).all()
    assert ramp[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_there_and_back_is_encode_and_decode_and_psnr_is_its_formula():
    given = tensor(page(43).picture.reduce(4))
    found = autoencoder.run(engine(), SUITE, given)
    with engine().registry.borrow(SUITE, ["vae"]) as parts, torch.no_grad():
        vae = parts["vae"]
        back = vae.decode(vae.encode(given[None] * 2 - 1).latent_dist.mean).sample[0] / 2 + 0.5
    torch.testing.assert_close(found.rebuilt, back.clamp(0, 1), atol=1e-5, rtol=0)
    error = (given - back.clamp(0, 1)).numpy().astype(np.float64)
    assert found.psnr == pytest.approx(-10 * np.log10((error**2).mean()), abs=1e-3)
    assert found.most == round(255 * np.abs(error).max())
    assert found.fewer == given.numel() / found.z.numel()
    assert autoencoder.Through(given, given, found.z).psnr == float("inf")
    half = autoencoder.Through(given * 0 + 0.5, given * 0 + 0.4, found.z)
    assert half.psnr == pytest.approx(20, abs=1e-3)
    assert {int(value) for value in np.unique(half.difference(4))} == {102}


def test_every_setting_of_free_painting_is_obeyed(table):
    names = [spec.name for spec in controls.shown(LatentKnobs)]

    def given(avoid="", count=1, **knobs):
        values = controls.defaults(LatentKnobs())
        for name, value in ({"steps": 2} | knobs).items():
            values[names.index(name)] = value
        return last(free.paint(table, asked(), avoid, count, *values))["cells"]

    plain = given()
    assert near(_shown(plain, "0,0"), painted(steps=2)[0])
    assert set(given(count=2)) == {"0,0", "0,1"}
    for change in ({"avoid": "a dog"}, {"guidance": 9}, {"scheduler": "euler_a"}, {"steps": 3}):
        assert _shown(given(**change), "0,0").tobytes() != _shown(plain, "0,0").tobytes(), change
    assert _shown(given(width=32), "0,0").shape == (64, 32, 3)
    with pytest.raises(Refusal, match=r"say\.knob"):
        given(steps=0)


def _shown(cells, place):
    return image_of({"cells": cells}, place)


def test_a_picture_is_painted_over_at_the_strengths_that_are_ticked(table):
    shown = last(pictures.over(table, asked(), None, 43, [1.0, 0.5], 5, 4))
    assert shown["columns"][1:] == ["0.5", "1"]
    assert near(image_of(shown, "0,0"), pixels(tensor(page(43).picture.reduce(4))))
    for change in ((None, 50, [0.5], 5, 4), (None, 43, [0.5], 9, 4), (None, 43, [0.5], 5, 8)):
        other = last(pictures.over(table, asked(), *change))
        assert image_of(other, "0,1").tobytes() != image_of(shown, "0,1").tobytes(), change


def test_an_own_picture_is_told_from_a_page_and_goes_there_and_back(table, tmp_path):
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 10:70] = 200
    Image.fromarray(wide).save(tmp_path / "own.png")
    shown = last(pictures.there_and_back(table, asked(), str(tmp_path / "own.png"), 1, 4))
    assert shown["cells"]["0,0"]["captions"][0] == {"key": "latent.cut", "values": {"wide": 80, "tall": 40, "side": 64}}
    assert (image_of(shown, "0,0") == 200).all()
    assert shown["line"]["values"]["given"] == 3 * 64 * 64
    strong = last(pictures.there_and_back(table, asked(), str(tmp_path / "own.png"), 1, 8))
    assert image_of(strong, "0,2").sum() > image_of(shown, "0,2").sum()
    assert pictures._preview_back(table, None, 43)["cells"]["0,0"]["captions"][0]["values"] == {"n": 43}
    (tmp_path / "broken.png").write_bytes(b"<svg onload=alert(1)>")
    told = pictures._preview_back(table, str(tmp_path / "broken.png"), 1)
    assert told["trouble"]["key"] == "latent.say.unreadable"


def test_what_is_drawn_over_is_repainted(table, tmp_path):
    edited = free.of_page(43)
    edited["background"] = np.asarray(edited["background"])
    shown = last(free.repaint(table, asked(), edited, 1, 5, 2))
    assert shown["cells"]["0,1"]["captions"][0]["key"] == "latent.kept"
    hole = image_of(shown, "0,0").astype(int)
    apart = np.abs(hole - pixels(tensor(page(43).picture.reduce(4)))).sum(-1) > 3
    assert 0.05 < apart.mean() < 0.6
    for values in ((edited, 0.5, 5, 2), (edited, 1, 9, 2), (edited, 1, 5, 3)):
        other = last(free.repaint(table, asked(), *values))
        assert image_of(other, "0,1").tobytes() != image_of(shown, "0,1").tobytes()
    Image.new("RGB", (30, 30), "red").save(tmp_path / "own.png")
    own = free.editable(str(tmp_path / "own.png"), 43)
    assert own["layers"] == []
    assert np.asarray(own["background"]).shape == (free.EDIT, free.EDIT, 3)


def test_what_one_draws_on_is_as_large_as_what_the_suite_paints(monkeypatch):
    small, large = free.of_page(43), free.of_page(43, 512)
    assert np.asarray(large["background"]).shape == (512, 512, 3)
    assert (large["layers"][0][::2, ::2] == small["layers"][0]).all(), "the same is covered"
    for side, canvas in ((64, 256), (512, 512)):
        monkeypatch.setattr(desk.Desk, "side", side)
        (editor,) = [block for block in page_of()[0].blocks.values() if block.elem_id == "latent-editor"]
        assert editor.canvas_size == (canvas, canvas)


def test_a_file_that_cannot_be_repainted_is_told_on_the_wall_and_the_editor_keeps_its_picture(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"<svg onload=alert(1)>")
    page, _ = page_of()
    upload = wired(page, "latent-repaint-file", "upload")
    path, editor, told = upload.fn(str(tmp_path / "broken.png"), 43)
    assert [block.elem_id for block in upload.outputs[1:]] == ["latent-editor", "latent-repaint"]
    assert (path, editor) == (str(tmp_path / "broken.png"), gr.skip())
    assert told["trouble"]["key"] == "latent.say.unreadable"
    Image.new("RGB", (30, 30), "red").save(tmp_path / "own.png")
    _, editor, told = upload.fn(str(tmp_path / "own.png"), 43)
    assert np.asarray(editor["background"])[0, 0].tolist() == [255, 0, 0]
    assert told is None, "the message goes, and what hung there"
    (turned,) = [event for event in page.fns.values() if (upload.inputs[1]._id, "input") in event.targets
                 and event.outputs[1:] == upload.outputs[1:]]  # fmt: skip
    assert turned.fn(999)[2]["trouble"]["key"] == "latent.say.page"


def test_enter_in_the_sentence_paints_the_guidance_strip_and_shows_it():
    page, _ = page_of()
    (text,) = [block for block in page.blocks.values() if isinstance(block, gr.Textbox) and block.elem_id]
    entered = [event for event in page.fns.values() if (text._id, "submit") in event.targets]
    strip, shown = sorted(entered, key=lambda event: len(event.inputs), reverse=True)
    assert (strip.inputs, strip.outputs) == (
        wired(page, "latent-guidance-go", "click").inputs, wired(page, "latent-guidance-go", "click").outputs
    )  # fmt: skip
    assert [block.elem_id for block in shown.outputs] == ["latent-acts"]
    assert shown.fn().selected == "latent-guidance"


def test_there_and_back_needs_no_sentence():
    page, _ = page_of()
    go, request = wired(page, "latent-vae-go", "click"), SimpleNamespace(session_hash="a")
    found = last(go.fn(request, "", 1, None, 43, 4))
    assert found["trouble"] is None
    assert len(found["cells"]) == 3
    strip = last(wired(page, "latent-guidance-go", "click").fn(request, "", 1, [5], 1, 2))
    assert strip["trouble"]["key"] == "say.empty", "others are painted to it"


def test_without_a_net_that_enlarges_free_painting_says_so(table):
    whole = open_suite(folder())
    bare = replace(whole, parts={name: part for name, part in whole.parts.items() if name != "upsampler"})
    lacking = SimpleNamespace(**vars(table) | {"engine": default_engine(bare)})
    values = controls.defaults(LatentKnobs(upsample=True))
    assert refusal(lacking, free.paint, "", 1, *values) == "say.noupsampler"


def test_the_hidden_picture_hangs_developed_believed_and_channel_by_channel(table):
    shown = last(inside.look_inside(table, asked(), 3, 4, 5))
    channels = len(shown["rows"]) - 2
    assert channels == engine().call(autoencoder.ENCODE, torch.zeros(1, 3, 64, 64), suite=SUITE)[0].shape[1]
    assert [column["values"]["i"] for column in shown["columns"]] == [0, 2, 4]
    assert "1,0" not in shown["cells"]
    assert near(image_of(shown, "0,2"), image_of(shown, "1,2"))  # at the end it is what was believed
    assert len(last(inside.look_inside(table, asked(), 2, 4, 5))["columns"]) == 2
    for values in ((3, 6, 5), (3, 4, 9)):
        assert image_of(last(inside.look_inside(table, asked(), *values)), "0,2").tobytes() != (
            image_of(shown, "0,2").tobytes()
        )


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A desk on a suite for which quartet.toml names a second autoencoder."""
    suite, home = open_suite(folder()), tmp_path_factory.mktemp("own")
    other = AutoencoderKL.from_pretrained(suite["vae"].path)
    with torch.no_grad():
        other.decoder.conv_out.weight.neg_()
    other.save_pretrained(home / "vae")
    (home / "quartet.toml").write_text(f'[parts.vae_second]\npath = "{home / "vae"}"\nsubfolder = ""\n')
    table = with_own(suite, read_own(home / "quartet.toml"), home)
    return SimpleNamespace(engine=default_engine(table), suite=table.name, acts=Acts(), base=LatentKnobs())


def test_a_second_autoencoder_turns_the_same_latents_into_another_picture(second):
    shown = last(swap.swap(second, asked(seed=4), 2, 3, 5))
    assert near(image_of(shown, "0,0"), painted(seed=4, steps=3, guidance=5.0)[0])
    table = second.engine.registry.suite(second.suite)
    swapped = replace(table, parts=table.parts | {"vae": replace(table["vae_second"], name="vae")})
    request = Request("latent", Prompt(TEXT, seeds=(4,)), LatentKnobs(steps=3, guidance=5.0), SUITE, "bare")
    other = pixels(default_engine(swapped).paint(request)[0])
    assert near(image_of(shown, "0,1"), other)
    one, two, parted = (image_of(shown, f"0,{column}").astype(int) for column in range(3))
    assert (one != two).any()
    assert np.abs(np.clip(2 * np.abs(one - two), 0, 255) - parted).max() <= 3
    (said,) = shown["cells"]["0,2"]["captions"]
    assert float(said["values"]["n"]) == pytest.approx(np.abs(one - two).mean(), abs=0.6)
    assert all(say(said["key"], language, **said["values"]) for language in LANGUAGES)
    for change in ((asked(seed=5), 2, 3, 5), (asked(seed=4), 2, 2, 5), (asked(seed=4), 2, 3, 9)):
        assert (image_of(last(swap.swap(second, *change)), "0,1") != two).any()
    assert (image_of(last(swap.swap(second, asked(seed=4), 9, 3, 5)), "0,2") != parted).any()


def test_a_swap_that_is_stopped_decodes_nothing_more(second):
    stop = threading.Event()
    stop.set()
    assert set(last(swap.swap(second, asked(stop=stop), 2, 50, 5))["cells"]) == {"0,0"}


def page_of(running=None, suite=SUITE):
    """The tab on a page of its own, and its texts."""

    async def inside():  # in a loop, which Gradio would else open and leave open
        with gr.Blocks() as page:
            texts, language = Texts(), gr.Textbox("en")
            draw(running or engine(), suite, texts, language, Acts())
        return page, texts

    return asyncio.run(inside())


def wired(page, name, event):
    """What a component of a page sets off."""
    (block,) = [block for block in page.blocks.values() if block.elem_id == name]
    (found,) = [fn for fn in page.fns.values() if (block._id, event) in fn.targets]
    return found


def test_the_swap_has_its_buttons_where_there_is_a_second_autoencoder_and_says_how_to_bring_one_where_not(second):
    (one, texts), (two, _) = page_of(), page_of(second.engine, second.suite)
    ids = [{block.elem_id for block in page.blocks.values()} for page in (one, two)]
    assert [("latent-swap-go" in found) for found in ids] == [False, True]
    told = [text for language in LANGUAGES for update in texts.switch(language) for text in update.values()]
    assert sum("[parts.vae_second]" in text for text in told if isinstance(text, str)) == len(LANGUAGES)
