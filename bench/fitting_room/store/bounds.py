"""``bounds.toml``: the acceptance bounds of every case, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fitting_room.errors import UserError, nearest
from fitting_room.format import is_accuracy
from fitting_room.judge.curve import Curve
from fitting_room.judge.verdict import KINDS, Bound
from fitting_room.metrics import CURVES, UNTRAINED
from fitting_room.store.reading import Toml, brief, read_toml

KEYS = (*KINDS, "sd", "seeds", "mean", "reason")
EXAMPLES = {
    "parameters": "exactly = 101_770",
    "test_accuracy": "at_least = 0.85",
    "test_loss": "at_most = 0.40",
    "training_accuracy": "between = [0.88, 0.91]",
    "training_loss": "between = [0.25, 0.32]",
    "drop_in_training_loss": "between = [0.10, 0.15]",
    "epochs_to_target": "at_most = 8",
}
"""Metric → what its bound may look like."""

MOST_SEEDS = 100_000
"""Behind one reference: tests make room for each of them."""

LISTS = ("between", "mean", "sd")
"""Keys of a curve that have one element for each epoch."""


def read_bound(metric: str, entry: object) -> Bound:
    """Return the bound of one entry.

    Raises:
        ValueError: a key is unknown or missing, or a number cannot be meant.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"expected {{ at_least = …, reason = … }}, and found {brief(entry)}")
    if "reason" not in entry:
        raise ValueError('a reason is needed: reason = "why the bound sits where it does"')
    for key, value in entry.items():
        _check(metric, key, value)
    fields = {"reference_seeds" if key == "seeds" else key: v for key, v in entry.items()}
    if "between" in fields:
        fields["between"] = tuple(float(end) for end in fields["between"])
    return Bound(metric=metric, **fields)


def read_curve(metric: str, entry: object) -> Curve:
    """Return the curve of one entry, each epoch read as a bound of the metric behind it.

    Raises:
        ValueError: a key is missing, or its lists do not have one element for each epoch.
    """
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected {{ between = [[…], …], … }}, and found {brief(entry)}")
    missing = [key for key in LISTS if not isinstance(entry.get(key), list)]
    if missing:
        raise ValueError(f"a curve needs lists, one element for each epoch: {', '.join(missing)}")
    lengths = {key: len(entry[key]) for key in LISTS}
    if len(set(lengths.values())) > 1 or not lengths["between"]:
        found = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ValueError(f"its lists must have one element for each epoch, and have: {found}")
    return Curve(
        metric=metric,
        epochs=tuple(_epoch(CURVES[metric], entry, at) for at in range(lengths["between"])),
    )


def _epoch(metric: str, entry: Mapping[str, Any], at: int) -> Bound:
    here = {key: value[at] if key in LISTS else value for key, value in entry.items()}
    try:
        return read_bound(metric, here)
    except ValueError as error:
        raise ValueError(f"epoch {at + 1}: {error}") from None


def _check(metric: str, key: str, value: object) -> None:
    """Refuse an unknown key, a wrong type, and a number that cannot be meant."""
    if key not in KEYS:
        raise ValueError(f"there is no key {key!r}. {nearest(key, KEYS)[:-1]}")
    if key == "reason":
        if not isinstance(value, str):
            raise ValueError(f"the reason must be text in quotes, and is {brief(value)}")
        return
    numbers = value if key == "between" else [value]
    if not isinstance(numbers, list) or (key == "between" and len(numbers) != 2):
        raise ValueError(f"between takes two numbers, [lowest, highest], and found {brief(value)}")
    for number in numbers:
        _check_number(metric, key, number)


def _check_number(metric: str, key: str, number: object) -> None:
    whole = key in ("exactly", "seeds")
    if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
        wanted = "an integer" if whole else "a number"
        raise ValueError(f"{key} takes {wanted}, and found {brief(number)}")
    if metric == "epochs_to_target" and key == "at_most" and number == math.inf:
        return  # the target need not be reached
    if key == "seeds" and number > MOST_SEEDS:
        raise ValueError(f"seeds are at most {MOST_SEEDS:,}, and found {number}")
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{key} must be finite and not negative, and is {number!r}")
    if is_accuracy(metric) and key != "seeds" and number > 1:
        percent = f"; did you mean {number / 100:g}?" if number <= 100 else ""
        raise ValueError(f"accuracies are fractions, and {key} = {number} is above 1{percent}")


SMOKE = "smoke"

