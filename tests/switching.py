"""Four threads that switch families at random, within a budget."""

import random
import threading
import time

import torch

THREADS, EACH = 4, 75


def hold_under_switches(registry, suite: str, families, picture, truth) -> None:
    """300 switches: `picture(family, parts)` must give `truth[family]`, on modules that stay resident meanwhile."""
    wrong, over, asked = [], [], []

    @torch.no_grad()
    def visit(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(EACH):
            family = draw.choice(sorted(families))
            with registry.borrow(suite, families[family]) as parts:
                before = dict(parts)
                wrong.append(not torch.equal(picture(family, parts), truth[family]))
                time.sleep(draw.random() * 0.002)
                with registry._changed:  # still the very modules that are resident
                    held = {part.name: held.module for part, held in registry._shelf.held.items()}
                    wrong.append(any(held[name] is not before[name] for name in before))
                    over.append(registry._shelf.used > registry._shelf.budget)
                asked.append(len(before))

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    report = registry.report()
    counts = report["counts"]
    print(f"\n{len(over)} switches: {counts.hits} hits, {counts.loads} loads, {counts.evictions} evictions, "
          f"peak {report['peak']} of {report['budget']} bytes; "
          f"{sum(over)} times over budget, {sum(wrong)} wrong pictures or modules")  # fmt: skip
    assert len(over) == THREADS * EACH
    assert not any(wrong)
    assert not any(over)
    assert report["peak"] <= report["budget"]
    assert counts.hits + counts.loads == sum(asked)
    assert counts.evictions == counts.loads - len(report["parts"]) > 0
    assert all(part["lent"] == 0 for part in report["parts"].values())
