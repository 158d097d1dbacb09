"""The training path against a plain ``fit``, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitting_room.analysis.figures import quartiles, spanned
from fitting_room.report.format import seconds
from fitting_room.report.notes import provenance
from fitting_room.store.speeds import Speed
from tabulate import tabulate

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
    table = tabulate(
        rows,
        headers=HEADINGS,
        tablefmt="github",
        disable_numparse=True,
        colalign=["left"] + ["right"] * (len(HEADINGS) - 1),
    )
    used = [by_case[case] for case in cases if case in by_case]
    below = [f"{case} is stale: {stale[case]}." for case in cases if case in stale]
    return "\n\n".join([table, "\n".join(f"- {line}" for line in [*below, *_notes(used)])])


def _row(case: str, speed: Speed | None, *, old: bool) -> list[str]:
    if speed is None:
        return [case, *[ABSENT] * (len(HEADINGS) - 1)]
    ratios = [ours / plain for ours, plain in zip(speed.ours, speed.plain, strict=True)]
    middle = quartiles(ratios)
    cells = [
        seconds(quartiles(speed.ours)),
        seconds(quartiles(speed.plain)),
        f"{middle.median:.2f}" if middle else ABSENT,
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        str(len(ratios)),
    ]
    return [case, *(f"{cell} (stale)" if old else cell for cell in cells)]


def _notes(used: Sequence[Speed]) -> list[str]:
    if not used:
        return ["Nothing is timed yet: `python -m bench speed --json` on a quiet machine."]
    images = " or ".join(f"{count:,}" for count in sorted({speed.images for speed in used}))
    return [
        f"Seconds per {images} training images, median (quartiles): the recipe's training path "
        "and Keras' `fit` with one step per call and without XLA, interleaved A B B A in one "
        "process. Ratio: median of the pairs; below 1 the bench is faster.",
        provenance(
            [speed.record for speed in used], n=f"{spanned(len(s.ours) for s in used)} pairs"
        ),
    ]
