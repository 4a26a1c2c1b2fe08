"""Chinese titles and postcards are drawn in LXGW WenKai cut down to what the page says; new words need a new cut.

`lxgw-wenkai-latin-500-normal.woff2` of the npm package @fontsource/lxgw-wenkai is cut with fonttools:
`pyftsubset FILE --text-file=CHARACTERS --layout-features=kern,vert --no-hinting --notdef-outline --flavor=woff2`, and
its names 1, 3, 4, 6 and 16 become "Quartet Kai", since the licence reserves the old one.
"""

import re

import pytest
from PIL import ImageFont

from lab.storybook import words as storybook
from lab.ui.theme import ASSETS
from lab.ui.words import EXAMPLES, catalogue

FONT = ImageFont.truetype(str(ASSETS / "fonts" / "quartet-kai.woff2"), 32)
CHINESE = re.compile(r"[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]")
SHOWN = {
    "the page": "".join(catalogue()["zh"].values()),
    "the examples": "".join(EXAMPLES["zh"]),
    "the storybook": str(vars(storybook)),
}


def drawn(character):
    return bytes(FONT.getmask(character))


def lacks(text):
    """The Chinese characters and signs of `text` that the font draws as it draws what it has not."""
    nothing = drawn("\uffff")
    return "".join(sorted({found for found in CHINESE.findall(text) if drawn(found) == nothing}))


@pytest.mark.parametrize("place", SHOWN)
def test_every_chinese_character_that_is_said_is_in_the_title_font(place):
    assert CHINESE.search(SHOWN[place])
    assert not lacks(SHOWN[place]), "cut the font anew with these; the head of this file says how"


def test_what_is_not_in_the_font_is_noticed_and_its_name_is_its_own():
    assert lacks("猫龘、鑫") == "鑫龘"
    assert FONT.getname()[0] == "Quartet Kai"
