"""One JSON file as a side: our ``summary.json``, pytest-benchmark's, or a single record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.errors import UserError
from bench.harness.judge.samples import Sample
from bench.harness.report.comparison.of_records import facts_of
from bench.harness.report.comparison.side import QUALITY, Facts, Pace
from bench.harness.report.files import SCHEMA
from bench.harness.store.records import read_record

GROUP = "seconds per epoch"
"""Of pytest-benchmark's entries: the one that times training."""


class _Figure(msgspec.Struct):
    values: tuple[float, ...]


class _Quartiles(msgspec.Struct):
    lower: float


class _Row(msgspec.Struct):
    case: str
    test_accuracy: _Figure | None = None
    test_loss: _Figure | None = None
    training_accuracy: _Figure | None = None
    parameters: int | None = None
    seconds_per_epoch: _Quartiles | None = None
    flags: tuple[str, ...] = ()


class _Summary(msgspec.Struct):
    rows: tuple[_Row, ...]


class _Extra(msgspec.Struct):
    seeds: int = 1
    parameters: int | None = None
    flops_per_image: int | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    calibration_seconds: float | None = None
    conditions: dict[str, str] = {}
    time_conditions: dict[str, str] = {}


class _Stats(msgspec.Struct):
    min: float


class _Entry(msgspec.Struct):
    name: str
    stats: _Stats
    group: str | None = None
    extra_info: _Extra = msgspec.field(default_factory=_Extra)


class _Benchmark(msgspec.Struct):
    benchmarks: tuple[_Entry, ...]


def read_file(path: Path) -> dict[str, Facts]:
    """Return what a JSON file says, case by case.

    Raises:
        UserError: It cannot be read, is of no kind that is known, or of a schema that is not.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
        found = _facts(content, path)
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as JSON of this bench or of pytest-benchmark: {error}. "
            "Write it anew, or name a commit or a folder of records."
        ) from error
    if not found:
        raise UserError(f"{path} holds no figures of any case. Name one of a run that measured.")
    return found


def _facts(content: Any, path: Path) -> dict[str, Facts]:
    keys = set(content) if isinstance(content, dict) else set()
    if "benchmarks" in keys:
        entries = msgspec.convert(content, _Benchmark).benchmarks
        named = [(case, entry) for entry in entries if (case := _case_of(entry.name))]
        return {case: _of_entries(case, of) for case, of in _grouped(named).items()}
    if "spec" in keys:
        return facts_of([read_record(path)])
    if "rows" not in keys:
        raise UserError(
            f"{path} is neither a summary.json of this bench, nor a record, nor JSON of "
            "pytest-benchmark. Name one of these, a folder of records, or a commit."
        )
    if content.get("schema") != SCHEMA:
        raise UserError(
            f"{path} has report schema {content.get('schema')}; this version reads {SCHEMA}. "
            "Use the version that wrote it, or run the bench anew."
        )
    return {row.case: _of_row(row) for row in msgspec.convert(content, _Summary).rows}


def _of_row(row: _Row) -> Facts:
    figures = {metric: getattr(row, metric, None) for metric in QUALITY}
    overridden = [flag for flag in row.flags if flag.startswith("epochs overridden: ")]
    epochs = overridden[0].split(": ")[1] + " instead of the recipe's" if overridden else None
    return Facts(
        case=row.case,
        samples={m: Sample(values=figure.values) for m, figure in figures.items() if figure},
        counts={"parameters": (row.parameters,)} if row.parameters is not None else {},
        pace=Pace(seconds=row.seconds_per_epoch.lower, calibration=None)
        if row.seconds_per_epoch
        else None,
        conditions={
            "data": "the sample" if "sample" in row.flags else "the whole set",
            "epochs": epochs or "the recipe's",
        },
    )


def _case_of(test: str) -> str | None:
    """Return the case in the name of a test: ``test_epoch_time[mnist-dense_128]``."""
    found = re.fullmatch(r"\w+\[(.+)\]", test)
    return found[1] if found else None


def _grouped(named: Sequence[tuple[str, _Entry]]) -> Mapping[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for case, entry in named:
        found.setdefault(case, []).append(entry)
    return found


def _of_entries(case: str, entries: Sequence[_Entry]) -> Facts:
    """Every entry repeats what is known of the case; the one that timed training comes first."""
    entry = min(entries, key=lambda each: each.group != GROUP)
    extra = entry.extra_info
    means = {"test_accuracy": extra.test_accuracy, "test_loss": extra.test_loss}
    counts = {"parameters": extra.parameters, "flops_per_image": extra.flops_per_image}
    timed = Pace(
        seconds=entry.stats.min,
        calibration=extra.calibration_seconds,
        conditions=extra.time_conditions,
    )
    return Facts(
        case=case,
        samples={
            metric: Sample(values=(mean,) * extra.seeds, averaged=extra.seeds > 1)
            for metric, mean in means.items()
            if mean is not None
        },
        counts={name: (count,) for name, count in counts.items() if count is not None},
        pace=timed if entry.group == GROUP else None,
        conditions=extra.conditions,
        settings=extra.time_conditions,
    )
