"""Seconds per epoch of two sides, compared where that is fair, and else the reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.harness.judge.change import Change, not_comparable, timed
from bench.harness.judge.timing import METRIC, SLOWER, WARN, judge_stored
from bench.harness.judge.verdict import Verdict
from bench.harness.report.comparison.side import Pace

RACED = "seconds_per_chunk"
"""What a race measures: chunks of an epoch, of the same images on both sides."""


@dataclass(frozen=True, kw_only=True)
class Raced:
    """Seconds of one case, base and head interleaved in one session."""

    verdict: Verdict
    base: float
    """Median seconds of base's chunks."""
    head: float


def judge_seconds(base: Pace | None, head: Pace | None, race: Raced | None) -> Change:
    """Judge a race where there was one, and else stored times in calibration steps."""
    if race:
        change = timed(race.verdict, base=race.base, head=race.head, faster=1 / SLOWER)
        return replace(change, metric=RACED)
    for side, pace in (("base", base), ("head", head)):
        if pace is None:
            return not_comparable(METRIC, f"{side} has no epoch that was timed alone")
    assert base and head  # the loop told of one that is None
    same = base.conditions == head.conditions
    untold = [
        side for side, pace in (("base", base), ("head", head)) if same and pace.calibration is None
    ]
    if untold:
        return not_comparable(
            METRIC, f"no calibration step was timed beside the epochs of {' and '.join(untold)}"
        )
    verdict = judge_stored(
        seconds=head.seconds,
        calibration=head.calibration or 1.0,
        stored_seconds=base.seconds,
        stored_calibration=base.calibration or 1.0,
        here=head.conditions,
        stored=base.conditions,
    )
    return timed(verdict, base=base.seconds, head=head.seconds, warn=WARN)
