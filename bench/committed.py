"""What is committed beside the code: records, times and claims; and what the claims rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitting_room.analysis.trials import publishable
from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.store.claims import Published, read_published
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store
from fitting_room.store.speeds import Speed, read_speeds

from bench.cases import CASES
from bench.exercises import EXERCISE_CASES

ROOT = Path(__file__).parents[1]
CLAIMS = ROOT / "bench" / "claims.toml"
FOLDERS = ("reference", "exercises")
"""Of records under ``results/``: those of the tables, and of the points that no table has."""

KNOWN = {**EXERCISE_CASES, **CASES}
"""Name → case of all that may have committed records."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What claims are judged by."""

    records: Sequence[Record]
    speeds: Sequence[Speed]
    """Of plain fits, by the present code."""
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""
    outdated: Mapping[str, str]
    """Case → why its times are not, and are left out."""


def grounds(results: Path) -> Grounds:
    """Return what is committed under a folder, and may be shown.

    A case that has references is judged by them alone. Exercises train it too where its references
    are of older code, and what they keep of a trial lacks its predictions.

    Raises:
        UserError: A record or a time cannot be read, or a record may not be published.
    """
    reference, exercises = (references(results / name) for name in FOLDERS)
    referred = {record.spec.case.name for record in reference}
    records = [*reference, *(r for r in exercises if r.spec.case.name not in referred)]
    speeds = read_speeds(results / "speed")
    outdated = why_stale([each.record for each in speeds], KNOWN, root=ROOT)
    return Grounds(
        records=records,
        speeds=[each for each in speeds if each.spec.case.name not in outdated],
        stale=why_stale(records, KNOWN, root=ROOT),
        outdated=outdated,
    )


def claims_in(path: Path = CLAIMS) -> Published:
    """Return every claim in a file, about any case of tables or exercises.

    Raises:
        UserError: As ``read_published`` does.
    """
    return read_published(path, cases=CASES, others=EXERCISE_CASES)


def references(folder: Path) -> list[Record]:
    """Return every reference there is.

    Raises:
        UserError: One may not be published: it is no reference, and to leave it out would be a
            choice.
    """
    records = list(Store(folder).all())
    unfit = sorted({r.spec.case.name for r in records if not publishable(r)})
    if unfit:
        raise UserError(
            f"{folder} holds records of {', '.join(unfit)} with overridden epochs, on the sample "
            "or of a search. Tables for readers need the recipe's epochs and the whole data: move "
            "them away."
        )
    return records
