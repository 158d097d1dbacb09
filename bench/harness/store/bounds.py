"""``bounds.toml``: the acceptance bounds of every case, each with its reason."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.errors import UserError, nearest
from bench.harness.judge.bound import KINDS, Bound
from bench.harness.judge.words import is_accuracy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SMOKE = "smoke"
KEYS = (*KINDS, "sd", "seeds", "mean", "reason")

_EXAMPLES = {
    "parameters": "exactly = 101_770",
    "test_accuracy": "at_least = 0.85",
    "test_loss": "at_most = 0.40",
    "training_accuracy": "between = [0.88, 0.91]",
    "training_loss": "between = [0.25, 0.32]",
    "epochs_to_target": "at_most = 8",
}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All bounds of one file."""

    path: Path
    tables: Mapping[str, Mapping[str, Bound]] = field(default_factory=dict)
    """Case, or ``smoke`` → metric → bound."""

    def for_case(self, case: str, metric: str) -> Bound:
        """Return the bound, or raise a UserError with the lines to add."""
        found = self.tables.get(case, {}).get(metric)
        if found is None:
            raise UserError(self._missing(case, metric))
        return found

    def metrics(self, case: str) -> tuple[str, ...]:
        """Return the metrics that gate a case, in the order of the file; () where it has none."""
        return tuple(self.tables.get(case, ()))

    def smoke(self, metric: str) -> Bound | None:
        """Return what every case must satisfy in the smoke tier, if anything."""
        return self.tables.get(SMOKE, {}).get(metric)

    def _missing(self, case: str, metric: str) -> str:
        example = _EXAMPLES.get(metric, "at_least = 0.0")
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
    names = (*cases, SMOKE)
    source = _Source(path=path, text=text)
    tables = {
        name: _table(table, source=source, name=name, names=names, metrics=metrics)
        for name, table in document.items()
    }
    return Bounds(path=path, tables=tables)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The text, to tell where in it something is wrong."""

    path: Path
    text: str

    def line(self, table: str, key: str = "") -> int:
        """Return the number of the line that holds a table's header, or a key below it."""
        lines = self.text.splitlines()
        header = rf'\s*\[\s*"?{re.escape(table)}"?\s*[\].]|\s*"?{re.escape(table)}"?\s*[.=]'
        start = next((i for i, line in enumerate(lines) if re.match(header, line)), 0)
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
    names: Collection[str],
    metrics: Collection[str],
) -> dict[str, Bound]:
    if name not in names:
        raise source.refuse(f"there is no case {name!r}. {nearest(name, names)}", name)
    if not isinstance(table, dict):
        raise source.refuse(f"expected a table [{name}], and found {table!r}.", name)
    bounds = {}
    for metric, entry in table.items():
        if metric not in metrics:
            unknown = f"there is no metric {metric!r}. {nearest(metric, metrics)}"
            raise source.refuse(unknown, name, metric)
        try:
            bounds[metric] = _bound(metric, entry)
        except ValueError as error:
            raise source.refuse(f"{error}.", name, metric) from None
    return bounds


def _bound(metric: str, entry: object) -> Bound:
    if not isinstance(entry, dict):
        raise ValueError(f"expected {{ at_least = …, reason = … }}, and found {entry!r}")
    if "reason" not in entry:
        raise ValueError('a reason is needed: reason = "why the bound sits where it does"')
    for key, value in entry.items():
        _check(metric, key, value)
    fields = {"reference_seeds" if key == "seeds" else key: v for key, v in entry.items()}
    if "between" in fields:
        fields["between"] = tuple(float(end) for end in fields["between"])
    return Bound(metric=metric, **fields)


def _check(metric: str, key: str, value: object) -> None:
    """Refuse an unknown key, a wrong type, and a number that cannot be meant."""
    if key not in KEYS:
        raise ValueError(f"there is no key {key!r}. {nearest(key, KEYS)[:-1]}")
    if key == "reason":
        if not isinstance(value, str):
            raise ValueError(f"the reason must be text in quotes, and is {value!r}")
        return
    numbers = value if key == "between" else [value]
    if not isinstance(numbers, list) or (key == "between" and len(numbers) != 2):
        raise ValueError(f"between takes two numbers, [lowest, highest], and found {value!r}")
    for number in numbers:
        _check_number(metric, key, number)


def _check_number(metric: str, key: str, number: object) -> None:
    whole = key in ("exactly", "seeds")
    if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
        wanted = "an integer" if whole else "a number"
        raise ValueError(f"{key} takes {wanted}, and found {number!r}")
    if metric == "epochs_to_target" and key == "at_most" and number == math.inf:
        return  # the target need not be reached
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{key} must be finite and not negative, and is {number!r}")
    if is_accuracy(metric) and key != "seeds" and number > 1:
        percent = f"; did you mean {number / 100:g}?" if number <= 100 else ""
        raise ValueError(f"accuracies are fractions, and {key} = {number} is above 1{percent}")
