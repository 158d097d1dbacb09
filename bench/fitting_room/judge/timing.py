"""Seconds against seconds: never alone, and never across machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import scipy

from fitting_room.judge.verdict import Outcome, Verdict

FEWEST_PAIRS = 10  # below that the exact test cannot reach P_VALUE by a margin
P_VALUE = 0.002
SLOWER = 1.10
SLOWER_ON_SHARED = 1.25  # neighbours move the clocks of a shared runner by more
WARN, FAIL = 1.5, 2.0  # against a stored number, through the calibration step

METRIC = "seconds_per_epoch"


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """Head against base on one clock."""

    ratio: float
    """Median over the pairs; above 1 is slower."""
    p_value: float
    """One-sided p-value of the exact signed-rank test that head is no slower."""
    p_faster: float
    """The same for no faster."""

    def beyond(self, limit: float) -> bool:
        """Return whether it is large and sure."""
        return self.ratio >= limit and self.p_value < P_VALUE


def slowdown(base: Sequence[float], head: Sequence[float]) -> Slowdown:
    """Return how much slower head is, from seconds of interleaved chunks, pair by pair.

    Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945.
    """
    ratios = np.asarray(head, dtype=float) / np.asarray(base, dtype=float)
    logs = np.log(ratios)
    moved = logs[logs != 0]  # the exact distribution knows no pairs that are equal
    slower, faster = (
        float(scipy.stats.wilcoxon(moved, alternative=side, method="exact").pvalue)
        if len(moved)
        else 1.0
        for side in ("greater", "less")
    )
    return Slowdown(ratio=float(np.median(ratios)), p_value=slower, p_faster=faster)


def judge_pairs(
    *,
    base_wall: Sequence[float],
    head_wall: Sequence[float],
    base_cpu: Sequence[float],
    head_cpu: Sequence[float],
    shared_machine: bool = False,
) -> Verdict:
    """Judge the time of head against base, both run in one session, interleaved A B B A.

    Either clock fails it: a sleep shows on the wall alone, a busier loop on both. Because the
    chunks are interleaved, a neighbour slows base and head alike.

    Args:
        base_wall: wall seconds of base's chunks, in order.
        head_wall: of head's, each beside its partner.
        base_cpu: CPU seconds of the same chunks.
        head_cpu: of head's.
        shared_machine: whether others compute on the machine.
    """
    limit = SLOWER_ON_SHARED if shared_machine else SLOWER
    wall, cpu = slowdown(base_wall, head_wall), slowdown(base_cpu, head_cpu)
    pairs = len(base_wall)
    outcome: Outcome = "fail" if wall.beyond(limit) or cpu.beyond(limit) else "pass"
    notes = [_words("wall", wall), _words("CPU", cpu)]
    if pairs < FEWEST_PAIRS:
        outcome = "undecided"
        notes.append(f"{FEWEST_PAIRS} pairs are needed")
    if wall.ratio <= 1 / limit:
        notes.append("suspiciously faster: see that head does the same work")
    return _verdict(outcome, wall.ratio, pairs, limit, f"{'; '.join(notes)}; n={pairs} pairs")


def _words(clock: str, slower: Slowdown) -> str:
    return f"{clock} ×{slower.ratio:.3f} (p = {slower.p_value:.4f})"


def _verdict(outcome: Outcome, value: float | None, n: int, limit: float, evidence: str) -> Verdict:
    return Verdict(
        metric=METRIC,
        outcome=outcome,
        estimate=value,
        n=n,
        against=f"< {limit:.2f} × base",
        reason=evidence,
    )


def judge_stored(
    *,
    seconds: float,
    calibration: float,
    stored_seconds: float,
    stored_calibration: float,
    here: Mapping[str, str],
    stored: Mapping[str, str],
) -> Verdict:
    """Judge a time against a stored one, each divided by a frozen calibration step's.

    Args:
        seconds: per epoch, now.
        calibration: seconds of the calibration step, timed in the same process.
        stored_seconds: per epoch, then.
        stored_calibration: of the calibration step, then.
        here: what must agree for a comparison, in words: CPU flags, cores, framework version.
        stored: the same, then.
    """
    differing = [name for name in {**here, **stored} if here.get(name) != stored.get(name)]
    if differing:
        reasons = "; ".join(
            f"{name}: {stored.get(name, 'unknown')} then, {here.get(name, 'unknown')} now"
            for name in differing
        )
        return _verdict("not comparable", None, 0, FAIL, reasons)
    ratio = (seconds / calibration) / (stored_seconds / stored_calibration)
    outcome: Outcome = "fail" if ratio >= FAIL else "pass"
    warning = f"; warning: beyond ×{WARN}" if WARN <= ratio < FAIL else ""
    evidence = (
        f"×{ratio:.2f} the stored time, in calibration steps: {seconds / calibration:.1f} now, "
        f"{stored_seconds / stored_calibration:.1f} then{warning}"
    )
    return _verdict(outcome, ratio, 1, FAIL, evidence)


@dataclass(frozen=True, kw_only=True)
class Race:
    """Seconds of the chunks of both sides, one pair after the other."""

    images: int
    """Trained in each chunk."""
    base_wall: tuple[float, ...]
    head_wall: tuple[float, ...]
    base_cpu: tuple[float, ...]
    head_cpu: tuple[float, ...]

    def verdict(self, *, shared: bool) -> Verdict:
        """Judge head's time by both clocks; ``shared`` gives the room that neighbours need."""
        return judge_pairs(
            base_wall=self.base_wall,
            head_wall=self.head_wall,
            base_cpu=self.base_cpu,
            head_cpu=self.head_cpu,
            shared_machine=shared,
        )

    @property
    def medians(self) -> tuple[float, float]:
        """Wall seconds of a chunk of base and of head."""
        return median(self.base_wall), median(self.head_wall)
