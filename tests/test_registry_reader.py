"""Files are read for those who wait for them: not for who left, not for an interpreter on its way out."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from torch import nn

from models.catalog import Part, Suite
from models.registry import Registry, Unavailable

NAMES = tuple("abcde")
ROOT = Path(__file__).resolve().parents[1]


class Slow:
    """Reads a part once the gate is open, and remembers which."""

    def __init__(self):
        self.begun, self.gate, self.read = threading.Event(), threading.Event(), []

    def __call__(self, part):
        self.read.append(part.name)
        self.begun.set()
        assert self.gate.wait(300)
        return nn.Identity()


def lender(read, budget=None):
    suite = Suite("one", {name: Part(name, name, Path(name)) for name in NAMES})
    return Registry([suite], budget, read=read, weigh=lambda part: 1)


def test_what_was_queued_for_a_run_that_left_is_not_read():
    slow = Slow()
    registry = lender(slow, budget=3)
    left = registry.ask("one", "abc")
    assert slow.begun.wait(300)
    left.release()
    stays = registry.ask("one", "ade")
    assert stays.state == "waiting"
    slow.gate.set()
    assert set(stays.wait()) == set("ade")
    assert slow.read == ["a", "d", "e"]
    assert set(registry.report()["parts"]) == set("ade")
    assert registry.report()["peak"] <= 3


def test_what_is_asked_for_again_in_time_is_read_once():
    slow = Slow()
    registry = lender(slow)
    left = registry.ask("one", "abc")
    assert slow.begun.wait(300)
    left.release()
    stays = registry.ask("one", "cb")
    slow.gate.set()
    assert set(stays.wait()) == set("bc")
    assert slow.read == ["a", "b", "c"]


def test_what_is_fetched_for_whoever_comes_next_is_read_even_if_nobody_waits():
    slow = Slow()
    registry = lender(slow)
    registry.ask("one", "ab")
    assert slow.begun.wait(300)
    assert registry.fetch("one", "c", 0.0) is False
    slow.gate.set()
    until = time.monotonic() + 300
    while registry.standing("one")["c"][0] != "resident":
        assert time.monotonic() < until
        time.sleep(0.001)


EXIT = """
import os, threading, time
from tests.test_registry_reader import lender
from torch import nn

def read(part):
    begun.set()
    os.write(1, part.name.encode())
    time.sleep(0.5)
    return nn.Identity()

def wait():
    try:
        ticket.wait()
    except RuntimeError as error:
        os.write(1, f"; {error}".encode())

begun = threading.Event()
ticket = lender(read).ask("one", "abcde")
threading.Thread(target=wait).start()
begun.wait()
"""


def test_an_interpreter_on_its_way_out_waits_for_the_file_at_hand_alone():
    done = subprocess.run([sys.executable, "-c", EXIT], cwd=ROOT, capture_output=True, text=True, timeout=900)
    print(f"\nfive files to read at exit: {done.stdout}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a; part 'b' was not read: the program is ending"


class Odd(Exception):
    """One that cannot be copied."""

    def __init__(self, *, why):
        super().__init__(why)


@pytest.mark.parametrize("odd", [False, True], ids=["copied", "shared"])
def test_each_who_waited_for_a_broken_part_has_an_error_of_their_own(odd):
    def broken(part):
        assert gate.wait(300)
        raise Odd(why="cut short") if odd else Unavailable(part, "cut short") from OSError("end of file")

    gate, registry = threading.Event(), lender(broken)
    tickets, found = [registry.ask("one", "ab") for _ in range(2)], []
    gate.set()
    for ticket in tickets:
        with pytest.raises((Unavailable, Odd), match="cut short") as caught:
            ticket.wait()
        found.append(caught.value)
    assert (found[0] is found[1]) is odd
    assert all(str(error.__cause__) == "end of file" for error in found)
    assert odd or all((error.part.name, error.reason) == ("a", "cut short") for error in found)
