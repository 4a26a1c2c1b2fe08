"""The painters' own tabs as the page wires them: every control, put to another value, brings another picture back."""

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.ui.painters.pixel import trip
from lab.ui.painters.unclip import acts
from tests.pressed import pixels

INPUTS = (
    gr.Slider, gr.Number, gr.Dropdown, gr.Radio, gr.Checkbox, gr.CheckboxGroup, gr.Textbox, gr.UploadButton,
    gr.ImageEditor,
)  # fmt: skip
TABS = ("latent", "pixel", "vqgan_clip", "unclip")
QUICK = {"Steps": 2}
CLIMB = {"Steps": 3, "Crops": 2}
THINK = QUICK | {"Prior steps": 2, "How many thoughts": 2}
# What stands in an act's controls throughout: few steps, and what makes others count.
ACTS = {
    "latent-guidance-go": QUICK | {"Guidance": [3.0]},
    "latent-text-go": QUICK,
    "latent-image-go": {"Strength": [0.5], "Steps": 10},
    "latent-repaint-go": {"Steps": 10},
    "latent-schedulers-go": {"Scheduler": ["ddim"], "Steps": [2]},
    "latent-latents-go": {"Steps": 10},
    "latent-vae-go": {},
    "pixel-trip-go": QUICK,
    "pixel-steps-go": {"Steps": [2]},
    "pixel-variance-go": {"Steps of the chain": 10},
    "pixel-samples-go": QUICK | {"How many pictures": 2},
    "vq-crops-go": CLIMB,
    "vq-towers-go": CLIMB,
    "vq-switches-go": {},
    "vq-tiles-go": {},
    "unclip-prior-go": THINK,
    "unclip-four-go": THINK,
    "unclip-three-go": THINK,
    "unclip-varied-go": THINK,
    "unclip-larger-go": THINK | {"Enlarging steps": 2},
}
# Acts that share the settings of another, and which controls are tried in them.
SOME = {
    "vq-towers-go": {"The sentence", "Seed", "Steps"},
    "vq-switches-go": {"The sentence", "What may happen to a crop", "Turn"},
    "vq-tiles-go": {"The sentence"},
    "unclip-four-go": {"The sentence", "Seed", "Guided from"},
    "unclip-three-go": {"The picture", "Choose a picture", "The sentence", "Seed"},
    "unclip-varied-go": {"The picture", "Choose a picture", "The sentence", "Seed"},
    "unclip-larger-go": {"Enlarging steps", "Noise on the small picture", "The sentence", "Seed"},
}
# Controls of the whole tab that an act does not read.
UNREAD = {"latent-vae-go": {"The sentence", "Seed"}, "pixel-samples-go": {"The sentence"}}
# Another value, where it is not simply the next one.
OTHER = {
    "The sentence": "a blue boat", "What to avoid": "a dog", "What to climb away from": "a red cat",
    "Guidance": 9.0, "Guided from": 0.2, "Prior guidance": 9.0, "Eta": 1.0, "Width": 32, "Height": 32, "Strength": 0.8,
    "Push away": 2.0, "Rate": 0.8, "Final rate": 0.9, "Limit": 0.5, "Average": 0.9, "Smallest crop": 0.1,
    "Small crops": 4.0, "Turn": 90.0, "Shift": 0.5, "Tint": 0.8, "Noise": 0.6, "Holes": 0.6, "Bend": 0.2,
    "How far the noise goes, in percent": 40, "Noise on the small picture": 0.4, "The picture": "own",
}  # fmt: skip
# What else has to be chosen for a control to matter; OWN is a file.
OWN = object()
NEEDS = {
    "Eta": {"Scheduler": "ddim"}, "Enlarging steps": {"Enlarge": True},
    "Push away": {"What to climb away from": "a cat"}, "The picture": {"Choose a picture": OWN, "Give a picture": OWN},
    "Choose a picture": {"The picture": "own", "Choose a picture": OWN},
    "Give a picture": {"The picture": "own", "Begins with": "picture", "Give a picture": OWN},
}  # fmt: skip
# Tried by themselves: one draws curves, the others hang a picture before any act.
ALONE = {"Tables", "Bring a picture", "or a page of the storybook"}


def named(block):
    return block.label or block.elem_id


def another(block, value, other):
    """What is put in the place of `value`."""
    if isinstance(block, gr.UploadButton):
        return other
    if isinstance(block, gr.ImageEditor):
        return drawn(8)
    if isinstance(block, gr.CheckboxGroup):
        return value[1:] if len(value) > 1 else [*value, next(each for _, each in block.choices if each not in value)]
    if named(block) in OTHER:
        return OTHER[named(block)]
    if isinstance(block, (gr.Dropdown, gr.Radio)):
        return next(each for _, each in block.choices if each not in (value, ""))
    return not value if isinstance(block, gr.Checkbox) else value + 1


