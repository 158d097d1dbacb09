"""The columns of tables of cases, and what must be said above and below them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fitting_room import format as words
from fitting_room.analysis import trials
from fitting_room.analysis.rows import APART, NOT_JUDGED, SEVERITY, Row
from fitting_room.analysis.trials import STOPPED, Quartiles, Target, one_per_seed
from fitting_room.judge.interval import EpochsToTarget
from fitting_room.metrics import COLUMNS, SHOWN, known, own, shows
from fitting_room.record import Record
from fitting_room.report.verdicts import incomparable
from fitting_room.spec import TASKS

DISAGREES = "✗"
"""Marks a published figure that contradicts an exact count of ours."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading, and what stands below it."""

    heading: str
    metric: str = ""
    """By which a project asks for it, and whose published figures belong to it."""
    of: Callable[[Row], Any]
    """Returns what a row has of it, or None."""
    show: Callable[[Any], str]
    empty: str = words.MISSING

    @property
    def name(self) -> str:
        """Its part of the address of a sorted page."""
        return re.sub(r"\W+", "_", self.heading).strip("_")

    def cell(self, row: Row) -> str:
        """Return what a row shows."""
        found = self.of(row)
        return self.empty if found is None else self.show(found)

    def value(self, row: Row) -> float | None:
        """Return what a page sorts by; None goes last."""
        found = self.of(row)
        middle: float | None = getattr(found, "mean", getattr(found, "median", found))
        return middle


def _column(metric: str, heading: str = "", show: Callable[[Any], str] | None = None) -> Column:
    """Return the column of a metric, be it a field of rows or the project's own."""
    return Column(
        heading=heading or f"{words.name(metric)}{known(metric).suffix}",
        metric=metric,
        of=lambda row: {**vars(row), **row.metrics}.get(metric),
        show=show or partial(words.in_unit, metric),
    )


def _seconds(found: Quartiles) -> str:
    return words.around(found.median, found.lower, found.upper)


VERDICT = Column(
    heading="verdict",
    of=lambda row: None if row.verdict == NOT_JUDGED else SEVERITY.index(row.verdict),
    show=SEVERITY.__getitem__,
    empty=NOT_JUDGED,
)
TEST_ACCURACY = _column("test_accuracy")
TRAINING_ACCURACY = _column("training_accuracy")
TEST_LOSS = _column("test_loss")
CALIBRATION_ERROR = _column("calibration_error", "calibration error %", words.accuracy)
PARAMETERS = _column("parameters", show=words.count)
SECONDS = _column("seconds_per_epoch", "s/epoch", _seconds)
LATENCY = _column("latency_seconds", "latency ms", lambda seconds: words.number(1000 * seconds, 2))
THROUGHPUT = _column("images_per_second", "images/s", words.count)
MEMORY = _column("peak_memory_mib", "peak memory MiB", words.count)
FIXED = (
    *(TEST_ACCURACY, TRAINING_ACCURACY, TEST_LOSS, CALIBRATION_ERROR),
    *(PARAMETERS, SECONDS, LATENCY, THROUGHPUT, MEMORY),
)

USUAL = ("test_accuracy", "test_loss", "parameters", "epochs_to_target", "seconds_per_epoch")
"""Columns of a project that asks for none; where there is a target, training accuracy too."""