T = TypeVar("T", Bound, Curve)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All bounds of one file."""

    path: Path
    tables: Mapping[str, Mapping[str, Bound]] = field(default_factory=dict)
    """Case, or ``smoke`` → metric → bound."""
    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    """Case → learning curve → its bands."""
    on_sample: Mapping[str, Mapping[str, Bound]] = field(default_factory=dict)
    """Case → metric → its own bound in the smoke tier, which stands before that of all cases."""

    def for_case(self, case: str, metric: str) -> Bound:
        """Return the bound, or raise a UserError with the lines to add."""
        found = self.tables.get(case, {}).get(metric)
        if found is None:
            raise UserError(self._missing(case, metric))
        return found

    def curve(self, case: str, metric: str) -> Curve:
        """Return the bands of a learning curve, or raise a UserError that says how to get them."""
        found = self.curves.get(case, {}).get(metric)
        if found is None:
            raise UserError(
                f"{case} has no bound for {metric}. `python -m bench calibrate {case}` trains its "
                f"reference and shows the lines for {self.path}."
            )
        return found

    def metrics(self, case: str) -> tuple[str, ...]:
        """Return what gates a case, learning curves last; () where nothing does."""
        return (*self.tables.get(case, ()), *self.curves.get(case, ()))

    @property
    def assertions(self) -> int:
        """How many there are: what the error of a whole run is shared among."""
        return sum(map(len, (*self.tables.values(), *self.curves.values())))

    def smoke(self, case: str, metric: str) -> Bound | None:
        """Return what a case must satisfy in the smoke tier: its own bound, else that of all."""
        own = self.on_sample.get(case, self.tables.get(SMOKE, {}))
        return own.get(metric) or self.tables.get(SMOKE, {}).get(metric)

    def _missing(self, case: str, metric: str) -> str:
        example = EXAMPLES.get(metric, "at_least = 0.0")
        line = f'{metric} = {{ {example}, reason = "why the bound sits here" }}'
        if case in self.tables:
            return (
                f"{case} has no bound for {metric}. Add this line to [{case}] in {self.path}, "
                f"with your own figure and reason:\n\n{line}\n"
            )
        return (
            f"{case} has no bounds. `python -m bench calibrate {case} --apply` trains its "
            f"reference and writes them. Or add these lines to {self.path}, with your "
            f"own figure and reason:\n\n[{case}]\n{line}\n"
        )


def read_bounds(path: Path, *, cases: Collection[str], metrics: Collection[str]) -> Bounds:
    """Read and check a file of bounds; it may also hold a table ``[smoke]`` for all cases.

    A case's own ``[CASE.smoke]`` wins over that one, metric by metric.

    Raises:
        UserError: the file is missing, is not TOML, or holds a name or a number that cannot be
            meant; the message gives the file, the line and the nearest valid name.
    """
    source = _source(path)
    read = {
        name: _table(table, source=source, name=name, cases=cases, metrics=metrics)
        for name, table in _flat(source.document).items()
    }
    own = {name: read.pop(name) for name in list(read) if name.endswith(f".{SMOKE}")}
    return Bounds(
        path=path,
        tables=_only(Bound, read),
        curves=_only(Curve, read),
        on_sample={name.removesuffix(f".{SMOKE}"): of for name, of in _only(Bound, own).items()},
    )


def _only(
    kind: type[T], read: Mapping[str, Mapping[str, Bound | Curve]]
) -> dict[str, dict[str, T]]:
    return {
        name: {metric: each for metric, each in found.items() if isinstance(each, kind)}
        for name, found in read.items()
    }


def _flat(document: Mapping[str, object]) -> dict[str, object]:
    """Return the tables of a file, with the smoke bounds of a case beside its other ones."""
    found = dict(document)
    for name, table in document.items():
        if name != SMOKE and isinstance(table, dict) and SMOKE in table:
            found[f"{name}.{SMOKE}"] = table.pop(SMOKE)
    return found


def line_of(path: Path, table: str, metric: str) -> int:
    """Return the number of the line, from 1, where a file of bounds has that of a metric."""
    return _source(path).line(table, metric)


def smoke_line(path: Path, case: str, metric: str) -> int:
    """Return the line of the bound that the smoke tier holds a case to: its own, or that of all."""
    source = _source(path)
    own = source.document.get(case, {}).get(SMOKE, {})
    return source.line(f"{case}.{SMOKE}" if metric in own else SMOKE, metric)


def _source(path: Path) -> Toml:
    return read_toml(path, mend="It holds the bounds.", infinite=True)


def _table(
    table: object,
    *,
    source: Toml,
    name: str,
    cases: Collection[str],
    metrics: Collection[str],
) -> dict[str, Bound | Curve]:
    own = name.removesuffix(f".{SMOKE}")
    if own not in (*cases, SMOKE):
        left = f"If it was removed or renamed: python -m bench remove {own}, or rename {own} NEW."
        problem = f"there is no case {own!r}. {nearest(own, (*cases, SMOKE))} {left}"
        raise source.refuse(problem, own)
    if not isinstance(table, dict):
        raise source.refuse(f"expected a table [{name}], and found {brief(table)}.", name)
    bounds: dict[str, Bound | Curve] = {}
    known = (*metrics, *CURVES)
    for metric, entry in table.items():
        if metric not in known:
            unknown = f"there is no metric {metric!r}. {nearest(metric, known)}"
            raise source.refuse(unknown, name, metric)
        if own != name and (metric in CURVES or metric in UNTRAINED):
            raise source.refuse(f"It stands in [{own}] alone.", name, metric)
        try:
            read = read_curve if metric in CURVES else read_bound
            bounds[metric] = read(metric, entry)
        except ValueError as error:
            raise source.refuse(f"{error}.", name, metric) from None
    return bounds
