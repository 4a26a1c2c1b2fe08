"""Pictures as the page sends them, and what they hash to."""

import base64
import io
from hashlib import sha256

import numpy as np
from PIL import Image


def decoded(url):
    """The picture (H, W, 3) of a data URL."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def hashed(image):
    return sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
