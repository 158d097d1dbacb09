"""Tables of cases: their columns, what must be said with them, as Markdown and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fitting_room import format as words
from fitting_room.analysis import trials
from fitting_room.analysis.trials import (
    APART,
    NOT_JUDGED,
    SEVERITY,
    STOPPED,
    Row,
    Target,
    by_case,
    incomparable,
    one_per_seed,
)
from fitting_room.format import MISSING
from fitting_room.judge.interval import EpochsToTarget
from fitting_room.metrics import COLUMNS, SHOWN, known, own, shows
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.spec import TASKS
from fitting_room.store.claims import Claim

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
    empty: str = MISSING

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

    def told(self, rows: Sequence[Row]) -> bool:
        """Whether some row has anything of it, measured or published."""
        return any(self.of(row) is not None or self.metric in row.published for row in rows)


def _column(metric: str, heading: str = "", show: Callable[[Any], str] | None = None) -> Column:
    """Return the column of a metric, be it a field of rows or the project's own."""
    return Column(
        heading=heading or f"{words.name(metric)}{known(metric).suffix}",
        metric=metric,
        of=lambda row: {**vars(row), **row.metrics}.get(metric),
        show=show or partial(words.in_unit, metric),
    )


VERDICT = Column(
    heading="verdict",
    of=lambda row: None if row.verdict == NOT_JUDGED else SEVERITY.index(row.verdict),
    show=SEVERITY.__getitem__,
    empty=NOT_JUDGED,
)
SECONDS = _column(
    "seconds_per_epoch", "s/epoch", lambda of: words.around(of.median, of.lower, of.upper)
)
FIXED = (
    _column("test_accuracy"),
    _column("training_accuracy"),
    _column("test_loss"),
    _column("calibration_error", "calibration error %", words.accuracy),
    _column("parameters", show=words.count),
    SECONDS,
    _column("latency_seconds", "latency ms", lambda seconds: words.number(1000 * seconds, 2)),
    _column("images_per_second", "images/s", words.count),
    _column("peak_memory_mib", "peak memory MiB", words.count),
)

USUAL = ("test_accuracy", "test_loss", "parameters", "epochs_to_target", "seconds_per_epoch")
"""Columns of a project that asks for none; where there is a target, training accuracy too."""


