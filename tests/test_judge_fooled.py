"""What our own CLIP takes for a scene and nobody else does: the judge must not be taken in."""

import pytest
import torch
import torch.nn.functional as F

from lab.measure.judge import read
from lab.storybook.dataset import FRESH, captions
from lab.train.fooled import fool
from models.catalog import ASSETS
from models.parts.clip import Clip
from models.parts.judge import Judge

SUITE = ASSETS / "classroom"


@pytest.mark.parametrize(("steps", "rate", "side"), [(50, 0.04, 64), (50, 0.06, 32), (35, 0.1, 21)])
def test_textures_that_our_own_clip_loves_are_rejected(steps, rate, side):
    clip = Clip.from_folder(SUITE / "clip")
    texts = captions(range(FRESH + 9000, FRESH + 9050))
    x = fool(clip, texts, torch.Generator().manual_seed(4), steps, rate, side)
    with torch.no_grad():
        words = clip.text(clip.tokenize(texts).ids).embedding
        assert F.cosine_similarity(clip.image(x), words).mean() > 0.4  # CLIP is fooled, or this shows nothing
    verdicts = read(x, Judge.from_folder(SUITE / "judge"))
    assert sum(not verdict.scene for verdict in verdicts) >= 0.98 * len(x)
