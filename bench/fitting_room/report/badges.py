"""Badges: what a reference says of its case in one line, as shields.io reads it from an address.

The format is that of https://shields.io/badges/endpoint-badge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fitting_room.analysis.rows import Row
from fitting_room.format import count, measured
from fitting_room.spec import TASKS, folder_of

COLOURS = {"pass": "brightgreen", "undecided": "yellow", "fail": "red"}
NO_COLOUR = "lightgrey"
"""Where there is no bound to judge by, or the figures are not those of the present code."""


def badges(rows: Sequence[Row], *, stale: Mapping[str, str]) -> dict[str, bytes]:
    """Return file name → content, of each row that rests on records.

    Args:
        rows: One a case, with the verdicts of its reference.
        stale: Case → why its figures are not those of the present code.
    """
    return {
        f"{folder_of(row.case)}.json": _badge(row, stale=row.case in stale)
        for row in rows
        if row.keys
    }


def _badge(row: Row, *, stale: bool) -> bytes:
    said = "stale" if stale else row.verdict
    accuracy = measured("test_accuracy", row.test_accuracy).partition(" (")[0]
    parameters = f"{count(row.parameters)} parameters" if row.parameters is not None else ""
    content = {
        "schemaVersion": 1,
        "label": f"{row.architecture} on {TASKS[row.task].title}",
        "message": " · ".join(filter(None, [said, accuracy, parameters])),
        "color": COLOURS.get(said, NO_COLOUR),
    }
    return msgspec.json.format(msgspec.json.encode(content)) + b"\n"
