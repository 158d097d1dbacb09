"""The gate's answer to a variant of a case: whether, where and at what cost it noticed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.judge.verdict import Outcome


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The state of one metric of the variant when the gate had decided."""

    metric: str
    outcome: Outcome
    n: int
    """Number of seeds that it rests on."""
    epoch: int
    """Epoch after which those seeds show it, from 1; 0 before any training."""
    shift: float | None
    """Distance from the mean of the reference, in planned standard deviations; None for a count."""
    evidence: str

    @property
    def when(self) -> tuple[int, int, float]:
        """A sort key: the earliest first, and among those the one that is furthest off."""
        return (self.n if self.epoch else 0, self.epoch, -abs(self.shift or 0.0))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The gate's answer to one variant."""

    case: str
    variant: str
    """Empty for the case as it is."""
    change: str
    """Description of the change."""
    seeds: int
    """Seeds trained until the first metric failed or the last one passed."""
    seconds: float
    """Wall time of those trials, from the start of their processes to their end."""
    training_seconds: float
    """Seconds of the training steps alone."""
    sights: tuple[Sight, ...]
    """One for every metric that gates the case."""
    keys: tuple[str, ...]
    """Keys of the records that it rests on."""
    compared: str = ""
    """Result of a comparison of the same trials with the reference; empty where none was made."""

    @property
    def outcome(self) -> Outcome:
        """Fail where one metric fails, pass where all pass."""
        outcomes = {sight.outcome for sight in self.sights}
        if "fail" in outcomes:
            return "fail"
        return "pass" if outcomes == {"pass"} else "undecided"

    @property
    def noticed_by(self) -> tuple[Sight, ...]:
        """The metrics that failed, in the order in which they could."""
        failed = (sight for sight in self.sights if sight.outcome == "fail")
        return tuple(sorted(failed, key=lambda sight: sight.when))

    @property
    def words(self) -> str:
        """One line: the verdict, its price, and what noticed first."""
        took = f"{self.seeds} seed{'' if self.seeds == 1 else 's'}, {self.seconds:.0f} s"
        if not self.noticed_by:
            return f"{self.outcome} after {took}"
        first = self.noticed_by[0]
        return f"{self.outcome} after {took}, first by {first.metric}: {first.evidence}"
