"""What somebody published about a case, read from ``bench/claims.toml``; its header is the format.

A claim is an interval: a single figure is one whose ends agree.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness.errors import UserError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

METRICS = (
    "test_accuracy",
    "training_accuracy",
    "test_loss",
    "parameters",
    "seconds_per_epoch",
    "epochs_to_target",
)
KEYS = ("published", "value", "low", "high", "source", "note")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A published figure of one metric of one case."""

    case: str
    metric: str
    published: str
    """As it was printed."""
    low: float
    """Fractions for accuracies, nats for losses, seconds for times; infinite for "never"."""
    high: float
    source: str
    """Author, title, kind of work and year."""
    note: str | None = None


Claims = Mapping[str, Mapping[str, Claim]]
"""Case → metric → claim."""


def read_claims(path: Path, *, cases: Iterable[str]) -> dict[str, dict[str, Claim]]:
    """Return every claim in a file, as case → metric → claim; none where there is no file.

    Raises:
        UserError: It is no TOML, names an unknown case, metric, source or key, or a claim lacks
            one; the message has the file, and the line of a syntax error.
    """
    if not path.exists():
        return {}
    content, known = _parse(path), list(cases)
    sources = _table(path, "[sources]", content.pop("sources", {}), "names")
    found: dict[str, dict[str, Claim]] = {}
    for case, metrics in content.items():
        _known(path, "case", case, known)
        metrics = _table(path, f"[{case}]", metrics, "metrics")
        found[case] = {m: _claim(path, case, m, fields, sources) for m, fields in metrics.items()}
    return found


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Its message ends with "(at line 3, column 7)".
        raise UserError(f"{path} is no valid TOML: {error}. Mend that line.") from error


def _table(path: Path, name: str, value: object, content: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{path}: {name} must be a table of {content}.")
    return value


def _claim(path: Path, case: str, metric: str, value: object, sources: Mapping[str, str]) -> Claim:
    name = f"[{case}.{metric}]"
    _known(path, f"metric in [{case}]", metric, METRICS)
    fields = _table(path, name, value, ", ".join(KEYS))
    for key in fields:
        _known(path, f"key in {name}", key, KEYS)
    for key in ("published", "source"):
        _must(isinstance(fields.get(key), str), path, f'{name} needs a line {key} = "…".')
    _known(path, f"source in {name}", fields["source"], sources)
    low, high = _interval(path, name, fields)
    return Claim(
        case=case,
        metric=metric,
        published=fields["published"],
        low=low,
        high=high,
        source=sources[fields["source"]],
        note=fields.get("note"),
    )


def _interval(path: Path, name: str, fields: Mapping[str, Any]) -> tuple[float, float]:
    given = [key for key in ("value", "low", "high") if key in fields]
    _must(
        given in (["value"], ["low", "high"]), path, f"{name} needs either value, or low and high."
    )
    for key in given:
        number = isinstance(fields[key], int | float) and not isinstance(fields[key], bool)
        _must(number, path, f"{key} in {name} must be a number, not {fields[key]!r}.")
    low, high = float(fields[given[0]]), float(fields[given[-1]])
    _must(low <= high, path, f"low in {name} must not be above high.")
    return low, high


def _known(path: Path, kind: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    _must(name in names, path, f"there is no {kind} {name!r}. {nearest(name, names)}")


def _must(condition: bool, path: Path, message: str) -> None:
    if not condition:
        raise UserError(f"{path}: {message}")
