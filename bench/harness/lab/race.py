"""Two checkouts timed against each other: two processes that live side by side, A B B A.

What one process is slower by than another of the same code, by where its memory came to lie, is
the same in all its chunks. So that it is no part of the difference, both start anew now and then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bench.harness.judge.timing import Race
from bench.harness.lab.contender import Chunk, Contender, Runner, started
from bench.harness.spec import TrialSpec

CHUNK_S = 0.3
"""Wall time that a chunk should take: short, so that a neighbour meets both sides alike."""

WARM_UPS = 2
"""Chunks of each process that are not counted: the first one traces."""

ANEW = 5
"""Pairs after which both processes start anew."""


def race(
    base: Contender,
    head: Contender,
    spec: TrialSpec,
    *,
    pairs: int,
    listen: Callable[[int, float], None] = lambda _, __: None,
) -> Race:
    """Train chunks of both in turn, A B B A, and return their seconds.

    Both sides start anew every ``ANEW`` pairs, the other one first.

    Args:
        base: what was.
        head: what is.
        spec: of head's trial; base gets it with its own case.
        pairs: of chunks.
        listen: hears the number of each pair that is done, from 1, and head's ratio to base.

    Raises:
        UserError: A side cannot train: its commit is too old, or its code is broken.
    """
    images = 0
    found: tuple[list[Chunk], list[Chunk]] = ([], [])
    for begin in range(0, pairs, ANEW):
        with _both(base, head, spec, base_first=begin // ANEW % 2 == 0) as both:
            quickest = _warm_up(both, spec)
            images = images or _size(quickest, spec)
            for pair in range(begin, min(begin + ANEW, pairs)):
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


@contextmanager
def _both(
    base: Contender, head: Contender, spec: TrialSpec, *, base_first: bool
) -> Iterator[tuple[Runner, Runner]]:
    """Start both, of which either may be the first, and give base and head."""
    order = (base, head) if base_first else (head, base)
    with started(order[0], spec) as first, started(order[1], spec) as second:
        yield (first, second) if base_first else (second, first)  # both load by now


def _warm_up(both: Sequence[Runner], spec: TrialSpec) -> float:
    """Train chunks of one unit that are not counted; return the wall time of the quicker last."""
    for _ in range(WARM_UPS):
        last = [runner.train(_unit(spec)) for runner in both]
    return min(chunk.wall for chunk in last)


def _size(seconds: float, spec: TrialSpec) -> int:
    """Return how many images make a chunk of the wanted length, if a unit takes ``seconds``."""
    return _unit(spec) * max(1, math.ceil(CHUNK_S / seconds))


def _unit(spec: TrialSpec) -> int:
    """Return the images of one call of the compiled step."""
    return spec.case.recipe.batch_size * spec.case.recipe.steps_per_execution
