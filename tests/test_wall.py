"""A wall's pictures as files: those that carry what paints them again may be kept, of others it is said why not.  And
what is said on a wall whose act ended early."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lab.race import settle
from lab.record import encode, fits, of_request, read
from lab.ui.acts import Acts
from lab.ui.theme import asset
from lab.ui.wall import Wall
from lab.ui.words import LANGUAGES, say
from models.protocol import Prompt, Request
from models.registry import WontFit
from tests.tinysuite import TEXT, engine


def noted(side):
    """The receipt of a picture that began with noise, which nothing packs, of `side` pixels."""
    start = torch.randint(0, 256, (3, side, side), generator=torch.Generator().manual_seed(1)) / 255
    request = Request("latent", Prompt(TEXT, seeds=(4,), image=start), settle(engine(), "latent", {}), "classroom", "t")
    done = {"step": [4, 4], "cut": False, "facts": {}, "timings": {}, "index": 0, "box": [0, 0, side, side]}
    return of_request(engine(), request) | done


def test_a_picture_whose_receipt_is_too_long_is_not_offered_as_one_that_carries_it(tmp_path):
    image = np.zeros((768, 768, 3), np.uint8)
    wall, notes = Wall(["", ""]), [noted(768), noted(64)]
    for column, note in enumerate(notes):
        wall.put(0, column, image[None], receipts=[note])
        assert len(wall.value["cells"][f"0,{column}"]["images"]) == 1, "the picture itself is shown"
    large, small = (wall.value["cells"][f"0,{column}"] for column in (0, 1))
    assert (large["files"], small["files"]) == ([None], ["quartet-latent-4.png"])
    file = tmp_path / small["files"][0]
    file.write_bytes(base64.b64decode(small["images"][0].partition(",")[2]))
    assert read(file).receipts[0]["seeds"] == [4]
    assert [fits(note) for note in notes] == [False, True]
    with pytest.raises(ValueError, match="can be read back"):
        encode(image, notes[0])
    assert 'say("wall.heavy")' in asset("js/wall.js")


@pytest.mark.parametrize(
    ("error", "key", "words"),
    [
        (WontFit(3 * 10**9, 10**9, ()), "say.large", ("3.0", "1.0")),
        (torch.OutOfMemoryError("no room"), "say.memory", ()),
        (MemoryError(), "say.memory", ()),
        (KeyError("a mistake of ours"), "say.early", ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_act_that_ends_early_says_what_to_change_and_speaks_of_no_race(error, key, words):
    def act(stop):
        yield {"line": None}
        raise error

    *_, told = Acts().play(SimpleNamespace(session_hash="a"), act)
    assert told["trouble"]["key"] == key
    for language in LANGUAGES:
        said = say(key, language, **told["trouble"]["values"])
        assert all(word in said for word in words)
        assert not {"race", "mistake"} & set(said.split())