def drawn(left):
    """What the editor gives once a square was drawn on a picture."""
    layer = np.zeros((64, 64, 4), np.uint8)
    layer[16:40, left : left + 24] = 255
    return {"background": np.full((64, 64, 4), 128, np.uint8), "layers": [layer]}


def hung(streamed):
    """Every picture that hangs at the end, in order."""
    walls = {}
    for value in streamed:
        for place, part in enumerate(value if isinstance(value, (list, tuple)) else [value]):
            if isinstance(part, dict) and part.get("cells"):
                walls[place] = part["cells"]
            elif isinstance(part, tuple):
                walls[place] = part
    found = []
    for wall in walls.values():
        sources = [image for cell in wall.values() for image in cell["images"]] if isinstance(wall, dict) else wall
        found += [pixels(each) if isinstance(each, str) else each for each in sources]
    assert found, "nothing hangs"
    return found


def same(one, other):
    """Whether the same pictures hang, but for rounding."""
    if [each.shape for each in one] != [each.shape for each in other]:
        return False
    return all(np.abs(a.astype(int) - b.astype(int)).max() <= 1 for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def files(own, tmp_path_factory):
    """Two pictures of a visitor's own."""
    file = tmp_path_factory.mktemp("other") / "other.png"
    Image.new("RGB", (64, 64), (20, 160, 60)).save(file)
    return own, str(file)


def tried(page, act):
    """The controls of an act that are put to another value."""
    blocks = [block for block in page.event(act).inputs if isinstance(block, INPUTS) and block.elem_id != "language"]
    return [block for block in blocks if act not in SOME or named(block) in SOME[act]]


@pytest.mark.parametrize("act", ACTS)
def test_every_control_of_an_act_changes_its_pictures(page, files, act, monkeypatch):
    monkeypatch.setattr(acts, "READING", 0.0)  # nobody reads, nobody watches
    monkeypatch.setattr(trip, "STRIDE", 0.0)
    event, (own, other) = page.event(act), files
    names = {named(block): block for block in event.inputs if isinstance(block, INPUTS)}

    def given(wanted):
        wanted = {names[name]: own if value is OWN else value for name, value in wanted.items() if name in names}
        return wanted | {block: drawn(24) for block in names.values() if isinstance(block, gr.ImageEditor)}

    def paint(values):
        return hung(page.press(act, changes=list(values.items())))

    base = paint(given(ACTS[act]))
    for block in tried(page, act):
        name = named(block)
        needed = given(ACTS[act] | NEEDS.get(name, {}))
        before = paint(needed) if name in NEEDS else base
        after = paint(needed | {block: another(block, needed.get(block, block.value), other)})
        assert same(before, after) == (name in UNREAD.get(act, ())), f"{act}: {name}"


def test_no_control_of_these_tabs_is_left_out(page):
    found = {block for act in ACTS for block in tried(page, act)}
    for block in page.blocks.blocks.values():
        above = block
        while above is not None and not (isinstance(above, gr.Tab) and above.id in TABS):
            above = above.parent
        if above is not None and isinstance(block, INPUTS) and named(block) not in ALONE:
            assert block in found, f"{above.id}: {named(block)} is tried by no act"


@pytest.mark.parametrize("act", ["image", "repaint", "vae"])
def test_a_picture_of_ones_own_takes_the_place_of_a_page_and_a_page_its(page, files, act):
    upload = page.event(f"latent-{act}-file", "upload")
    (number,) = [block for block in upload.inputs if isinstance(block, gr.Slider)]

    def shown(event, *values):
        """What the act would work on: the path of a visitor's own picture, and the picture."""
        given = dict(zip(event.outputs, event.fn(*values), strict=True))
        (path,) = [value for block, value in given.items() if isinstance(block, gr.State)]
        wall = given[page.block("latent-editor" if act == "repaint" else f"latent-{act}")]
        return path, np.asarray(wall["background"])[..., :3] if act == "repaint" else hung([wall])[0]

    for file in files:
        path, picture = shown(upload, file, number.value)
        own = np.asarray(Image.open(file).resize(picture.shape[:2]))
        assert path == file
        assert np.abs(picture.astype(int) - own).mean() < 40, "another picture, but for how it was enlarged"
    (path, one), (_, other) = (shown(page.event(number, "input"), n) for n in (50, 51))
    assert path is None
    assert not same([one], [other])
