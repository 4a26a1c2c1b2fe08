"""Augmented crops: the views of one picture through which CLIP judges it, as one warp and one pointwise pass.

A CLIP asked about a whole picture is easily fooled by texture; asked about many crops, each cut, turned, bent,
tinted, noised and holed at random, it asks for a picture (Crowson et al., VQGAN-CLIP, arXiv 2204.08583, section 3.2).
Libraries run these one after another over every crop.  Here place, affine, perspective and flip multiply into one
3 x 3 homography a crop, the colours into one 3 x 4 matrix, and their random numbers come ahead of time, as rows.

A crop's own coordinates and the picture's are both [-1, 1] from edge to edge, x to the right and y down.
"""

from models.samplers.crops.cut import Crops, cut
from models.samplers.crops.draw import CropKnobs, draw_crops

__all__ = ["CropKnobs", "Crops", "cut", "draw_crops"]
