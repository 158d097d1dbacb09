"""Crippled cases on real data, as a table: whether the gate noticed, how soon, and by what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from bench.harness.judge.finding import Finding, Sight
from bench.harness.report.gate.files import Variants
from bench.harness.report.gate.rates import table

HEAD = (
    "changed",
    "verdict",
    "seeds",
    "seconds",
    "noticed first by",
    "known after",
    "shift",
    "too",
    "compare",
)


def variants(found: Variants) -> str:
    """Return the table, and where its figures come from."""
    origin = found.origin
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores; " if origin.machine else ""
    libraries = ", ".join(f"{k} {v}" for k, v in origin.provenance.versions.items())
    notes = [
        f"Variants of {found.findings[0].case}, held to its committed bounds. Seconds: wall time "
        "of the trials until the verdict, from the start of their processes.",
        "The case as it is trains the seeds that its reference was made of, which may give the "
        "same figures to the last bit; the runs of other seeds, each judged for itself, show luck.",
        "Shift: from the reference's mean, in planned scatters; of the untouched case, the "
        "furthest of all its metrics. Too: the other metrics that failed on the same seeds.",
        "Compare: what `python -m bench compare` says of the same trials beside the reference, and "
        "by how many of its figures; seconds are none of them.",
        f"Measured: {machine}{libraries}; {origin.started[:10]}; commit "
        f"{(origin.provenance.commit or 'unknown')[:12]}.",
    ]
    return "\n\n".join(
        [
            table(HEAD, [*_anew(found.anew), *(_row(each) for each in found.findings)]),
            "\n".join(f"- {note}" for note in notes),
        ]
    )


def _anew(found: Sequence[Finding]) -> list[Sequence[str]]:
    """Return the row of the runs with seeds of their own, where there were any."""
    if not found:
        return []
    passed = sum(each.outcome == "pass" for each in found)
    furthest = max((s for each in found for s in each.sights), key=lambda s: abs(s.shift or 0.0))
    row = (
        f"nothing, {len(found)} runs of other seeds",
        f"{passed} pass",
        f"{fmean(each.seeds for each in found):.1f}",
        f"{fmean(each.seconds for each in found):.0f}",
    )
    noticed = [each.noticed_by[0] for each in found if each.noticed_by]
    compared = Counter(each.compared.partition(" ")[0] for each in found if each.compared)
    told = ", ".join(f"{count} {outcome}" for outcome, count in compared.items()) or "—"
    return [(*row, ", ".join(map(_name, noticed)) or "—", "—", _shift(furthest), "—", told)]


def _row(found: Finding) -> Sequence[str]:
    took = (found.change, found.outcome, str(found.seeds), f"{found.seconds:.0f}")
    if not found.noticed_by:
        furthest = max(found.sights, key=lambda sight: abs(sight.shift or 0.0))
        return (*took, "—", "—", _shift(furthest), "—", found.compared or "—")
    first, *others = found.noticed_by
    too = ", ".join(map(_name, others)) or "—"
    return (*took, _name(first), _when(first), _shift(first), too, found.compared or "—")


def _name(sight: Sight) -> str:
    return sight.metric.replace("_", " ")


def _when(sight: Sight) -> str:
    return f"seed {sight.n}, epoch {sight.epoch}" if sight.epoch else "no training"


def _shift(sight: Sight) -> str:
    return "—" if sight.shift is None else f"{sight.shift:+.1f}"