def measured(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that the project asks for, or the usual ones and those of its metrics."""
    found = _columns(rows)
    usual = [*USUAL, *(each.name for each in own() if found[each.name][0].told(rows))]
    if found["epochs_to_target"]:
        usual.insert(1, "training_accuracy")  # easily mistaken for test accuracy
    return [column for metric in SHOWN or usual for column in found[metric]]


def everything(rows: Sequence[Row]) -> list[Column]:
    """Return the verdict and each column, of those that the project asks for, that has anything."""
    found = _columns(rows)
    columns = [VERDICT, *(column for metric in SHOWN or found for column in found[metric])]
    return [column for column in columns if column.told(rows)]


def _columns(rows: Sequence[Row]) -> dict[str, list[Column]]:
    """Return metric → its columns: one for each target of the task, and one of any other metric."""
    found = {each.metric: [each] for each in FIXED}
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    found["epochs_to_target"] = [
        _to_target(*each, "found", "epochs", lambda found: str(found.words))
        for each in enumerate(targets)
    ]
    found["seconds_to_target"] = [
        _to_target(*each, clock, heading, _time_to_target)
        for each in enumerate(targets)
        for clock, heading in (("seconds", "training s"), ("elapsed", "s from start"))
    ]
    found |= {each.name: [_column(each.name)] for each in own()}
    return {metric: found[metric] for metric in dict.fromkeys([*COLUMNS, *found])}


PUBLISHED = {"found": "epochs_to_target", "seconds": "seconds_to_target"}
"""Clock → the metric whose published figures are to the first target by it."""


def _to_target(
    which: int, target: Target, clock: str, heading: str, show: Callable[[Any], str]
) -> Column:
    """Return how soon the target of that number is reached, by one of its clocks."""
    return Column(
        heading=f"{heading} to {target.words}",
        metric="" if which else PUBLISHED.get(clock, ""),
        of=lambda row: (
            getattr(row.epochs_to_target[which], clock) if row.epochs_to_target else None
        ),
        show=show,
    )


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
    return {task: of for task in TASKS if (of := [row for row in rows if row.task == task])}


UNPUBLISHED = "Not for publication"
UNFIT = ("epochs overridden", STOPPED, "sample")
"""How flags begin that forbid publication."""


def banner(rows: Sequence[Row]) -> list[str]:
    """Return why figures are not for publication, or nothing."""
    unfit = {row.architecture: [f for f in row.flags if f.startswith(UNFIT)] for row in rows}
    reasons = "; ".join(f"{name} ({', '.join(flags)})" for name, flags in unfit.items() if flags)
    return [f"{reasons}."] if reasons else []


def why_empty(row: Row, absent: str) -> str:
    """Return why a row has no figures, ``absent`` if it has no record; empty if it was trained."""
    stopped = next((flag for flag in row.flags if flag.startswith(STOPPED)), "")
    return (stopped if row.keys else absent) or ("" if row.test_accuracy else "not trained")


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return the distinct notes on published figures, in the order of the table."""
    return list(dict.fromkeys(claim.note for claim in _claims(rows) if claim.note))


def _claims(rows: Sequence[Row]) -> list[Claim]:
    return [claim for row in rows for claim in row.published.values() if shows(claim.metric)]


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
    of = by_case(records)
    used = [record for row in rows for record in one_per_seed(of.get(row.case, []))]
    clocks = "seconds_to_target" in SHOWN or (every and not SHOWN)
    claims = _claims(rows)
    foreign = any(claim.metric == "seconds_per_epoch" for claim in claims)
    return [
        *(f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale),
        *verdict_notes(rows),
        *gaps(rows, absent),
        *_legend(rows, of),
        *_targets(rows, clocks=clocks),
        *([provenance(used)] if used else []),
        *reservations(rows),
        *(["Published seconds are another machine's: only ratios compare."] if foreign else []),
        *([f"Published: {trials.listed(claim.source for claim in claims)}."] if claims else []),
    ]


def provenance(records: Sequence[Record], *, n: str | None = None) -> str:
    """Return where, when and with what the records were made: one line, no clock, no host name.

    ``n`` is how many values a figure rests on; by default the number of seeds of a case.
    """
    parts = [
        trials.machines(records),
        trials.ran_on(records),
        trials.listed(record.resolved.precision for record in records if record.resolved),
        trials.versions(records),
        trials.settings(records),
        trials.days(records),
        f"n = {n or trials.seeds_a_case(records)}",
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


def gaps(rows: Sequence[Row], absent: str | None) -> list[str]:
    """Return what was lost, and why cells have no figure, a line a reason."""
    lines = [f"{row.architecture}: {flag}." for row in rows for flag in row.flags if " of " in flag]
    empty = {row.architecture: why_empty(row, absent) for row in rows if absent is not None}
    for why in dict.fromkeys(filter(None, empty.values())):
        names = [name for name, reason in empty.items() if reason == why]
        lines.append(f"{', '.join(names)}: {why} ({MISSING}).")
    for metric, what, why in WHY_ABSENT:
        bare = [r.architecture for r in rows if r.test_accuracy and not getattr(r, metric)]
        if bare and shows(metric):
            lines.append(f"{', '.join(bare)}: no {what}, as {why}.")
    return lines


WHY_ABSENT = (
    ("test_loss", "test loss", "its trainer hands over class numbers and no probabilities"),
    (
        "seconds_per_epoch",
        "s/epoch",
        "none ran alone, undisturbed, for more than its first epoch, which traces",
    ),
)
"""Metric, its name, and why a case that was trained can lack it."""


def _legend(rows: Sequence[Row], of: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    if not any(row.keys for row in rows):
        return
    own = any(row.metrics for row in rows)
    what = "Accuracy, loss and own metrics" if own else "Accuracy and loss"
    legend = f"{what}: after the last epoch, mean ± sd between seeds (number of seeds)."
    timed = [row for row in rows if row.seconds_per_epoch and shows("seconds_per_epoch")]
    found = [trials.of_one_machine([r for r in of[row.case] if r.completed]) for row in timed]
    told = [[record for record in each if len(record.epochs) > 1] for each in found]
    if timed:
        epochs = words.spanned(row.seconds_per_epoch.n for row in timed if row.seconds_per_epoch)
        legend += (
            " Seconds: median (quartiles) of every epoch but the first of each trial that ran "
            f"alone: {_counted(epochs, 'epoch')} of "
            f"{_counted(words.spanned(map(len, told)), 'trial')} a case."
        )
    yield legend
    places: dict[str, list[str]] = {}
    for row, each in zip(timed, told, strict=True):
        places.setdefault(trials.machines(each), []).append(row.architecture)
    if len(places) > 1:
        whose = "; ".join(f"{', '.join(names)} on {place}" for place, names in places.items())
        yield f"Seconds of different machines do not compare: {whose}."


def _counted(count: str, noun: str) -> str:
    return f"{count} {noun}{'' if count == '1' else 's'}"


def _targets(rows: Sequence[Row], *, clocks: bool) -> Iterator[str]:
    found = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    for target in found if shows("epochs_to_target") else ():
        yield (
            f"Epochs to {target.words}: median over seeds (95 % interval), seeds that reached it; "
            f"{words.NEVER} where too few ever did."
        )
    if clocks and any(target.seconds for row in rows for target in row.epochs_to_target):
        yield (
            "Training seconds to a target: the epochs to it times a trial's median seconds per "
            "epoch after the first, which traces; from start, everything since its process began. "
            "Median over seeds that ran alone on one kind of machine (95 % interval), seeds that "
            "reached it."
        )


def reservations(rows: Sequence[Row]) -> list[str]:
    """Return what must be known of published figures: their notes, and which are wrong."""
    wrong = shows("parameters") and any(map(_contradicted, rows))
    return [
        *(f"[{number}] {note}" for number, note in enumerate(footnotes(rows), start=1)),
        *([f"{DISAGREES} contradicts an exact count."] if wrong else []),
    ]


def task_table(
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str],
    absent: str = "no trial",
) -> str:
    """Return the table of the rows of one task as Markdown, with what must be said around it.

    ``stale`` says by case why its figures are not those of the present code, and ``absent`` what
    stands in the cells of a case without records.
    """
    columns, marks = measured(rows), footnotes(rows)
    published = {c.metric for c in columns if any(c.metric in row.published for row in rows)}
    judged = any(row.verdict != NOT_JUDGED for row in rows)
    head = ["architecture"]
    for column in columns:
        head += [column.heading, *(["published"] if column.metric in published else [])]
    lines = []
    for row in rows:
        mark = " (stale)" if row.case in stale else ""
        line = [f"{row.architecture}{mark}"]
        for column in columns:
            line.append(_told(column, row, absent, mark))
            if column.metric in published:
                line.append(cited(row, column.metric, marks) or MISSING)
        lines.append([*line, *([row.verdict] if judged else [])])
    below = notes(rows, records, stale=stale)
    table = Table([*head, *(["verdict"] if judged else [])], lines, below)
    warnings = [f"> **{UNPUBLISHED}**: {why}" for why in banner(rows)]
    return "\n\n".join([*warnings, table.markdown(unbroken=True)])


TIMED = ("seconds_per_epoch", "seconds_to_target", "latency_seconds", "images_per_second")


def _told(column: Column, row: Row, absent: str, mark: str) -> str:
    """Return a cell that says so where its figure is stale, or why there is none."""
    text = column.cell(row)
    if text != MISSING:
        return f"{text}{mark}"
    return why_empty(row, absent) or ("not timed" if column.metric in TIMED else MISSING)
