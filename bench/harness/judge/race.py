"""Two sides timed in one session, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.harness.judge.timing import judge_pairs
from bench.harness.judge.verdict import Verdict


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
