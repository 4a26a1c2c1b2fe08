"""What a picture tower need not compute twice: its batch norms, folded into the convolutions before them.

In evaluation a BatchNorm is one factor and one summand a channel, which a convolution can take over (Jacob et al.,
arXiv 1712.05877, section 3.2): the same values, one pass over every map less, forward and backward.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

PAIRS = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1"))  # as open_clip's residual nets name them


def folded(tower: nn.Module) -> nn.Module:
    """`tower`, changed in place: no BatchNorm2d after a convolution of PAIRS, and weights with channels last.

    A tower without any, a vision transformer, stays as it is.
    """
    found = [
        (module, conv, norm)
        for module in tower.modules()
        for conv, norm in PAIRS
        if isinstance(getattr(module, norm, None), nn.BatchNorm2d)
    ]
    for module, conv, norm in found:
        setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv).eval(), getattr(module, norm).eval()))
        setattr(module, norm, nn.Identity())
    return tower.to(memory_format=torch.channels_last) if found else tower
