"""The lessons of the pixel painter, against diffusers' schedulers, the papers' equations and the painter itself."""

import threading

import pytest
import torch
from diffusers import DDPMScheduler

from lab.lessons import forward, reverse, schedule
from lab.lessons.given import page, pixels, resized, tensor
from lab.race import default_engine
from models.protocol import Prompt, Request
from models.samplers.pixel import PixelKnobs
from tests.tinysuite import TEXT, engine

CONFIG = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}


def close(a, b, most=1e-6):
    torch.testing.assert_close(torch.as_tensor(a).double(), torch.as_tensor(b).double(), atol=most, rtol=most)


def road(name="ddim", steps=6, **more):
    return forward.way(schedule.net(engine(), "classroom").scheduler, name, steps, **more)


def test_the_net_is_read_from_its_files():
    net = schedule.net(engine(), "classroom")
    picture = engine().paint(Request("pixel", Prompt("", seeds=(0,)), PixelKnobs(steps=1), "classroom", "a"))
    assert picture.shape[2:] == (net.height, net.width)


@pytest.mark.parametrize(("kind", "name"), [("own", "linear"), *schedule.KINDS.items()])
def test_every_table_is_diffusers_and_its_curves_are_the_papers(kind, name):
    found = schedule.schedule(CONFIG, kind)
    theirs = DDPMScheduler(**CONFIG | {"beta_schedule": name})
    close(found.bars, theirs.alphas_cumprod, 2e-6)
    signal, noise, beta_tilde = 1.0, 0.0, []
    for beta in found.betas.tolist():  # one step after the other, by equation 2
        beta_tilde.append(noise / ((1 - beta) * noise + beta) * beta)
        signal, noise = (1 - beta) ** 0.5 * signal, (1 - beta) * noise + beta
        assert signal**2 + noise == pytest.approx(1)
    close(found.bars[-1], signal**2)
    close(found.posterior, beta_tilde)
    close(found.snr, found.bars / (1 - found.bars))


@pytest.mark.parametrize("steps", [10, 25, 100, 1000])
def test_a_respaced_chain_has_the_variances_that_diffusers_samples_with(steps):
    found = schedule.schedule(CONFIG).respaced(steps)
    theirs = DDPMScheduler(**CONFIG, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    times = theirs.timesteps.flip(0)
    assert len(found.betas) == steps
    for kind, mine in (("fixed_large", found.betas), ("fixed_small", found.posterior)):
        close(mine[1:], [theirs._get_variance(t, variance_type=kind) for t in times[1:]], 1e-4)
    assert found.posterior[0] == 0


def test_what_there_is_no_table_for_says_what_there_is():
    with pytest.raises(ValueError, match="kind is 'square'"):
        schedule.schedule(CONFIG, "square")
    with pytest.raises(ValueError, match="steps is 1001"):
        schedule.schedule(CONFIG).respaced(1001)
    with pytest.raises(ValueError, match="reach is 0"):
        road(reach=0)


@pytest.mark.parametrize(("steps", "reach"), [(1, 1.0), (5, 1.0), (25, 1.0), (25, 0.05), (1000, 0.5)])
def test_places_begin_with_the_noisiest_end_with_the_picture_and_never_turn(steps, reach):
    way = road(steps=steps, reach=reach)
    assert (way.places[0], way.places[-1], way.time(way.steps), way.left(way.steps)) == (0, way.steps, None, 1.0)
    assert len(set(way.places)) == len(way.places) <= min(7, way.steps + 1)
    assert steps < 25 or reach < 1 or len(way.places) == 7
    assert sorted(way.places) == list(way.places)


@pytest.mark.parametrize(("steps", "reach"), [(1, 1.0), (20, 0.05)])
def test_a_way_of_one_step_that_begins_at_timestep_0_still_ends_with_the_picture(steps, reach):
    way = forward.way({**CONFIG, "timestep_spacing": "leading"}, "ddim", steps, reach)
    assert (way.times.tolist(), way.places) == ([0], (0, 1))


@pytest.mark.parametrize("reach", [0.3, 1.0])
def test_the_strip_is_the_closed_form_that_diffusers_adds_noise_by(reach):
    way, given = road(steps=20, reach=reach), torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    strip = list(forward.run(way, given, torch.Generator().manual_seed(7)))
    assert [there.place for there in strip] == sorted(way.places, reverse=True)
    epsilon = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(7))
    theirs = DDPMScheduler(**schedule.net(engine(), "classroom").scheduler)
    for there in strip[1:]:
        close(there.x, theirs.add_noise(given * 2 - 1, epsilon, torch.tensor([there.time])), 1e-5)
    close(strip[0].x, given * 2 - 1)
    assert strip[-1].time <= reach * 1000
    assert [there.left for there in strip] == sorted((there.left for there in strip), reverse=True)


