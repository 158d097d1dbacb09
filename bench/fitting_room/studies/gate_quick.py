"""Whole runs of the quick tier over unchanged code, on real data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import fmean

import msgspec

from fitting_room.report.table import Table
from fitting_room.store.bounds import Bounds
from fitting_room.studies import SCHEMA, Origin
from fitting_room.studies.gate import Finding, judged_by

QUICK_RUNS = Path("gate", "quick.json")


class QuickRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of ``--tier quick``, each of every case with seeds that no other run has."""

    schema: int = SCHEMA
    origin: Origin
    bounds: str
    runs: tuple[tuple[Finding, ...], ...]

    @property
    def red(self) -> int:
        """Number of runs in which a case fails."""
        return sum(any(found.outcome == "fail" for found in run) for run in self.runs)


def quick_runs(found: QuickRuns) -> str:
    """Return a row for each case and one for whole runs, and where they come from."""
    by_case: dict[str, list[Finding]] = {}
    for run in found.runs:
        for each in run:
            by_case.setdefault(each.case, []).append(each)
    rows = [_row(name, each) for name, each in by_case.items()]
    from scipy.stats import binomtest  # takes a second, which collecting tests need not

    n, red = len(found.runs), found.red
    whole = ("a whole run", n, n - red, red, fmean(sum(f.seeds for f in run) for run in found.runs))
    low, high = binomtest(red, n).proportion_ci()
    notes = [
        "Each run trains the first epochs of every case with seeds of its own, none of them in a "
        f"reference. Red: {red} of {n} whole runs ({100 * low:.0f}–{100 * high:.0f} %, 95 % "
        "interval). A verdict that is still open at the most seeds is no failure.",
        f"Measured: {found.origin.words}.",
    ]
    head = ("case", "runs", "pass", "fail", "seeds")
    return Table(head, [*rows, _texts(whole)], notes).markdown()


def _row(name: str, findings: list[Finding]) -> tuple[str, ...]:
    outcomes = Counter(each.outcome for each in findings)
    seeds = fmean(each.seeds for each in findings)
    return _texts((name, len(findings), outcomes["pass"], outcomes["fail"], seeds))


def _texts(row: tuple[str, int, int, int, float]) -> tuple[str, ...]:
    *counts, seeds = row
    return (*map(str, counts), f"{seeds:.2f}")


def quick_block(results: Path, bounds: Bounds) -> str:
    """Return whole runs of the quick tier over unchanged code."""
    return judged_by(
        bounds, results / QUICK_RUNS, QuickRuns, quick_runs, command="gate --quick-runs 20"
    )
