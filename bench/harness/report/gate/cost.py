"""What a trustworthy verdict costs: the sequential gate beside those that always train as much."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.report.gate.files import Cost, Costs
from bench.harness.report.gate.rates import share, table

TEN = 10
"""Seeds of the fixed gate that people know."""

HEAD = (
    "case",
    "s a trial",
    "sequential: seeds",
    "seconds",
    f"always {TEN}: seconds",
    "ratio",
    "equal errors: seeds",
    "ratio",
    "unchanged fails %",
    f"always {TEN}",
)


def cost(found: Costs) -> str:
    """Return the table, the measured comparison below it, and how to read them."""
    rows = [_row(name, each) for name, each in found.cases.items()]
    timed = [each for each in found.cases.values() if each.seconds is not None]
    total = sum((each.seconds or 0) * each.sequential.seeds for each in timed)
    ten = sum((each.seconds or 0) * TEN for each in timed)
    equal = sum((each.seconds or 0) * each.equal for each in timed)
    if total:
        ratios = (
            "",
            f"{total:.0f}",
            f"{ten:.0f}",
            f"{ten / total:.1f}",
            "",
            f"{equal / total:.1f}",
        )
        rows.append(("all", "", *ratios, "", ""))
    return "\n\n".join([table(HEAD, rows), "\n".join(f"- {note}" for note in _notes(found))])


def _row(case: str, found: Cost) -> Sequence[str]:
    seeds, seconds = found.sequential.seeds, found.seconds
    return (
        case,
        "—" if seconds is None else f"{seconds:.0f}",
        f"{seeds:.2f}",
        "—" if seconds is None else f"{seconds * seeds:.0f}",
        "—" if seconds is None else f"{seconds * TEN:.0f}",
        f"{TEN / seeds:.1f}",
        str(found.equal),
        f"{found.equal / seeds:.1f}",
        share(found.sequential.fails),
        share(found.ten),
    )


def _notes(found: Costs) -> list[str]:
    notes = [
        "Unchanged code whose seeds scatter as the reference's did; all metrics of a case share "
        "its seeds, and the last one to pass ends it.",
        f"Always {TEN}: the mean of {TEN} seeds against a limit set to fail unchanged code, "
        "scattering as planned, as seldom as the sequential test does; at the bound it lets less "
        "through. Equal errors: the fewest seeds whose mean errs as seldom both ways.",
        "Seconds: median wall time of a whole reference trial that ran alone "
        f"({', '.join(f'{name} n={each.timed}' for name, each in found.cases.items())}).",
    ]
    if one := found.measured:
        ratio = one.ten_seconds / one.sequential_seconds
        runs = "n=1" if one.runs == 1 else f"mean of n={one.runs} runs of other seeds"
        notes.append(
            f"Measured on real data, {one.case}: {one.sequential_seeds:.2g} "
            f"seed{'' if one.sequential_seeds == 1 else 's'} in {one.sequential_seconds:.0f} s "
            f"until the verdict ({runs}), {TEN} seeds in {one.ten_seconds:.0f} s: {ratio:.1f} "
            "times as much."
        )
    return notes
