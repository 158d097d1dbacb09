"""What a folder of records says of every case: the common ground of pictures and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.rows import Row, rows
from fitting_room.errors import UserError
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Records, and what the tables make of them."""

    project: Project
    rows: Sequence[Row]
    """One for each case, in the order of the tables; not judged."""
    records: Sequence[Record]
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""


def read_stored(folder: Path, project: Project) -> Stored:
    """Read a folder of records of a project's cases.

    Raises:
        UserError: It holds none, or one that cannot be read.
    """
    records = list(Store(folder).all())
    if not records:
        raise UserError(f"{folder} holds no records. Name a folder that does with --records.")
    claims = claims_in(project.claims, project).figures
    return Stored(
        project=project,
        rows=rows(list(project.cases.values()), records, {}, claims),
        records=records,
        stale=why_stale(records, project.cases, root=project.root),
    )
