"""What a folder of records says of every case: the common ground of pictures and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitting_room.analysis.rows import Row, rows
from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.store.claims import read_claims
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store

from bench.cases import CASES

ROOT = Path(__file__).parents[3]
REFERENCE = Path("results/reference")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Records, and what the tables make of them."""

    rows: Sequence[Row]
    """One for each case, in the order of the tables; not judged."""
    records: Sequence[Record]
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""


def read_stored(folder: Path) -> Stored:
    """Read a folder of records.

    Raises:
        UserError: It holds none, or one that cannot be read.
    """
    records = list(Store(folder).all())
    if not records:
        raise UserError(f"{folder} holds no records. Name a folder that does with --records.")
    claims = read_claims(ROOT / "bench" / "claims.toml", cases=CASES)
    return Stored(
        rows=rows(list(CASES.values()), records, {}, claims),
        records=records,
        stale=why_stale(records, CASES, root=ROOT),
    )
