"""Nobody starves: device time is shared by visitor, then by run, whoever comes and goes."""

import time
from functools import partial
from types import SimpleNamespace

import torch

from models.engine.fair import Fair
from models.protocol import Step, ask
from tests import tiny
from tests.crowd import apart, beside
from tests.rebound import Paced
from tests.tiny import Cost


def work(target: str, evals: int, rows: int = 1, width: int = 1):
    """A run of `evals` Evals; runs of other `width` never share a batch."""
    for i in range(evals):
        yield from ask(target, torch.zeros(rows, width))
        yield Step(i + 1, evals, look=lambda: iter(()))
    return "done"


def test_a_long_job_beside_a_stream_of_newcomers():
    cost = Cost(long=0.010, short=0.003)
    engine = tiny.engine(clock=cost)
    targets = {name: cost.target(name) for name in cost.seconds}
    long = engine.play(work("long", 10_000), targets, client="long")
    visits = (partial(engine.play, work("short", 20, width=2), targets, client=f"visitor {i}") for i in range(60))
    served = beside(cost, engine, long, visits)
    print(f"\n60 newcomers beside a long job, simulated: {served}, ratio {apart(served.values()):.3f}")
    assert apart(served.values()) <= 1.2


def test_a_long_job_beside_newcomers_on_real_networks():
    # The networks run; what a row of theirs takes is counted, not timed.
    cost = Paced(tiny.SAMPLERS, denoise=0.010, decode=0.004)
    engine = tiny.engine(cost.samplers, clock=cost)
    long = engine.submit(tiny.request(client="long", steps=1000, size=12))
    visits = (partial(engine.submit, tiny.request(client=f"visitor {i}", steps=10, seeds=(i,))) for i in range(20))
    served = beside(cost, engine, long, visits)
    print(f"\n20 newcomers beside a long job, real networks by counted rows: {served}, "
          f"ratio {apart(served.values()):.3f}")  # fmt: skip
    assert apart(served.values()) <= 1.2


def test_four_panels_of_one_visitor_beside_one_of_another():
    cost = Cost(panel=0.004)
    engine = tiny.engine(clock=cost)
    targets = {"panel": cost.target("panel")}
    four = [engine.play(work("panel", 400, width=w), targets, client="four") for w in (2, 3, 4, 4)]
    one = engine.wait(engine.play(work("panel", 200), targets, client="one"))
    served = [sum(run.meters.served for run in four), one.meters.served]
    print(f"\nfour panels against one, seconds: {served[0]:.3f} : {served[1]:.3f}, ratio {apart(served):.3f}")
    each = [run.meters.evals for run in four]
    engine.stop()
    assert apart(served) <= 1.2
    assert max(each) / min(each) <= 2.1  # the two that can share a batch ride along


def test_real_networks_on_a_real_clock():
    engine = tiny.engine()
    four = [engine.submit(tiny.request(client="four", steps=200, size=8 + 4 * i)) for i in range(4)]
    one = engine.wait(engine.submit(tiny.request(client="one", steps=25, size=24)))
    served = [sum(run.meters.served for run in four), one.meters.served]
    engine.stop()
    print(f"\nfour real panels against one, seconds: {served[0]:.3f} : {served[1]:.3f}, ratio {apart(served):.3f}")
    assert apart(served) <= 1.2


def test_a_newcomer_waits_for_one_step_of_a_long_job_and_not_for_its_end():
    cost = Cost(long=0.010, short=0.010)
    engine = tiny.engine(clock=cost)
    targets = {name: cost.target(name) for name in cost.seconds}
    long = engine.play(work("long", 1000), targets, client="long")
    engine.wait(engine.play(work("short", 1), targets, client="early"))
    begin, run = cost.now, engine.wait(engine.play(work("short", 1, width=2), targets, client="late"))
    wait = run.evals[0].end - begin
    left = 0.010 * (1000 - long.meters.evals)
    engine.stop()
    print(
        f"\na newcomer's first step after {wait:.3f} s; in a queue it were {left:.3f} s, {left / wait:.0f} times longer"
    )
    assert wait <= 0.0301
    assert left / wait >= 10


def test_looks_are_charged_to_whoever_wants_them_but_not_to_their_budget():
    cost = Cost(work=0.010, look=0.002)
    engine = tiny.engine(clock=cost)
    targets = {"work": cost.target("work"), "look": cost.target("look")}

    def painting():
        for i in range(20):
            picture = yield from ask("work", torch.zeros(1, 3, 4, 4))
            yield Step(i + 1, 20, look=lambda picture=picture: ask("look", picture))
        return picture

    unwatched = engine.wait(engine.play(painting(), targets, client="a"))
    watched = engine.play(painting(), targets, client="b")
    list(engine.frames(watched))
    engine.stop()
    print(f"\nunwatched {unwatched.meters}\nwatched   {watched.meters}")
    assert (unwatched.meters.looks, watched.meters.looks) == (1, 20)
    assert abs(unwatched.meters.device - 0.2) < 1e-9
    assert abs(watched.meters.device - 0.2) < 1e-9
    assert abs(unwatched.meters.served - 0.2) < 1e-9
    assert abs(watched.meters.served - 0.2 - 19 * 0.002) < 1e-9  # the last frame is the result itself


def test_a_coroutine_that_computes_itself_competes_for_turns():
    engine = tiny.engine()

    def recipe():
        for i in range(400):
            begin = time.thread_time()
            while time.thread_time() - begin < 0.008:  # a training step of its own
                pass
            yield Step(i + 1, 400, look=lambda: iter(()))
        return "trained"

    trained = engine.play(recipe(), {}, client="recipe")
    run = engine.wait(engine.submit(tiny.request(client="visitor", steps=30)))
    served = trained.meters.served, run.meters.served
    engine.stop()
    print(f"\na recipe beside a visitor, seconds: {served[0]:.3f} : {served[1]:.3f}")
    assert max(served) / min(served) <= 1.5
    assert run.state == "done"


def test_the_order_is_least_served_visitor_then_least_served_run():
    jobs = [SimpleNamespace(client=client, id=number) for client, number in (("a", 1), ("a", 2), ("b", 3))]
    fair = Fair()
    order = [job.id for job in fair.order(jobs)]
    assert order == [1, 2, 3]
    fair.charge(jobs[0], 1.0)
    assert [job.id for job in fair.order(jobs)] == [3, 2, 1]
    fair.charge(jobs[2], 3.0)
    assert [job.id for job in fair.order(jobs)] == [2, 1, 3]
    newcomer = SimpleNamespace(client="c", id=4)
    assert fair.order([*jobs, newcomer])[0].id in (2, 4)
    fair.charge(newcomer, 0.5)
    assert [job.id for job in fair.order([*jobs, newcomer])] == [2, 1, 4, 3]


def test_whoever_returns_has_saved_nothing():
    slow, gone = SimpleNamespace(client="slow", id=1), SimpleNamespace(client="gone", id=2)
    fair = Fair()
    fair.order([slow, gone])
    for _ in range(100):
        fair.charge(fair.order([slow])[0], 1.0)
    turns = []
    for _ in range(20):
        first = fair.order([slow, gone])[0]
        turns.append(first.client)
        fair.charge(first, 1.0)
    assert abs(turns.count("slow") - turns.count("gone")) <= 1
