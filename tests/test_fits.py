"""A configuration that asks for more than its weights is refused before memory is taken."""

import json
import resource
import shutil
import threading
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from models import loaders
from models.loaders.fits import NUMBERS, Allowance
from tests import hostile
from tests.tinyhub import suite

GREEDY = hostile.greedy()
MEGABYTE = 1024  # of the kilobytes that getrusage counts


@pytest.mark.parametrize("name", GREEDY)
def test_a_greedy_configuration_is_refused_before_memory_is_taken(tmp_path, name):
    which, file, changes = GREEDY[name]
    part = suite("clip-vit-b-32", dtype="float32").parts[which]
    shutil.copytree(part.path, tmp_path / "part")
    part, told = replace(part, path=tmp_path / "part"), tmp_path / "part" / file
    told.write_text(json.dumps(hostile.bent(json.loads(told.read_text()), changes)))
    assert loaders.fault(part) is None  # nothing is wrong with the files as such
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    with pytest.raises(loaders.Unavailable, match="asks for far more than its weights") as caught:
        loaders.load(part)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\n{name}: refused after {time.thread_time() - begin:.2f} s, {grown // MEGABYTE} MB more than ever before")
    assert str(tmp_path) in str(caught.value)
    assert grown < 100 * MEGABYTE


def test_an_allowance_is_of_its_own_thread_and_ends_with_its_block(tmp_path):
    made = []
    with torch.device("meta"), Allowance(tmp_path, 0, 0):
        nn.Linear(1000, 1000)
        other = threading.Thread(target=lambda: made.append(torch.empty(2 * NUMBERS, device="meta")))
        other.start()
        other.join()
        with pytest.raises(ValueError, match=f"in {tmp_path} asks for far more"):
            nn.Linear(1000, NUMBERS)
    assert made[0].numel() == nn.Linear(2, NUMBERS, bias=False, device="meta").weight.numel()
