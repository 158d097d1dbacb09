"""The report on disk: Markdown for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.record import Record
from bench.harness.report.figures import Figure
from bench.harness.report.markdown import summary
from bench.harness.report.rows import Row
from bench.harness.store.records import write_whole

SCHEMA = 1
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
    """Return every figure with its n, every verdict with its evidence, and the records' keys.

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
