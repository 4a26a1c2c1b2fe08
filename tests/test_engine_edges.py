"""What a single run must never do to the others: hang the engine, end it, be forgotten by it, or fill its memory."""

import threading
from dataclasses import replace

import pytest
import torch

import models.engine as package
from models.engine.endings import shed
from models.engine.run import Run
from models.protocol import Prompt, Request, Step, Target, ask
from tests import tiny


def same(parts, x):
    return x


def test_an_error_that_is_its_own_cause_is_shed_like_any_other():
    def failing(group):
        try:
            raise ZeroDivisionError("injected")
        except ZeroDivisionError as error:
            raise (ExceptionGroup("two", [error]) if group else error) from error

    found = []
    for group in (False, True):
        with pytest.raises((ZeroDivisionError, ExceptionGroup)) as caught:
            failing(group)
        error = caught.value
        thread = threading.Thread(target=lambda error=error: found.append(shed(error)), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        assert "injected" in found[-1]
        assert all(link.__traceback__ is None for link in (error, error.__cause__, *getattr(error, "exceptions", ())))


def test_rows_that_do_not_fit_together_again_end_their_run_alone():
    """An Eval of two rows is served one row a time, and the target gives each its own width."""
    engine, rows = tiny.engine(cap=1), torch.tensor([[1.0], [2.0]])
    wider = {"wider": Target(lambda parts, x: x.expand(-1, int(x[0, 0])), ())}
    other = engine.submit(tiny.request())
    run = engine.play(ask("wider", rows), wider, client="odd")
    engine.wait(run, other)
    assert (run.state, other.state) == ("failed", "done")
    assert run.meters.rows == 2


def test_options_that_cannot_be_compared_end_their_run_alone():
    engine = tiny.engine()
    other = engine.submit(tiny.request())
    run = engine.play(ask("same", torch.zeros(1), way=[1]), {"same": Target(same, ())}, client="odd")
    engine.wait(run, other)
    assert (run.state, other.state) == ("failed", "done")
    with pytest.raises(ValueError, match=r"opts of 'same' are .*; give hashable values"):
        raise run.error


def test_a_visitor_is_a_text():
    with pytest.raises(ValueError, match=r"client is \['a'\]; give a text"):
        tiny.engine().submit(replace(tiny.request(), client=["a"]))


class Unseen:
    """Two steps, of which the first can be neither shown nor kept."""

    knobs, targets = tiny.ToyKnobs, {"same": Target(same, ())}

    def __init__(self, kept: bool):
        self.kept = kept

    def __call__(self, prompt, knobs, kit, start=None):
        x = yield from ask("same", torch.rand(1, 3, 4, 4))
        yield Step(1, 2, look=lambda: 1 / 0, state=(lambda: 1 / 0) if self.kept else None)
        yield Step(2, 2, look=lambda: ask("same", x))
        return x


@pytest.mark.parametrize("kept", [False, True], ids=["look", "state"])
def test_a_paused_run_that_can_be_neither_shown_nor_kept_ends_alone(kept):
    engine = tiny.engine({"unseen": Unseen(kept), **tiny.SAMPLERS}, patience=0.0)
    run = engine.submit(Request("unseen", Prompt(""), tiny.ToyKnobs(), "tiny", "odd"))
    other = engine.submit(tiny.request(steps=6))
    run.pause()
    while run.state == "queued" or run.state == "running":
        engine.turn()
    run.wanted = not kept
    engine.wait(run, other)
    assert (run.state, type(run.error), other.state) == ("failed", ZeroDivisionError, "done")


def test_who_comes_while_the_lobby_closes_is_not_forgotten(monkeypatch):
    engine = tiny.engine()
    lobby, late = engine._core.lobby, []
    first, end = engine.submit(tiny.request()), lobby._end

    def ending(order, error):
        if not late:  # as another thread would, between two lines of `close`
            late.append(Run("late", lobby.wake, tiny.request()))
            lobby.take(lobby.request(late[0], None))
        end(order, error)

    monkeypatch.setattr(lobby, "_end", ending)
    engine.stop()
    assert (first.state, late[0].state) == ("cancelled", "cancelled")


def test_nothing_is_read_for_a_run_that_was_cancelled_before_its_turn():
    read = []
    lender = tiny.registry(read=lambda part: read.append(part) or tiny.net(part.kind))
    engine = tiny.engine(lender=lender)
    run = engine.submit(tiny.request())
    run.cancel()
    assert engine.wait(run).state == "cancelled"
    assert read == []
    assert engine.wait(engine.submit(tiny.request())).state == "done"
    assert read


def test_the_memory_that_a_run_is_expected_to_need_is_asked_for_anew_after_a_long_pause(monkeypatch):
    lender, asked = tiny.registry(budget=10**7), []
    engine, ask_for = tiny.engine(lender=lender, patience=0.0), lender.ask
    monkeypatch.setattr(lender, "ask", lambda *args: asked.append(args[2]) or ask_for(*args))
    monkeypatch.setattr(engine, "forecast", lambda request: package.Forecast({}, {"denoise": 1000}))
    run = engine.submit(tiny.request(steps=3))
    run.pause()
    while run not in engine._core.lobby._shelved:
        engine.turn()
    assert lender.report()["peak"]
    assert not any(part["lent"] for part in lender.report()["parts"].values())
    run.resume()
    assert engine.wait(run).state == "done"
    assert asked == [1000, 1000]


def test_forecasts_are_remembered_but_not_without_end(monkeypatch):
    made = []
    monkeypatch.setattr(package, "forecast", lambda *_, size: made.append(object()) or made[-1])
    monkeypatch.setattr(package, "FORECASTS", 4)
    engine = tiny.engine()
    assert engine.forecast(tiny.request()) is engine.forecast(tiny.request())
    for steps in range(1, 20):
        assert engine.forecast(tiny.request(steps=steps)) in made
    assert len(engine._forecasts) <= 4
