"""Judge seconds against other seconds of the same machine, never by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import scipy

from fitting_room.judge.verdict import Outcome, Verdict

FEWEST_PAIRS = 10  # with fewer the exact test cannot fall well below P_VALUE
P_VALUE = 0.002
SLOWER = 1.10
SLOWER_ON_SHARED = 1.25  # other work on a shared machine moves its clocks by more
WARN, FAIL = 1.5, 2.0  # against a stored number, through the calibration step

SECONDS = "seconds_per_epoch"


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """The comparison of head with base on one clock."""

    ratio: float
    """Median over the pairs; above 1 is slower."""
    p_value: float
    """One-sided p-value of the exact signed-rank test that head is no slower."""
    p_faster: float
    """One-sided p-value of the same test that head is no faster."""

    def beyond(self, limit: float) -> bool:
        """Return whether it reaches a limit, and significantly so."""
        return self.ratio >= limit and self.p_value < P_VALUE


def slowdown(base: Sequence[float], head: Sequence[float]) -> Slowdown:
    """Return how much slower head is, from seconds of interleaved chunks, pair by pair.

    Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945.
    """
    ratios = np.asarray(head, dtype=float) / np.asarray(base, dtype=float)
    logs = np.log(ratios)
    moved = logs[logs != 0]  # the exact distribution does not allow equal pairs
    slower, faster = (
        float(scipy.stats.wilcoxon(moved, alternative=side, method="exact").pvalue)
        if len(moved)
        else 1.0
        for side in ("greater", "less")
    )
    return Slowdown(ratio=float(np.median(ratios)), p_value=slower, p_faster=faster)


@dataclass(frozen=True, kw_only=True)
class ABTiming:
    """Seconds of the chunks of both sides, run in one session and interleaved A B B A.

    So other work on the machine slows base and head alike.
    """

    images: int
    """Trained in each chunk."""
    base_wall: tuple[float, ...]
    head_wall: tuple[float, ...]
    """Wall seconds of each chunk of head, beside its partner of base."""
    base_cpu: tuple[float, ...]
    head_cpu: tuple[float, ...]

    def verdict(self, *, shared: bool) -> Verdict:
        """Judge head's time: a slowdown on either clock fails.

        A sleep shows on the wall clock alone, a busier loop on both. The limit is higher on a
        machine that is shared with others who compute.
        """
        limit = SLOWER_ON_SHARED if shared else SLOWER
        wall = slowdown(self.base_wall, self.head_wall)
        cpu = slowdown(self.base_cpu, self.head_cpu)
        pairs = len(self.base_wall)
        outcome: Outcome = "fail" if wall.beyond(limit) or cpu.beyond(limit) else "pass"
        told = [
            f"{clock} ×{found.ratio:.3f} (p = {found.p_value:.4f})"
            for clock, found in (("wall", wall), ("CPU", cpu))
        ]
        if pairs < FEWEST_PAIRS:
            outcome = "undecided"
            told.append(f"{FEWEST_PAIRS} pairs are needed")
        if wall.ratio <= 1 / limit:
            told.append("suspiciously faster: see that head does the same work")
        return _verdict(outcome, wall.ratio, pairs, limit, f"{'; '.join(told)}; n={pairs} pairs")

    @property
    def medians(self) -> tuple[float, float]:
        """Wall seconds of a chunk of base and of head."""
        return median(self.base_wall), median(self.head_wall)


def _verdict(outcome: Outcome, ratio: float | None, n: int, limit: float, reason: str) -> Verdict:
    return Verdict(
        metric=SECONDS,
        outcome=outcome,
        estimate=ratio,
        n=n,
        against=f"< {limit:.2f} × base",
        reason=reason,
    )


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds per epoch, and of the frozen calibration step in the same process."""

    seconds: float
    calibration: float | None
    conditions: Mapping[str, str]
    """Machine and versions, in words: both sides of a comparison must have the same."""


def judge_stored(base: Pace, head: Pace) -> Verdict:
    """Judge a time against a stored one, both in calibration steps, which both must have."""
    then, now = base.conditions, head.conditions
    if differing := [name for name in {**now, **then} if now.get(name) != then.get(name)]:
        reasons = "; ".join(
            f"{name}: {then.get(name, 'unknown')} then, {now.get(name, 'unknown')} now"
            for name in differing
        )
        return _verdict("not comparable", None, 0, FAIL, reasons)
    before, after = (side.seconds / (side.calibration or 1.0) for side in (base, head))
    ratio = after / before
    warning = f"; warning: beyond ×{WARN}" if WARN <= ratio < FAIL else ""
    steps = f"in calibration steps: {after:.1f} now, {before:.1f} then"
    reason = f"×{ratio:.2f} the stored time, {steps}{warning}"
    return _verdict("fail" if ratio >= FAIL else "pass", ratio, 1, FAIL, reason)
