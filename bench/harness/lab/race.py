"""Two checkouts timed against each other: two processes that live side by side, A B B A."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bench.harness.judge.race import Race
from bench.harness.lab.contender import Chunk, Contender, Runner, started
from bench.harness.spec import TrialSpec

CHUNK_S = 0.3
"""Wall time that a chunk should take: short, so that a neighbour meets both sides alike."""

WARM_UPS = 2
"""Chunks of each side that are not counted: the first one traces."""


def race(
    base: Contender,
    head: Contender,
    spec: TrialSpec,
    *,
    pairs: int,
    listen: Callable[[int, float], None] = lambda _, __: None,
) -> Race:
    """Train chunks of both in turn, A B B A, and return their seconds.

    Args:
        base: what was.
        head: what is.
        spec: of head's trial; base gets it with its own case.
        pairs: of chunks.
        listen: hears the number of each pair that is done, from 1, and head's ratio to base.

    Raises:
        UserError: A side cannot train: its commit is too old, or its code is broken.
    """
    with started(base, spec) as first, started(head, spec) as second:
        both = (first, second)  # and both load their frameworks by now
        images = _size(both, spec)
        found: tuple[list[Chunk], list[Chunk]] = ([], [])
        for pair in range(pairs):
            for side in (0, 1) if pair % 2 == 0 else (1, 0):
                found[side].append(both[side].train(images))
            listen(pair + 1, found[1][-1].wall / found[0][-1].wall)
    return Race(
        images=images,
        base_wall=tuple(chunk.wall for chunk in found[0]),
        head_wall=tuple(chunk.wall for chunk in found[1]),
        base_cpu=tuple(chunk.cpu for chunk in found[0]),
        head_cpu=tuple(chunk.cpu for chunk in found[1]),
    )


def _size(both: Sequence[Runner], spec: TrialSpec) -> int:
    """Warm both up, and return how many images make a chunk of the wanted length."""
    recipe = spec.case.recipe
    unit = recipe.batch_size * recipe.steps_per_execution  # one call of the compiled step
    for _ in range(WARM_UPS):
        last = [runner.train(unit) for runner in both]
    return unit * max(1, math.ceil(CHUNK_S / min(chunk.wall for chunk in last)))
