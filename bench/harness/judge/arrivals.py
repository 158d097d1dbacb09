"""Epochs to a target on two sides: does head still get there as soon as base did?"""

from __future__ import annotations

import math

import numpy as np

from bench.harness.judge.censored import epochs_to_target, same_speed
from bench.harness.judge.change import Change, Test
from bench.harness.judge.quality import EPOCHS
from bench.harness.judge.samples import Arrivals

FEWEST = 2
"""Seeds of each side below which nothing is decided: one tells nothing of the scatter."""


def arrived(base: Arrivals, head: Arrivals) -> Test | Change:
    """Compare by the log-rank test, whose p-value is that of many seeds.

    So few as here cannot be surer than one order is among all in which they may have come: the
    p-value is never less than that.
    """
    before, after = (epochs_to_target(s.epochs, watched=s.watched) for s in (base, head))
    told = f"{before.words} → {after.words}"
    alike = base == head
    if alike or min(before.n, after.n) < FEWEST:
        why = "the same, seed by seed" if alike else f"each side needs {FEWEST} seeds"
        return Change(
            metric=EPOCHS,
            outcome="same" if alike else "undecided",
            base=before.median,
            head=after.median,
            seeds=(before.n, after.n),
            evidence=f"{told}: {why}",
        )
    later = after.restricted_mean > before.restricted_mean
    return Test(
        p_value=max(_log_rank(base, head), 1 / math.comb(before.n + after.n, after.n)),
        direction="regression" if later else "improvement",
        base=before.median,
        head=after.median,
        seeds=(before.n, after.n),
        found=f"{told}, log-rank",
    )


def _log_rank(base: Arrivals, head: Arrivals) -> float:
    with np.errstate(invalid="ignore"):  # nothing varies where all seeds arrive together
        found = same_speed(
            base.epochs, head.epochs, watched=base.watched, others_watched=head.watched
        )
    return 1.0 if math.isnan(found) else found
