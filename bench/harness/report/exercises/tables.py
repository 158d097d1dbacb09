"""What the lines of an exercise are, as a GitHub-flavoured table, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

from tabulate import tabulate

from bench.harness.judge.interval import LEVEL, Interval, of_contrast
from bench.harness.report import cells
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.cells import MISSING
from bench.harness.report.exercises.values import Exercise, Line
from bench.harness.report.figures import decimals, figure
from bench.harness.report.rows import Row, rows
from bench.harness.spec import Case

METRIC = "test_accuracy"

HEADINGS = ("test loss", "training accuracy %", "epochs", "parameters", "s/epoch")
"""Columns beside test accuracy and its difference."""

SILENT = 1e-9
"""Points below which an interval is as wide as floating point is coarse: no seed differed."""

Stale = Mapping[str, str]
"""Case → why its figures are not those of the present code."""

Differences = Mapping[str, Interval | None]
"""Label of a line → its test accuracy less the base's; None where a side has no record."""


def differences(exercise: Exercise, evidence: Evidence) -> Differences:
    """Return how each line but the bases differs from its base; all intervals hold at once."""
    pairs = [(line, base) for line in exercise.lines if (base := exercise.base_of(line))]
    level = 1 - (1 - LEVEL) / max(len(pairs), 1)
    return {line.label: _difference(exercise, line, base, evidence, level) for line, base in pairs}


def _difference(
    exercise: Exercise, line: Line, base: Line, evidence: Evidence, level: float
) -> Interval | None:
    own, other = (
        evidence.by_seed(each.case.name, METRIC, epoch=each.epoch) for each in (line, base)
    )
    if exercise.paired:
        gains = [own[seed] - other[seed] for seed in own if seed in other]
        return of_contrast([gains], [1.0], level=level) if gains else None
    samples = [list(own.values()), list(other.values())]
    return of_contrast(samples, [1.0, -1.0], level=level) if all(samples) else None


def table(exercise: Exercise, evidence: Evidence, stale: Stale) -> str:
    """Return the table of an exercise, without columns in which every line says the same."""
    found = differences(exercise, evidence)
    lines = [_cells(line, found, evidence, stale) for line in exercise.lines]
    against = f"test accuracy against {exercise.against}, points"
    columns = list(
        zip((exercise.varied, "test accuracy %", against, *HEADINGS), *lines, strict=True)
    )
    shown = columns[:3] + [column for column in columns[3:] if len(set(column[1:])) > 1]
    heads, *body = zip(
        *[[cells.unbroken(cell) for cell in column] for column in shown], strict=True
    )
    return tabulate(
        body,
        headers=heads,
        tablefmt="github",
        disable_numparse=True,  # cells are finished text
        colalign=["left"] + ["right"] * (len(heads) - 1),
    )


def row_of(case: Case, evidence: Evidence) -> Row:
    """Return what the records say about one point."""
    return rows([case], evidence.records, {}, {})[0]


def _cells(line: Line, found: Differences, evidence: Evidence, stale: Stale) -> list[str]:
    case, row = line.case.name, row_of(line.case, evidence)
    of = {
        metric: figure(evidence.values(case, metric, epoch=line.epoch))
        for metric in (METRIC, "test_loss", "training_accuracy")
    }
    ran = [line.epoch or len(record.epochs) for record in evidence.trained(case)]
    return [
        f"{line.label} (stale)" if case in stale else line.label,
        cells.accuracy(of[METRIC]),
        points(found.get(line.label)),
        cells.loss(of["test_loss"]),
        cells.accuracy(of["training_accuracy"]),
        f"{median(ran):g} ({min(ran)}–{max(ran)})" if ran else MISSING,
        cells.parameters(row),
        cells.seconds_per_epoch(row),
    ]


def points(found: Interval | None) -> str:
    """Return ``+0.9 ± 0.3`` of a difference of accuracies; no ± where its interval has no ends."""
    if found is None:
        return MISSING
    reach = 100 * (found.high - found.low) / 2
    places = decimals(reach if SILENT < reach < math.inf else None, most=2, alone=1)
    spread = f" ± {reach:.{places}f}" if math.isfinite(reach) else ""
    return f"{100 * found.estimate:+.{places}f}".replace("-", "−") + spread
