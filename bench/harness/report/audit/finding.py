"""What the audit found out about one claim."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.judge.claims import Outcome
from bench.harness.judge.interval import Interval

NO_RECORDS = "no reference records yet"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim with its verdict, and all that it rests on."""

    name: str
    """As the claims file has it."""
    said: str
    """What the claim is about, in words."""
    published: str
    source: str
    verdict: Outcome
    because: str
    """One sentence, computed."""
    kind: str = "figure"
    """What sort of claim it is, as the claims file has it."""
    short: str = ""
    """Why it does not hold, in a sentence that other claims may share; empty where it does."""
    measured: str = ""
    """With scatter and n; empty where nothing was measured."""
    interval: Interval | None = None
    """In the metric's own unit: where a new seed falls, or how surely a mean is known."""
    n: int = 0
    """Seeds, or timed epochs, of the case that has fewest of them."""
    cases: tuple[str, ...]
    """Whose records it rests on, or waits for."""
    mislabelled: tuple[str, str] | None = None
    """The metric that a figure was taken from, and the one it was published as, in words."""
    note: str | None = None
    expected: Outcome | None = None

    @property
    def surprising(self) -> bool:
        """Whether the verdict is another than the claims file says it is known to get."""
        return self.expected not in (None, self.verdict)
