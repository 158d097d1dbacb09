"""What the answers rest on, point by point, as GitHub-flavoured tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from tabulate import tabulate

from bench.harness.judge.interval import Interval
from bench.harness.report import cells
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.cells import MISSING
from bench.harness.report.exercises.contrasts import METRIC, difference
from bench.harness.report.exercises.stopping import Stop, stops
from bench.harness.report.exercises.values import Exercise
from bench.harness.report.exercises.words import plus_minus
from bench.harness.report.figures import figure
from bench.harness.report.rows import Row, rows
from bench.harness.spec import Case

SHOWN = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30)
"""Epochs that a table of duration has a line for."""

Stale = Mapping[str, str]
"""Case → why its figures are not those of the present code."""


def table(exercise: Exercise, evidence: Evidence, stale: Stale) -> str:
    """Return the table of an exercise, of the columns that its kind needs."""
    if exercise.kind == "duration":
        return _of_epochs(exercise, evidence, stale)
    if exercise.kind == "stopping":
        return _of_stops(exercise, evidence, stale)
    return _of_points(exercise, evidence, stale)


def row_of(case: Case, evidence: Evidence) -> Row:
    """Return what the records say about one point."""
    return rows([case], evidence.records, {}, {})[0]


def _of_points(exercise: Exercise, evidence: Evidence, stale: Stale) -> str:
    base = next(iter(exercise.contrasts)).over if exercise.contrasts else ""
    lines = []
    for label, case in exercise.points.items():
        row = row_of(case, evidence)
        lines.append(
            [
                _named(label, case, stale),
                cells.accuracy(row.test_accuracy),
                _against(exercise, label, base, evidence),
                cells.loss(row.test_loss),
                cells.accuracy(row.training_accuracy),
                cells.parameters(row),
                cells.seconds_per_epoch(row),
            ]
        )
    against = f"test accuracy against {base}, points"
    heads = ["test accuracy %", against, "test loss", "training accuracy %", "parameters"]
    return _drawn([exercise.varied, *heads, "s/epoch"], lines)


def _against(exercise: Exercise, label: str, base: str, evidence: Evidence) -> str:
    if label == base:
        return MISSING
    of, over = exercise.points[label].name, exercise.points[base].name
    found = difference(evidence, of, over, together=len(exercise.points) - 1)
    return MISSING if found is None else _points(found[0])


def _of_epochs(exercise: Exercise, evidence: Evidence, stale: Stale) -> str:
    lines = [
        [_named(label, case, stale), str(epoch), *_after(case.name, epoch, evidence)]
        for label, case in exercise.points.items()
        for epoch in SHOWN
        if epoch <= case.recipe.epochs
    ]
    heads = ["training accuracy %", "test accuracy %", "training loss", "test loss"]
    return _drawn([exercise.varied, "epoch", *heads], lines)


def _after(case: str, epoch: int, evidence: Evidence) -> list[str]:
    told = {"accuracy": cells.accuracy, "loss": cells.loss}
    return [
        told[measure](figure(evidence.values(case, f"{images}_{measure}", epoch=epoch)))
        for measure in told
        for images in ("training", "test")
    ]


def _of_stops(exercise: Exercise, evidence: Evidence, stale: Stale) -> str:
    found = {stop.case.name: stop for stop in stops(exercise, evidence)}
    lines = []
    for label, case in exercise.points.items():
        accuracy = cells.accuracy(row_of(case, evidence).test_accuracy)
        cost = _saving(found[case.name]) if case.name in found else _whole(case, evidence)
        lines.append([_named(label, case, stale), *cost[:4], accuracy, cost[4]])
    saved = ["reached", "epochs", "epochs saved", "seconds saved"]
    return _drawn([exercise.varied, *saved, "test accuracy %", "what it changes, points"], lines)


def _saving(stop: Stop) -> list[str]:
    if not stop.seeds:
        return [MISSING] * 5
    return [
        f"{stop.reached}/{stop.seeds}",
        f"{median(stop.epochs):g} ({min(stop.epochs)}–{max(stop.epochs)})",
        MISSING if stop.saved_epochs is None else plus_minus("epochs", stop.saved_epochs),
        MISSING if stop.saved_seconds is None else plus_minus("seconds", stop.saved_seconds),
        MISSING if stop.gain is None else _points(stop.gain),
    ]


def _whole(case: Case, evidence: Evidence) -> list[str]:
    ran = [len(record.epochs) for record in evidence.trained(case.name)]
    return [MISSING, f"{median(ran):g}" if ran else MISSING, MISSING, MISSING, MISSING]


def _points(found: Interval) -> str:
    return plus_minus(METRIC, found, signed=True).removesuffix(" points")


def _named(label: str, case: Case, stale: Stale) -> str:
    return f"{label} (stale)" if case.name in stale else label


def _drawn(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return tabulate(
        [[cells.unbroken(cell) for cell in line] for line in lines],
        headers=[cells.unbroken(head) for head in heads],
        tablefmt="github",
        disable_numparse=True,  # cells are finished text
        colalign=["left"] + ["right"] * (len(heads) - 1),
    )
