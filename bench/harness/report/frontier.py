"""What a search found, from the lines of its log: candidates by accuracy, and the frontier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from tabulate import tabulate

from bench.harness.report.figures import Figure, figure, with_spread
from bench.harness.store.search_log import Tried


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All trials of the same settings."""

    name: str
    """The last one that its trials had."""
    trials: tuple[Tried, ...]
    """In the order of their seeds."""

    @property
    def accuracy(self) -> Figure | None:
        """Validation accuracy over seeds, of those that completed."""
        values = (t.validation_accuracy for t in self.trials if t.outcome == "completed")
        return figure([value for value in values if value is not None])

    @property
    def parameters(self) -> int | None:
        """All, trainable or not; None if no trial came to be built."""
        return next((t.parameters for t in self.trials if t.parameters is not None), None)

    @property
    def seconds(self) -> float:
        """Of one trial, the mean."""
        return fmean(trial.seconds for trial in self.trials)

    @property
    def epoch_seconds(self) -> float | None:
        """Median over all epochs but each trial's first."""
        found = [seconds for trial in self.trials for seconds in trial.epoch_seconds[1:]]
        return median(found) if found else None


def candidates(lines: Iterable[Tried]) -> list[Candidate]:
    """Group the lines by their settings, best mean accuracy first, those without one last.

    Of several lines of one seed the last counts: a trial that broke and was run again.
    """
    found: dict[str, dict[int, Tried]] = {}
    for line in lines:
        found.setdefault(line.settings, {})[line.seed] = line
    grouped = [
        Candidate(
            name=list(seeds.values())[-1].candidate,
            trials=tuple(seeds[seed] for seed in sorted(seeds)),
        )
        for seeds in found.values()
    ]
    return sorted(grouped, key=lambda each: -each.accuracy.mean if each.accuracy else 1.0)


def frontier(found: Sequence[Candidate], *, least_seeds: int = 1) -> list[Candidate]:
    """Return those that nothing smaller or as small beats, smallest first.

    Args:
        found: Of one task and one number of images held out.
        least_seeds: Candidates with fewer are left out: one lucky seed makes no frontier.
    """
    known = [each for each in found if _seeds(each) >= least_seeds and each.parameters]
    kept: list[Candidate] = []
    for each in sorted(known, key=lambda c: (c.parameters or 0, -_mean(c))):
        if not kept or _mean(each) > _mean(kept[-1]):
            kept.append(each)
    return kept


def smallest(found: Sequence[Candidate], accuracy: float, *, least_seeds: int) -> Candidate | None:
    """Return the smallest candidate whose mean validation accuracy is at least ``accuracy``."""
    reached = (c for c in frontier(found, least_seeds=least_seeds) if _mean(c) >= accuracy)
    return next(reached, None)


def table(found: Sequence[Candidate]) -> str:
    """Return a table in the order given, as Markdown that also reads as plain text."""
    return tabulate(
        [_cells(each) for each in found],
        headers=["candidate", "validation accuracy %", "parameters", "epochs", "s/epoch", "s"],
        tablefmt="github",
        disable_numparse=True,
        colalign=["left", *["right"] * 5],
    )


def _cells(each: Candidate) -> list[str]:
    seconds = each.epoch_seconds
    parameters = each.parameters
    outcomes = sorted({t.outcome for t in each.trials if t.outcome != "completed"})
    accuracy = with_spread(each.accuracy, scale=100, most=2, alone=2) if each.accuracy else ""
    return [
        each.name,
        " ".join(filter(None, [accuracy, *outcomes])),
        "—" if parameters is None else f"{parameters:,}",
        str(each.trials[0].epochs),
        "—" if seconds is None else f"{seconds:.1f}",
        f"{each.seconds:.0f}",
    ]


def _seeds(each: Candidate) -> int:
    return each.accuracy.n if each.accuracy else 0


def _mean(each: Candidate) -> float:
    return each.accuracy.mean if each.accuracy else 0.0
