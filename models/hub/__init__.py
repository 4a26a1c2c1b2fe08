"""Weights from a hub, safely: whole or not at all, pinned by hash, converted from pickles, refused when foul."""
