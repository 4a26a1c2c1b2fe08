"""Two pictures under one slider: every picture of every race of the visit may be one of them."""

from types import SimpleNamespace

import gradio as gr
import numpy as np

from lab.ui.compare.pairs import Pairs
from lab.ui.texts import Texts
from lab.ui.visits import KEPT, OWN, Visit, Visits
from tests.test_ui import made, painted, visitor


def test_each_of_several_pictures_may_lie_under_the_slider(show):
    def drawer():
        with gr.Blocks():
            return Pairs(show.visits, Texts(), gr.Textbox("en"))

    pairs = made(drawer)
    painted(show, lanes=["latent"], text="an older race")
    painted(show, lanes=["latent", "pixel"], count=3, seed=5)
    left, right = pairs.choices(visitor(), "en", None, None)
    names = [name.partition(":")[0] + name[-4:] for name, _ in left["choices"]]
    assert names[:6] == [f"{painter} ({seed})" for painter in ("Latent", "Pixel") for seed in (5, 6, 7)]
    keys = [key for _, key in left["choices"]]
    assert len(set(keys)) == 7
    assert (left["value"], right["value"]) == (keys[0], keys[5]), "of the newest race, the first and the last"
    images = show.visits.of("a")[0].race.outcomes["latent"].images
    for k, key in enumerate(keys[:3]):
        below, _ = pairs.shown(visitor(), key, keys[0])
        assert np.array_equal(below[::8, ::8], images[k])
    assert pairs.shown(visitor(), keys[0], "another/latent/0") is None
    left, right = pairs.choices(visitor(), "en", keys[2], keys[1])
    assert (left["value"], right["value"]) == (keys[2], keys[1])


def test_a_visitors_races_stay_as_long_as_the_strip_shows_them_whoever_else_paints():
    visits = Visits()
    for number in range(OWN + 1):
        visits.enter("a", Visit(f"a {number}", SimpleNamespace(stop=lambda: None), {}))
    for number in range(3 * OWN):
        visits.enter("b", Visit(f"b {number}", SimpleNamespace(stop=lambda: None), {}))
    assert [visit.key for visit in visits.of("a")] == [f"a {number}" for number in range(OWN, 0, -1)]
    assert len(visits.of("b")) == OWN
    for number in range(KEPT):
        visits.enter(f"c {number}", Visit(f"c {number}", SimpleNamespace(stop=lambda: None), {}))
    assert visits.of("a") == visits.of("b") == []
