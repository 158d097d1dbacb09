"""What the gate said of a variant of a case: whether it noticed, where first, and at what price."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.judge.verdict import Outcome


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How one metric of the variant stood when the gate had made up its mind."""

    metric: str
    outcome: Outcome
    n: int
    """Seeds that it rests on."""
    epoch: int
    """Epoch of those seeds after which it is known, from 1; 0 before any training."""
    shift: float | None
    """From the reference's mean, in units of the scatter planned with; None for a count."""
    evidence: str

    @property
    def when(self) -> tuple[int, int, float]:
        """What comes first sorts first; of several at once, the one that is furthest off."""
        return (self.n if self.epoch else 0, self.epoch, -abs(self.shift or 0.0))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The gate's answer to one variant."""

    case: str
    variant: str
    """Empty for the case as it is."""
    change: str
    """What was changed, in words."""
    seeds: int
    """Trained until the first metric failed, or the last one passed."""
    seconds: float
    """Wall time of those trials, from the start of their processes to their end."""
    training_seconds: float
    """Of those, the training steps alone."""
    sights: tuple[Sight, ...]
    """Of every metric that gates the case."""
    keys: tuple[str, ...]
    """Of the records that it rests on."""
    compared: str = ""
    """What a comparison of the same trials with the reference says; empty where none was made."""

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
