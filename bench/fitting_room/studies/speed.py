"""The training path against a plain ``fit``, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitting_room.analysis.figures import Quartiles, quartiles
from fitting_room.format import MISSING, around, count, spanned
from fitting_room.report.notes import provenance
from fitting_room.report.table import Table
from fitting_room.store.speeds import Speed

HEADINGS = ("case", "s, this bench", "s, plain fit", "ratio", "min–max", "pairs")
ABSENT = "no reference yet"


def speed_table(speeds: Sequence[Speed], cases: Sequence[str], *, stale: Mapping[str, str]) -> str:
    """Return the table, with what must be known below it.

    Args:
        speeds: What was timed.
        cases: Names, in the order of the table; those that were never timed say so.
        stale: Case → why its times are not those of the present code.
    """
    by_case = {speed.spec.case.name: speed for speed in speeds}
    rows = [_row(case, by_case.get(case), old=case in stale) for case in cases]
    used = [by_case[case] for case in cases if case in by_case]
    below = [f"{case} is stale: {stale[case]}." for case in cases if case in stale]
    return Table(HEADINGS, rows, [*below, *_notes(used)]).markdown()


def _row(case: str, speed: Speed | None, *, old: bool) -> list[str]:
    if speed is None:
        return [case, *[ABSENT] * (len(HEADINGS) - 1)]
    ratios = [ours / plain for ours, plain in zip(speed.ours, speed.plain, strict=True)]
    middle = quartiles(ratios)
    cells = [
        _seconds(quartiles(speed.ours)),
        _seconds(quartiles(speed.plain)),
        f"{middle.median:.2f}" if middle else ABSENT,
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        str(len(ratios)),
    ]
    return [case, *(f"{cell} (stale)" if old else cell for cell in cells)]


def _seconds(found: Quartiles | None) -> str:
    return MISSING if found is None else around(found.median, found.lower, found.upper)


def _notes(used: Sequence[Speed]) -> list[str]:
    if not used:
        return ["Nothing is timed yet: `python -m bench speed --json` on a quiet machine."]
    images = " or ".join(count(images) for images in sorted({speed.images for speed in used}))
    return [
        f"Seconds per {images} training images, median (quartiles): the recipe's training path "
        "and Keras' `fit` with one step per call and without XLA, interleaved A B B A in one "
        "process. Ratio: median of the pairs; below 1 the bench is faster.",
        provenance(
            [speed.record for speed in used], n=f"{spanned(len(s.ours) for s in used)} pairs"
        ),
    ]
