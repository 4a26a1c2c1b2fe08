"""Licences of published weights, as their pages declare them, each with its limits in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from models.catalog import shapes as at

RAIL = "Free to use, also to earn with; a list of harmful uses is forbidden, and the list goes where the weights go."
FREE = "Free to use, change and pass on, also commercially, with its notice."

# repository -> (licence or None where no page seen declares one, its limits)
LICENCES: Mapping[str, tuple[str | None, str]] = {
    at.CLIP_L14: (None, "No licence of the weights was seen on their pages; ask before you serve them to others."),
    at.CLIP_B32: ("mit", FREE),
    at.SD15: ("creativeml-openrail-m", RAIL),
    at.SD21: ("openrail++", RAIL + " A community's copy: its makers took the original down."),
    at.TURBO: ("Stability AI licence", "For research and without profit; who earns with it asks stability.ai/license."),
    at.CAT: ("apache-2.0", FREE),
    at.CELEBA: ("apache-2.0", FREE),
    at.CIFAR: ("apache-2.0", FREE),
    at.VQGAN: (None, "taming-transformers is under MIT; no licence of these weights was seen."),
    at.KARLO: ("creativeml-openrail-m", RAIL),
    at.K22_PRIOR: ("apache-2.0", FREE),
    at.K22: ("apache-2.0", FREE),
}
