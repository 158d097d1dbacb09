"""``bounds.toml``: the acceptance bounds of every case, each with its reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.harness.errors import UserError, nearest
from bench.harness.judge.bound import Bound
from bench.harness.judge.curve import Curve
from bench.harness.metrics import CURVES, UNTRAINED
from bench.harness.store.bound_entries import EXAMPLES, read_bound, read_curve

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
            f"{case} has no bounds. Add these lines to {self.path}, with your own figure and "
            f"reason:\n\n[{case}]\n{line}\n"
        )


def read_bounds(path: Path, *, cases: Collection[str], metrics: Collection[str]) -> Bounds:
    """Read and check a file of bounds; it may also hold a table ``[smoke]`` for all cases.

    A case's own ``[CASE.smoke]`` wins over that one, metric by metric.

    Raises:
        UserError: the file is missing, is not TOML, or holds a name or a number that cannot be
            meant; the message gives the file, the line and the nearest valid name.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. It holds the bounds.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise UserError(f"{where}: this is not valid TOML: {error}.") from None
    source = _Source(path=path, text=text)
    read = {
        name: _table(table, source=source, name=name, cases=cases, metrics=metrics)
        for name, table in _flat(document).items()
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
    return _Source(path=path, text=path.read_text(encoding="utf-8")).line(table, metric)


def smoke_line(path: Path, case: str, metric: str) -> int:
    """Return the line of the bound that the smoke tier holds a case to: its own, or that of all."""
    own = tomllib.loads(path.read_text(encoding="utf-8")).get(case, {}).get(SMOKE, {})
    return line_of(path, f"{case}.{SMOKE}" if metric in own else SMOKE, metric)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The text, to tell where in it something is wrong."""

    path: Path
    text: str

    def line(self, table: str, key: str = "") -> int:
        """Return the number of the line that holds a table's header, or a key below it."""
        lines = self.text.splitlines()
        name = r'"?\s*\.\s*"?'.join(map(re.escape, table.split(".")))
        header = rf'\s*\[\s*"?{name}"?\s*[\].]|\s*"?{name}"?\s*[.=]'
        start = next((i for i, line in enumerate(lines) if re.match(header, line)), -1)
        if start < 0 and "." in table:  # written below the header of the case
            return self.line(*table.rsplit(".", 1))
        start = max(start, 0)
        wanted = rf'(.*[\[.]\s*|\s*)"?{re.escape(key)}"?\s*[=.\]]'
        found = (i for i, line in enumerate(lines) if i >= start and re.match(wanted, line))
        return (next(found, start) if key else start) + 1

    def refuse(self, problem: str, table: str, key: str = "") -> UserError:
        """Return the error that names file, line, table and key."""
        where = f"[{table}] {key}".rstrip()
        return UserError(f"{self.path}:{self.line(table, key)}: {where}: {problem}")


def _table(
    table: object,
    *,
    source: _Source,
    name: str,
    cases: Collection[str],
    metrics: Collection[str],
) -> dict[str, Bound | Curve]:
    own = name.removesuffix(f".{SMOKE}")
    if own not in (*cases, SMOKE):
        raise source.refuse(f"there is no case {own!r}. {nearest(own, (*cases, SMOKE))}", own)
    if not isinstance(table, dict):
        raise source.refuse(f"expected a table [{name}], and found {table!r}.", name)
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
