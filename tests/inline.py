"""Runs a sampler by itself: its targets called directly, nothing batched.  Networks stand in `parts` by name."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from models.protocol import Eval, Kit, State, Step


@dataclass
class Played:
    """What a run gave: its picture, its Steps' facts, looks and pickled States, and the targets it asked for."""

    picture: Tensor | None = None
    facts: list[dict] = field(default_factory=list)
    looks: list[Tensor] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)


def kit(config: dict[str, Any], tokens: Tensor | None, dtype: torch.dtype = torch.float64) -> Kit:
    def noise(shape, rngs):
        return torch.stack([torch.randn(shape, generator=rng, dtype=dtype) for rng in rngs])

    return Kit(config, tokens, noise)


@torch.no_grad()
def play(sampler, prompt, knobs, kit, parts, start: State | None = None, look=False, keep=False) -> Played:
    """Drive a painting to its end; `look` looks at every step, `keep` pickles every State."""
    painting, played, value = sampler(prompt, knobs, kit, start), Played(), None
    try:
        while True:
            said = painting.send(value)
            value = None
            if isinstance(said, Eval):
                value = serve(sampler, said, parts)
                played.asked.append((said.target, len(said.rows[0])))
                continue
            assert isinstance(said, Step)
            played.facts.append(dict(said.facts))
            played.counts.append((said.i, said.n))
            if keep:
                played.states.append(pickle.dumps(said.state()))
            if look:
                played.looks.append(drain(sampler, said.look(), parts))
    except StopIteration as end:
        played.picture = end.value
    return played


def serve(sampler, said: Eval, parts) -> Any:
    target = sampler.targets[said.target]
    before = [row.clone() for row in said.rows]
    found = target.fn({name: parts[name] for name in target.parts}, *said.rows, **dict(said.opts))
    assert all(torch.equal(row, old) for row, old in zip(said.rows, before, strict=True)), "a target wrote its input"
    for out in found if isinstance(found, tuple) else (found,):
        assert len(out) == len(said.rows[0])
    return found


def drain(sampler, look, parts) -> Tensor:
    value = None
    try:
        while True:
            value = serve(sampler, look.send(value), parts)
    except StopIteration as end:
        return end.value


def resumed_equals_unbroken(sampler, prompt, knobs, kit, parts) -> int:
    """Assert that going on from every pickled State gives the same bits; how many there were."""
    whole = play(sampler, prompt, knobs, kit, parts, keep=True, look=True)
    for i, state in enumerate(whole.states):
        again = play(sampler, prompt, knobs, kit, parts, start=pickle.loads(state), look=True)
        assert torch.equal(again.picture, whole.picture), f"resumed from step {i + 1} of {len(whole.states)}"
        assert again.counts == whole.counts[i + 1 :]
        assert all(torch.equal(a, b) for a, b in zip(again.looks, whole.looks[i + 1 :], strict=True))
    how = getattr(knobs, "scheduler", None) or getattr(knobs, "rule", "its own rule")
    print(f"\n{type(sampler).__name__}, {how}: resumed from each of {len(whole.states)} pickled States, bit-equal")
    return len(whole.states)
