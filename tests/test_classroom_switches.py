"""Four threads switch the four painters on the weights that ship, within a budget that holds two of them."""

import copy
from functools import cache
from itertools import combinations, cycle

import pytest
import torch

from lab.race import LANES, SAMPLERS, parts_of
from models.catalog import classroom
from models.loaders import load, weigh
from models.protocol import Prompt
from models.registry import Registry
from tests.inline import kit, play
from tests.shipped import LEAST, TEXT, engine, lender, module
from tests.switching import hold_under_switches

PROMPT = Prompt(TEXT, seeds=(1,))


@cache
def copies(part):
    return cycle([copy.deepcopy(module(part)) for _ in range(2)])


def fresh(part):
    """As its files would give it: not the module of the time before."""
    return next(copies(part))


@pytest.mark.parametrize("read", [fresh, pytest.param(load, marks=pytest.mark.slow)], ids=["copied", "from files"])
def test_four_threads_switch_the_four_painters_300_times_within_a_budget_for_two(read):
    families = {lane: parts_of(engine(), "classroom", lane) for lane in LANES}
    whole = sorted(set().union(*families.values()))
    with lender().borrow("classroom", whole) as parts:
        config, tokens = lender().config("classroom", parts), parts["clip"].tokenize(PROMPT.texts).ids
        tools = kit(config, tokens, torch.float32)

        def picture(lane, parts):
            return play(SAMPLERS[lane], PROMPT, SAMPLERS[lane].knobs.from_dict(LEAST[lane]), tools, parts).picture

        truth = {lane: picture(lane, parts) for lane in LANES}
    sizes = {part: weigh(classroom()[part]) for part in whole}
    pairs = [set(families[one]) | set(families[two]) for one, two in combinations(LANES, 2)]
    budget = max(sum(sizes[part] for part in pair) for pair in pairs)
    assert budget < sum(sizes.values())
    hold_under_switches(Registry([classroom()], budget, read=read), "classroom", families, picture, truth)
