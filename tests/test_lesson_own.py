"""A visitor's own picture: the middle of it, upright, and no file that breaks anything."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lab.lessons.own import NotAPicture, open_own


def test_a_picture_of_the_right_size_comes_back_bit_by_bit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    own = open_own(tmp_path / "a.png", 64, 64)
    assert torch.equal((own.picture * 255).round().byte(), torch.from_numpy(pixels).movedim(-1, 0))
    assert (own.given, own.cut) == ((64, 64), False)


def test_the_middle_stays_and_the_sides_go(tmp_path):
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64, 1] = 255
    Image.fromarray(wide).save(tmp_path / "a.webp", lossless=True)
    own = open_own(tmp_path / "a.webp", 16, 16)
    assert own.cut
    torch.testing.assert_close(own.picture.mean((1, 2)), torch.tensor([0.0, 1.0, 0.0]), atol=0.02, rtol=0)


def test_a_turned_photograph_stands_upright_and_glass_is_white(tmp_path):
    turned = Image.new("RGB", (20, 40), "black")
    turned.paste("red", (0, 0, 20, 20))
    exif = turned.getexif()
    exif[274] = 3  # upside down
    turned.save(tmp_path / "a.jpg", exif=exif, quality=95)
    own = open_own(tmp_path / "a.jpg", 40, 20)
    assert own.picture[0, 30, 10] > 0.9 > 0.1 > own.picture[0, 10, 10]
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "glass.png")
    assert open_own(tmp_path / "glass.png", 8, 8).picture.min() == 1


def huge(side):
    """A PNG of `side` x `side` pixels in a few bytes: a header, and where the pixels would begin."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), b"IDAT"]
    lengths = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(lengths)


@pytest.mark.parametrize("reason", ["unreadable", "large"])
def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path, reason):
    broken = io.BytesIO()
    Image.new("RGB", (64, 64)).save(broken, "png")
    file = tmp_path / "a.png"
    for data in {"unreadable": [b"hello", b"", broken.getvalue()[:60]], "large": [huge(7000), huge(65536)]}[reason]:
        file.write_bytes(data)
        with pytest.raises(NotAPicture) as refused:
            open_own(file, 64, 64)
        assert refused.value.reason == reason
