"""Machine, versions, recipe and code of two sides, where they differ."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.report.comparison.side import Facts

UNKNOWN = "not told"


def differences(pairs: Sequence[tuple[Facts, Facts]]) -> list[str]:
    """Return one line per setting that differs, with the cases that it concerns unless all do."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for base, head in pairs:
        names = dict.fromkeys([*base.settings, *head.settings])
        for name in names:
            before, after = (side.settings.get(name, UNKNOWN) for side in (base, head))
            if before != after:
                found.setdefault((name, before, after), []).append(head.case)
    return [
        f"{name}: {before} in base, {after} in head{_where(cases, len(pairs))}"
        for (name, before, after), cases in found.items()
    ]


def _where(cases: Sequence[str], total: int) -> str:
    return "" if len(cases) == total else f" ({', '.join(cases)})"
