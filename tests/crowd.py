"""Many at once: clients who cancel and walk away, visitors who come beside a long job."""

import random
import threading
import time

import torch

CLIENTS, VISITS = 8, 25


class Wary:
    """The engine's clock, which sees the grad mode of whoever reads it: of the engine's thread, between networks."""

    def __init__(self):
        self.modes: set[tuple[str, bool]] = set()

    def __call__(self) -> float:
        self.modes.add((threading.current_thread().name, torch.is_grad_enabled()))
        return time.perf_counter()


def client(engine, name: str, make, patience: float, runs: list) -> None:
    """Some visits watch to the end, some cancel in the middle, some walk away without a word."""
    draw = random.Random(name)
    for visit in range(VISITS):
        run = engine.submit(make(draw, name, visit))
        ending = draw.choice(("watch", "cancel", "drop"))
        at_cancel = None
        if ending == "watch":
            for _ in run.frames():
                pass
        elif ending == "cancel":
            run.pull(draw.random() * patience)
            run.cancel()
            at_cancel = len(run.evals)
        runs.append((run, ending, at_cancel, torch.is_grad_enabled()))


def hold_under_a_crowd(engine, guarded, clock: Wary, make, patience: float) -> None:
    """200 runs of 8 clients on a started engine, which is stopped: `make(draw, client, visit)` gives the requests."""
    runs = []
    threads = [threading.Thread(target=client, args=(engine, str(i), make, patience, runs)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    states = [run.wait(300) for run, *_ in runs]
    late = max(len(run.evals) - evals for run, _, evals, _ in runs if evals is not None)
    ends = {state: states.count(state) for state in sorted(set(states))}
    shared = sum(len(set(batch.runs)) > 1 for batch in engine.log)
    lost = sum(not grad for *_, grad in runs)
    halfway = sum(run.state == "cancelled" and run.meters.evals > 0 for run, *_ in runs)
    print(f"\n{len(runs)} runs of 8 clients: {ends}, {halfway} at work; at most {guarded.most} Eval at work in "
          f"{guarded.calls}; {shared} shared batches; at most {late} Eval after a cancel; grad mode lost {lost} times "
          f"by clients, by the engine {sum(not grad for _, grad in clock.modes)}")  # fmt: skip
    engine.stop()
    assert len(states) == CLIENTS * VISITS
    assert set(ends) == {"done", "cancelled"}
    assert guarded.most == 1
    assert late <= 1
    assert [run.state for run, *_ in runs] == states  # latched: nothing changed since
    assert all((run.result is not None) == (run.state == "done") for run, *_ in runs)
    assert all(run.state == "done" for run, ending, *_ in runs if ending != "cancel")
    assert lost == 0
    assert clock.modes == {("quartet-engine", True)}
    assert all(part["lent"] == 0 for part in engine.registry.report()["parts"].values())


def apart(served) -> float:
    """Largest over smallest."""
    return max(served) / min(served)


def beside(clock, engine, long, newcomers) -> dict[str, float]:
    """Seconds served to a long job, and to `newcomers` who come one after another, while both want some."""
    served = {"long job": 0.0, "stream": 0.0}
    for come in newcomers:
        begin, run = clock(), come()
        end = engine.wait(run).evals[-1].end
        notes = [note for note in long.evals if begin <= note.begin < end]
        served["stream"] += run.meters.served
        served["long job"] += sum((note.end - note.begin) * note.rows / note.batch for note in notes)
    engine.stop()
    assert long.state == "cancelled"
    return served