def back(way, x, seed, knobs, text=TEXT, stop=None, drawn=True):
    rng = torch.Generator().manual_seed(seed)
    if drawn:
        torch.randn(x.shape, generator=rng)  # what the way in drew
    return list(reverse.run(engine(), "classroom", way, x, rng, text, knobs, stop or threading.Event()))


@pytest.mark.parametrize("name", ["ddim", "ddpm", "dpm++"])
def test_from_pure_noise_the_strip_ends_with_the_painters_own_picture(name):
    net = schedule.net(engine(), "classroom")
    x = torch.randn((3, net.height, net.width), generator=torch.Generator().manual_seed(5))
    knobs = PixelKnobs(steps=6, scheduler=name, guidance=3.0, guidance_from=0.6, eta=0.5)
    found = [news for news in back(road(name, 6, shown=4), x, 5, knobs) if isinstance(news, reverse.Back)]
    whole = engine().paint(Request("pixel", Prompt(TEXT, seeds=(5,)), knobs, "classroom", "a"))
    assert [news.place for news in found] == list(road(name, 6, shown=4).places)
    assert (found[-1].x == pixels(whole[0])).all()
    assert (found[0].x == pixels(x / 2 + 0.5)).all()


def test_what_the_net_believes_is_what_the_painter_shows_at_that_step():
    net = schedule.net(engine(), "classroom")
    x = torch.randn((3, net.height, net.width), generator=torch.Generator().manual_seed(5))
    knobs = PixelKnobs(steps=6, guidance=3.0)
    found = {news.place: news for news in back(road(steps=6, shown=4), x, 5, knobs) if isinstance(news, reverse.Back)}
    for place in road(steps=6, shown=4).places[:-1]:
        asked = Request("pixel", Prompt(TEXT, seeds=(5,)), knobs, "classroom", "a", stop=place + 1)
        assert (found[place].belief == pixels(engine().paint(asked)[0])).all()


def test_a_short_way_brings_the_picture_back_and_a_long_one_another():
    shipped = default_engine()
    net = schedule.net(shipped, "classroom")
    given, apart = resized(tensor(page(4).picture), net.height, net.width), []
    for reach in (0.2, 1.0):
        way, rng = forward.way(net.scheduler, "ddim", 10, reach), torch.Generator().manual_seed(3)
        *_, noisiest = forward.run(way, given, rng)
        strip = reverse.run(shipped, "classroom", way, noisiest.x, rng, "", PixelKnobs(guidance=1.0), threading.Event())
        *_, last = (news for news in strip if isinstance(news, reverse.Back))
        apart.append(abs(last.x.astype(float) - pixels(given)).mean())
    assert 3 * apart[0] < apart[1]


def test_a_strip_that_is_stopped_ends_with_an_event_that_says_so():
    net, stop = schedule.net(engine(), "classroom"), threading.Event()
    x = torch.zeros(3, net.height, net.width)
    knobs = PixelKnobs(guidance=1.0)
    strip = reverse.run(engine(), "classroom", road(steps=50), x, torch.Generator(), TEXT, knobs, stop)
    found = [next(strip)]
    stop.set()
    found += list(strip)
    assert found[-1].event.state == "cancelled"
    assert max(news.place for news in found) < 50