def measured(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that the project asks for, or the usual ones and those of its metrics."""
    found = _columns(rows)
    usual = [*USUAL, *(each.name for each in own() if _told(found[each.name][0], rows))]
    if found["epochs_to_target"]:
        usual.insert(1, "training_accuracy")  # easily mistaken for test accuracy
    return [column for metric in SHOWN or usual for column in found[metric]]


def everything(rows: Sequence[Row]) -> list[Column]:
    """Return the verdict and every column that some row has anything for.

    If the project asks for some, those alone.
    """
    found = _columns(rows)
    columns = [VERDICT, *(column for metric in SHOWN or found for column in found[metric])]
    return [column for column in columns if _told(column, rows)]


def _told(column: Column, rows: Sequence[Row]) -> bool:
    return any(column.of(row) is not None or column.metric in row.published for row in rows)


def _columns(rows: Sequence[Row]) -> dict[str, list[Column]]:
    """Return metric → its columns: one for each target of the task, and one of any other metric."""
    found = {each.metric: [each] for each in FIXED}
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    found["epochs_to_target"] = [_epochs_to(*each) for each in enumerate(targets)]
    found["seconds_to_target"] = [c for each in enumerate(targets) for c in _seconds_to(*each)]
    found |= {each.name: [_column(each.name)] for each in own()}
    return {metric: found[metric] for metric in dict.fromkeys([*COLUMNS, *found])}


def _epochs_to(which: int, target: Target) -> Column:
    return Column(
        heading=f"epochs to {target.words}",
        metric="" if which else "epochs_to_target",  # published are epochs to the first
        of=lambda row: row.epochs_to_target[which].found if row.epochs_to_target else None,
        show=lambda found: str(found.words),
    )


def _seconds_to(which: int, target: Target) -> list[Column]:
    """Return the column of training seconds, and that of seconds from the start of the process."""

    def column(heading: str, clock: str) -> Column:
        return Column(
            heading=f"{heading} to {target.words}",
            metric="" if which or clock != "seconds" else "seconds_to_target",
            of=lambda row: (
                getattr(row.epochs_to_target[which], clock) if row.epochs_to_target else None
            ),
            show=_time_to_target,
        )

    return [column("training s", "seconds"), column("s from start", "elapsed")]


def _time_to_target(found: EpochsToTarget) -> str:
    seconds = words.around(found.median, *found.interval)
    return f"{seconds}, reached {found.reached}/{found.n}"


def cited(row: Row, metric: str, marks: Sequence[str]) -> str:
    """Return a published figure as it was printed, or nothing.

    It is marked where it contradicts an exact count, and has the number of its note in ``marks``.
    """
    claim = row.published.get(metric)
    if claim is None:
        return ""
    wrong = f" {DISAGREES}" if metric == "parameters" and _contradicted(row) else ""
    return f"{claim.published}{wrong}{f' [{marks.index(claim.note) + 1}]' if claim.note else ''}"


def _contradicted(row: Row) -> bool:
    claim, ours = row.published.get("parameters"), row.parameters
    return claim is not None and ours is not None and not claim.low <= ours <= claim.high


def by_task(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return task → its rows, for each task that has any."""
    found = {task: [row for row in rows if row.task == task] for task in TASKS}
    return {task: of_task for task, of_task in found.items() if of_task}


UNFIT = ("epochs overridden", STOPPED, "sample")
"""How flags begin that forbid publication."""


def banner(rows: Sequence[Row]) -> list[str]:
    """Return the warning that figures are not for publication, or nothing."""
    unfit = {row.architecture: [f for f in row.flags if f.startswith(UNFIT)] for row in rows}
    reasons = [f"{name} ({', '.join(flags)})" for name, flags in unfit.items() if flags]
    return [f"> **Not for publication**: {'; '.join(reasons)}."] if reasons else []


def why_empty(row: Row, absent: str) -> str:
    """Return why a row has no figures, ``absent`` if it has no record; empty if it was trained."""
    stopped = next((flag for flag in row.flags if flag.startswith(STOPPED)), "")
    return (stopped if row.keys else absent) or ("" if row.test_accuracy else "not trained")


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return the distinct notes on published figures, in the order of the table."""
    claims = (claim for row in rows for claim in row.published.values() if shows(claim.metric))
    return list(dict.fromkeys(claim.note for claim in claims if claim.note))


def notes(
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str],
    absent: str | None = None,
    every: bool = False,
) -> list[str]:
    """Return the lines under a table, most important first.

    ``absent`` says why a case has no record, for a table whose cells do not say it themselves;
    ``every`` that the table has all columns that the project allows.
    """
    used = [record for row in rows for record in one_per_seed(_of(row, records))]

    def asked(*columns: str) -> bool:
        return bool({*columns} & {*SHOWN}) or (every and not SHOWN)

    return [
        *(f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale),
        *verdict_notes(rows),
        *_gaps(rows, absent),
        *(_answers(rows, records) if asked("latency_seconds", "images_per_second") else []),
        *_legend(rows, records),
        *_target(rows),
        *(_to_target(rows) if asked("seconds_to_target") else []),
        *([provenance(used)] if used else []),
        *_publication(rows),
    ]


def brief(rows: Sequence[Row], *, absent: str) -> list[str]:
    """Return what must be said even where the run's header told the rest: gaps and reservations."""
    return [*_gaps(rows, absent), *_reservations(rows)]


def provenance(records: Sequence[Record], *, n: str | None = None) -> str:
    """Return where, when and with what the records were made: one line, no clock, no host name.

    ``n`` is how many values a figure rests on; by default the number of seeds of a case.
    """
    dates = sorted(record.started[:10] for record in records)
    names = [record.spec.case.name for record in records]
    parts = [
        trials.machines(records),
        trials.ran_on(records),
        trials.listed(record.resolved.precision for record in records if record.resolved),
        trials.versions(records),
        trials.settings(records),
        " to ".join(dict.fromkeys([dates[0], dates[-1]])),
        f"n = {n or words.spanned(names.count(name) for name in names)}",
        trials.counted_commits(records),
    ]
    return f"Measured: {'; '.join(part for part in parts if part)}."


def verdict_notes(rows: Sequence[Row]) -> list[str]:
    """Return a line for each bound that is not met, and one a reason for those not comparable."""
    found = [(row, v) for row in rows for v in row.verdicts if not v.passed]
    return [
        *(
            f"{row.architecture}: {v.metric} {v.outcome}: {v.reason}."
            for row, v in found
            if v.outcome != APART
        ),
        *(f"{line}." for line in incomparable(v for _, v in found)),
    ]


def _gaps(rows: Sequence[Row], absent: str | None) -> list[str]:
    """Return what was lost, and why cells have no figure, a line a reason."""
    lines = [f"{row.architecture}: {flag}." for row in rows for flag in row.flags if " of " in flag]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if absent is not None and (why := why_empty(row, absent)):
            reasons.setdefault(why, []).append(row.architecture)
    lines += [f"{', '.join(names)}: {why} ({words.MISSING})." for why, names in reasons.items()]
    untimed = [row.architecture for row in rows if row.test_accuracy and not row.seconds_per_epoch]
    bare = [row.architecture for row in rows if row.test_accuracy and not row.test_loss]
    if bare and shows("test_loss"):
        why = "as its trainer hands over class numbers and no probabilities"
        lines.append(f"{', '.join(bare)}: no test loss, {why}.")
    if untimed and shows("seconds_per_epoch"):
        why = "as none ran alone, undisturbed, for more than its first epoch, which traces"
        lines.append(f"{', '.join(untimed)}: no s/epoch, {why}.")
    return lines


def _answers(rows: Sequence[Row], records: Sequence[Record]) -> list[str]:
    """Return whose inference is not timed, as a trainer handed over no function that predicts."""
    bare = {r.spec.case.name for r in records if r.spec.case.trainer and r.inference is None}
    names = [row.architecture for row in rows if row.case in bare and row.latency_seconds is None]
    why = "inference is not timed, as its trainer hands over answers and no function that predicts"
    return [f"{', '.join(names)}: {why}."] if names else []


def _legend(rows: Sequence[Row], records: Sequence[Record]) -> list[str]:
    if not any(row.keys for row in rows):
        return []
    what = "Accuracy, loss and own metrics" if any(row.metrics for row in rows) else SCORES
    lines = [f"{what}: after the last epoch, mean ± sd between seeds (number of seeds)."]
    timed = [row for row in rows if row.seconds_per_epoch and shows("seconds_per_epoch")]
    if not timed:
        return lines
    found = [trials.of_one_machine([r for r in _of(row, records) if r.completed]) for row in timed]
    told = [[record for record in each if len(record.epochs) > 1] for each in found]
    epochs = words.spanned(row.seconds_per_epoch.n for row in timed if row.seconds_per_epoch)
    lines[0] += (
        " Seconds: median (quartiles) of every epoch but the first of each trial that ran alone: "
        f"{_counted(epochs, 'epoch')} of {_counted(words.spanned(map(len, told)), 'trial')} a case."
    )
    places: dict[str, list[str]] = {}
    for row, each in zip(timed, told, strict=True):
        places.setdefault(trials.machines(each), []).append(row.architecture)
    if len(places) > 1:
        whose = "; ".join(f"{', '.join(names)} on {place}" for place, names in places.items())
        lines.append(f"Seconds of different machines do not compare: {whose}.")
    return lines


SCORES = "Accuracy and loss"


def _of(row: Row, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.spec.case.name == row.case]


def _counted(count: str, noun: str) -> str:
    return f"{count} {noun}{'' if count == '1' else 's'}"


def _target(rows: Sequence[Row]) -> list[str]:
    found = (row.epochs_to_target for row in rows if row.epochs_to_target)
    return [
        f"Epochs to {target.words}: median over seeds (95 % interval), seeds that reached it; "
        f"{words.NEVER} where too few ever did."
        for target in (next(found, ()) if shows("epochs_to_target") else ())
    ]


def _to_target(rows: Sequence[Row]) -> list[str]:
    timed = any(target.seconds for row in rows for target in row.epochs_to_target)
    what = (
        "Training seconds to a target: the epochs to it times a trial's median seconds per epoch "
        "after the first, which traces; from start, everything since its process began. Median "
        "over seeds that ran alone on one kind of machine (95 % interval), seeds that reached it."
    )
    return [what] if timed else []


def _reservations(rows: Sequence[Row]) -> list[str]:
    wrong = shows("parameters") and any(map(_contradicted, rows))
    return [
        *(f"[{number}] {note}" for number, note in enumerate(footnotes(rows), start=1)),
        *([f"{DISAGREES} contradicts an exact count."] if wrong else []),
    ]


def _publication(rows: Sequence[Row]) -> list[str]:
    claims = [claim for row in rows for claim in row.published.values() if shows(claim.metric)]
    timed = any(claim.metric == "seconds_per_epoch" for claim in claims)
    return [
        *_reservations(rows),
        *(["Published seconds are another machine's: only ratios compare."] if timed else []),
        *([f"Published: {trials.listed(claim.source for claim in claims)}."] if claims else []),
    ]
