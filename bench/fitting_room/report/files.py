"""The end of a run: verdicts first, then the tables; shown and written to files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.analysis.figures import Figure
from fitting_room.analysis.rows import Row, rows
from fitting_room.record import Outcome, Record
from fitting_room.report.ci import Judged
from fitting_room.report.progress import Screen
from fitting_room.report.summary import summary, tables
from fitting_room.report.verdicts import in_order, verdict_lines
from fitting_room.spec import Case
from fitting_room.store.claims import Claims
from fitting_room.store.records import Store, write_whole

SCHEMA = 2
"""Of ``summary.json``."""

OVER_SEEDS = ("test_accuracy", "test_loss", "training_accuracy", "calibration_error")


def write_report(
    folder: Path,
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write ``summary.md``, ``summary.json`` and ``summary.csv``, each whole or not at all.

    ``stale`` tells, by case, why its figures are not those of the present code.

    Raises:
        UserError: The folder cannot be written.
    """
    contents = {
        "summary.md": summary(rows, records, stale=stale).encode(),
        "summary.json": as_json(rows, stale=stale or {}),
        "summary.csv": as_csv(rows).encode(),
    }
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [folder / name for name in contents]


def as_json(rows: Sequence[Row], *, stale: Mapping[str, str]) -> bytes:
    """Return every figure with its n, every verdict with its reason, and the records' keys.

    Infinite numbers, such as a published "never", are null.
    """
    told = [{**msgspec.to_builtins(row), "stale": stale.get(row.case)} for row in rows]
    return msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, "rows": told})) + b"\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return one line per case under a heading; a figure that is missing is empty."""
    lines = [_flat(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flat(row: Row) -> dict[str, Any]:
    target = row.epochs_to_target[0].found if row.epochs_to_target else None
    seconds = row.seconds_per_epoch
    return {
        "case": row.case,
        **{k: v for name in OVER_SEEDS for k, v in _moments(name, getattr(row, name)).items()},
        "parameters": row.parameters,
        "epochs_to_target": target.median if target else None,
        "epochs_to_target_reached": target.reached if target else None,
        "epochs_to_target_n": target.n if target else None,
        "seconds_per_epoch": seconds.median if seconds else None,
        "seconds_per_epoch_lower": seconds.lower if seconds else None,
        "seconds_per_epoch_upper": seconds.upper if seconds else None,
        "seconds_per_epoch_n": seconds.n if seconds else None,
        "peak_memory_mib": row.peak_memory_mib,
        "latency_seconds": row.latency_seconds,
        "images_per_second": row.images_per_second,
        "verdict": row.verdict,
        "flags": "; ".join(row.flags),
        "keys": " ".join(row.keys),
    }


def _moments(name: str, found: Figure | None) -> dict[str, float | None]:
    return {
        name: found.mean if found else None,
        f"{name}_sd": found.sd if found else None,
        f"{name}_n": found.n if found else 0,
    }


JUDGED: tuple[Outcome, ...] = ("completed", "diverged", "given up")
"""Outcomes that a verdict may rest on."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run found, and the files that tell of it."""

    judged: Mapping[str, Sequence[Judged]]
    """Case → what its tests said: cases in the order of the tables, verdicts in that of metrics."""
    rows: Sequence[Row]
    records: Sequence[Record]
    paths: Sequence[Path]
    page: Path | None = None
    """The same for a browser, with pictures."""


def write_summary(
    judged: Sequence[Judged],
    cases: Mapping[str, Case],
    claims: Claims,
    store: Store,
    folder: Path,
) -> Summary:
    """Write the report of a run into ``folder``.

    Args:
        judged: What the tests of the run said, in any order.
        cases: Every case there is, in the order of the tables.
        claims: What was published.
        store: Holds the records that ``judged`` names.
        folder: Is given ``summary.md``, ``summary.json`` and ``summary.csv``.
    """
    ordered = in_order(judged)
    by_case = {name: [one for one in ordered if one.case == name] for name in cases}
    by_case = {name: found for name, found in by_case.items() if found}
    records = _records(ordered, store)
    table = rows(
        [cases[name] for name in by_case],
        records,
        {name: [one.verdict for one in each if one.verdict] for name, each in by_case.items()},
        claims,
    )
    paths = write_report(folder, table, records)
    return Summary(judged=by_case, rows=table, records=records, paths=paths)


def shown(summary: Summary, screen: Screen, *, unjudged: int = 0) -> str:
    """Return a summary as text for a terminal; so many tests failed without a verdict."""
    first, *others = summary.paths
    report = f"Report: {first}" + "".join(f", {path.suffix}" for path in others)
    if summary.page:
        report += f"\nPage: {summary.page}"
    blocks = [
        "\n".join(verdict_lines(summary.judged, screen, unjudged=unjudged)),
        *tables(summary.rows, summary.records, screen),
        report,
    ]
    return "\n\n".join(block for block in blocks if block)


def _records(judged: Sequence[Judged], store: Store) -> list[Record]:
    wanted = dict.fromkeys((one.case, key) for one in judged for key in one.records)
    found = ((store.find(case, key, outcome=outcome) for outcome in JUDGED) for case, key in wanted)
    return [record for each in found if (record := next(filter(None, each), None))]
