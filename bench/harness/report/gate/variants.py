"""Crippled cases on real data, as a table: whether the gate noticed, how soon, and by what."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.judge.finding import Finding, Sight
from bench.harness.report.gate.files import Variants
from bench.harness.report.gate.rates import table

HEAD = ("changed", "verdict", "seeds", "seconds", "noticed first by", "known after", "shift", "too")


def variants(found: Variants) -> str:
    """Return the table, and where its figures come from."""
    origin = found.origin
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores; " if origin.machine else ""
    libraries = ", ".join(f"{k} {v}" for k, v in origin.provenance.versions.items())
    notes = [
        f"Variants of {found.findings[0].case}, held to its committed bounds. Seconds: wall time "
        "of the trials until the verdict, from the start of their processes.",
        "Shift: from the reference's mean, in planned scatters; of the untouched case, the "
        "furthest of all its metrics. Too: the other metrics that failed on the same seeds.",
        f"Measured: {machine}{libraries}; {origin.started[:10]}; commit "
        f"{(origin.provenance.commit or 'unknown')[:12]}.",
    ]
    return "\n\n".join(
        [
            table(HEAD, [_row(each) for each in found.findings]),
            "\n".join(f"- {note}" for note in notes),
        ]
    )


def _row(found: Finding) -> Sequence[str]:
    took = (found.change, found.outcome, str(found.seeds), f"{found.seconds:.0f}")
    if not found.noticed_by:
        furthest = max(found.sights, key=lambda sight: abs(sight.shift or 0.0))
        return (*took, "—", "—", _shift(furthest), "—")
    first, *others = found.noticed_by
    return (*took, _name(first), _when(first), _shift(first), ", ".join(map(_name, others)) or "—")


def _name(sight: Sight) -> str:
    return sight.metric.replace("_", " ")


def _when(sight: Sight) -> str:
    return f"seed {sight.n}, epoch {sight.epoch}" if sight.epoch else "no training"


def _shift(sight: Sight) -> str:
    return "—" if sight.shift is None else f"{sight.shift:+.1f}"
