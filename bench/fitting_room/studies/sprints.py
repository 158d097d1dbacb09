"""Speed records: which case reaches a test accuracy in the fewest seconds of training.

The rules stand in ``bench/docs/verdicts.md``. A task's ``sprints`` are the goals; every reference
takes part that was timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fitting_room.analysis.trials import Figure, figure, publishable, trained
from fitting_room.format import accuracy, count, number, percent
from fitting_room.machine import of_one_machine
from fitting_room.metrics import elapsed_seconds, is_timed, training_seconds
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.spec import TASKS

LEAST_SEEDS = 20
"""Seeds that the mean of a record takes."""

HEAD = ("goal", "case", "test accuracy %", "s of training", "s from start", "epochs", "parameters")


@dataclass(frozen=True, kw_only=True)
class Runner:
    """All seeds of a case whose times count, those of other kinds of machine apart."""

    case: str
    records: Sequence[Record]
    """Trained to the end on all images, one a seed, timed or not."""

    @cached_property
    def timed(self) -> Sequence[Record]:
        """The records that had a machine to themselves, of the kind that most of them had."""
        return of_one_machine([record for record in self.records if is_timed(record)])

    @cached_property
    def accuracy(self) -> Figure | None:
        """Test accuracy after the last epoch, over all seeds."""
        return figure([r.test_accuracy for r in self.records if r.test_accuracy is not None])

    @cached_property
    def seconds(self) -> Figure | None:
        """Training seconds to the last epoch, tracing apart."""
        return figure([training_seconds(record, len(record.epochs)) for record in self.timed])

    @cached_property
    def from_start(self) -> Figure | None:
        """Seconds from the start of the process to the last evaluation."""
        return figure([elapsed_seconds(record, len(record.epochs)) for record in self.timed])

    def cells(self, goal: str) -> tuple[str, ...]:
        """Return its row of the table."""
        sizes = [record.size.parameters for record in self.records if record.size]
        epochs = max(len(record.epochs) for record in self.records)
        return (
            goal,
            self.case,
            accuracy(self.accuracy),
            _seconds(self.seconds),
            _seconds(self.from_start),
            str(epochs),
            count(sizes[0] if sizes else None),
        )


def _seconds(found: Figure | None) -> str:
    if found is None:
        return number(None, 1)
    return f"{found.mean:.1f} ({min(found.values):.1f}–{max(found.values):.1f})"


def runners(records: Sequence[Record], task: str) -> list[Runner]:
    """Return the cases of a task that have times, the quickest first."""
    by_case: dict[str, list[Record]] = {}
    for record in records:
        if record.spec.case.task == task and publishable(record):
            by_case.setdefault(record.spec.case.name, []).append(record)
    found = [Runner(case=name, records=trained(each)) for name, each in by_case.items()]
    timed = [each for each in found if each.seconds and each.accuracy]
    return sorted(timed, key=lambda each: each.seconds.mean if each.seconds else 0.0)


def quickest(found: Sequence[Runner], goal: float) -> Runner | None:
    """Return the quickest whose mean over enough seeds is at a goal, a fraction."""
    for each in found:
        if each.accuracy and each.accuracy.n >= LEAST_SEEDS and each.accuracy.mean >= goal:
            return each
    return None


def sprint_table(records: Sequence[Record]) -> str:
    """Return the quickest case for each goal of each task, and whether it keeps to its time."""
    rows, machines = [], set()
    for task in TASKS.values():
        found = runners(records, task.name)
        for goal, limit in task.sprints.items():
            told = f"{task.title or task.name} {percent(goal, 1)} % in {limit:g} s"
            best = quickest(found, goal)
            if best is None:
                rows.append((f"{told}: no case yet", *[""] * (len(HEAD) - 1)))
                continue
            met = best.seconds is not None and best.seconds.mean <= limit
            rows.append(best.cells(f"{told}: {'met' if met else 'not met'}"))
            machines |= {_machine(record) for record in best.timed}
    notes = [
        f"The quickest of all references whose mean test accuracy over {LEAST_SEEDS} seeds or more "
        "is at the goal. Test accuracy: mean ± sd (seeds), of the last epoch. Seconds: mean "
        "(least–most) of the seeds that had the machine to themselves, tracing apart; from the "
        "start of the process with all that is around it.",
        f"Measured: {'; '.join(sorted(machines)) or 'nothing yet'}.",
    ]
    return Table(HEAD, rows, notes, align="llr").markdown()


def _machine(record: Record) -> str:
    machine, versions = record.machine, record.provenance.versions
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    on = f"{machine.cpu}, {machine.cores} cores" if machine else "unknown machine"
    return f"{on}; {told}"
