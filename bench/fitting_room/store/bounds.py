"""``bounds.toml``: the acceptance bounds of every case, each with its reason.

It also says where the references lie that they rest on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from fitting_room.errors import UserError
from fitting_room.judge.quality import Curve
from fitting_room.judge.verdict import Bound
from fitting_room.machine import BACKENDS, PLATFORMS, USUAL, Platform
from fitting_room.metrics import CURVES, UNTRAINED, known
from fitting_room.reading import (
    Toml,
    as_table,
    check_amount,
    check_known,
    converted,
    read_toml,
)

EXAMPLES = {
    "test_accuracy": "at_least = 0.85",
    "test_loss": "at_most = 0.40",
    "training_accuracy": "between = [0.88, 0.91]",
    "training_loss": "between = [0.25, 0.32]",
    "drop_in_training_loss": "between = [0.10, 0.15]",
    "epochs_to_target": "at_most = 8",
    "seconds_to_target": "at_most = 30.0",
}
"""Metric → what its bound may look like."""
OWN_EXAMPLES = {
    "higher": "at_least = 0.0",
    "lower": "at_most = 1.0",
    "neither": "between = [0.0, 1.0]",
}
"""The examples of a project's own metric, by which way it is better."""

MOST_SEEDS = 100_000
"""The limit of one reference: tests make room for each seed."""

Kind = TypeVar("Kind", Bound, Curve)

LISTS = ("between", "mean", "sd")
"""Keys of a curve that have one element for each epoch."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a bound, as the file has them."""

    reason: str
    exactly: int | None = None
    at_least: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None
    sd: float | None = None
    seeds: Annotated[int, msgspec.Meta(ge=0, le=MOST_SEEDS)] | None = None
    mean: float | None = None


def read_bound(metric: str, entry: object) -> Bound:
    """Return the bound of one entry.

    Raises:
        ValueError: a key is unknown or missing, or a number cannot be meant.
    """
    table = as_table(entry, "at_least = …, reason = …")
    if "reason" not in table:
        raise ValueError('a reason is needed: reason = "why the bound sits where it does"')
    fields = msgspec.structs.asdict(converted(table, _Entry))
    seeds = fields.pop("seeds")
    for key, value in fields.items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float):
                check_amount(metric, key, number)
    return Bound(metric=metric, reference_seeds=seeds, **fields)


def read_curve(metric: str, entry: object) -> Curve:
    """Return the curve of one entry, each epoch read as a bound of the metric behind it.

    Raises:
        ValueError: a key is missing, or its lists do not have one element for each epoch.
    """
    table = as_table(entry, "between = [[…], …], …")
    missing = [key for key in LISTS if not isinstance(table.get(key), list)]
    if missing:
        raise ValueError(f"a curve needs lists, one element for each epoch: {', '.join(missing)}")
    lengths = {key: len(table[key]) for key in LISTS}
    if len(set(lengths.values())) > 1 or not lengths["between"]:
        found = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ValueError(f"its lists must have one element for each epoch, and have: {found}")
    epochs = []
    for at in range(lengths["between"]):
        here = {key: value[at] if key in LISTS else value for key, value in table.items()}
        try:
            epochs.append(read_bound(CURVES[metric], here))
        except ValueError as error:
            raise ValueError(f"epoch {at + 1}: {error}") from None
    return Curve(metric=metric, epochs=tuple(epochs))


SMOKE = "smoke"


def reference_folder(results: Path, platform: Platform = USUAL) -> Path:
    """Return the folder of the references of a platform: the usual one's holds the others'."""
    return results / "reference" / ("" if platform == USUAL else platform.name)


def reference_folders(results: Path) -> list[Path]:
    """Return the folder of the usual references, and those of other platforms that there are."""
    others = (reference_folder(results, platform) for platform in PLATFORMS.values())
    return [reference_folder(results), *filter(Path.is_dir, others)]


def table_of(case: str, platform: Platform = USUAL, metric: str = "") -> str:
    """Return the name of the table that bounds of a case stand in; counts are shared by all."""
    return case if platform == USUAL or metric in UNTRAINED else f"{case}.{platform.name}"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All bounds of one file that hold on one platform."""

    path: Path
    tables: Mapping[str, Mapping[str, Bound]] = field(default_factory=dict)
    """Case, or ``smoke`` → metric → bound."""
    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    """Case → learning curve → its bands."""
    on_sample: Mapping[str, Mapping[str, Bound]] = field(default_factory=dict)
    """Case → metric → its own bound in the smoke tier, which stands before that of all cases."""
    platform: Platform = USUAL
    apart: Mapping[str, Mapping[str, Mapping[str, Bound | Curve]]] = field(default_factory=dict)
    """Case → name of another platform → metric → what holds there instead."""

    def on(self, platform: Platform) -> Bounds:
        """Return what holds on another platform: its own tables, and what all share."""
        if platform == self.platform:
            return self
        own = {case: tables.get(platform.name, {}) for case, tables in self.apart.items()}
        shared = {
            case: {key: each for key, each in table.items() if case == SMOKE or key in UNTRAINED}
            for case, table in self.tables.items()
        }
        tables = {case: shared[case] | _of_kind(Bound, own.get(case, {})) for case in shared}
        curves = {case: _of_kind(Curve, found) for case, found in own.items()}
        return replace(self, platform=platform, tables=tables, curves=curves)

    def no_reference(self, case: str) -> str:
        """Say that a case has no bounds of this platform, and how to get some; empty if it has."""
        if self.platform == USUAL or set(self.metrics(case)) - UNTRAINED:
            return ""
        make = f"fitting-room calibrate {case} {self.platform.options} --apply"
        return f"no reference for {self.platform.words}; make it: {make}"

    def for_case(self, case: str, metric: str, counted: float | None = None) -> Bound:
        """Return the bound, or raise a UserError with the lines to add.

        ``counted`` is what the model has, where nothing is trained to know it.
        """
        found = self.tables.get(case, {}).get(metric)
        if found is None:
            raise UserError(self._missing(case, metric, counted))
        return found

    def curve(self, case: str, metric: str) -> Curve:
        """Return the bands of a learning curve, or raise a UserError that says how to get them."""
        found = self.curves.get(case, {}).get(metric)
        if found is None:
            raise UserError(
                f"{case} has no bound for {metric}. `{self._calibrate(case)}` trains its "
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

    def _calibrate(self, case: str) -> str:
        return f"fitting-room calibrate {case} {self.platform.options}".rstrip()

    def _missing(self, case: str, metric: str, counted: float | None) -> str:
        example = EXAMPLES.get(metric) or OWN_EXAMPLES[known(metric).better]
        if counted is not None:
            example = f"exactly = {counted:_.0f}"
        lines = f'{metric} = {{ {example}, reason = "why the bound sits here" }}'
        table = table_of(case, self.platform, metric)
        what, where = f"bound for {metric}", f"[{table}] in {self.path}"
        if case not in self.tables:
            what, where, lines = "bounds", str(self.path), f"[{case}]\n{lines}"
        return (
            f"{case} has no {what}. `{self._calibrate(case)} --apply` trains its reference "
            f"and writes its bounds. Or add this to {where}, with your own figure and reason:"
            f"\n\n{lines}\n"
        )


def read_bounds(path: Path, *, cases: Collection[str], metrics: Collection[str]) -> Bounds:
    """Read and check a file of bounds; it may also hold a table ``[smoke]`` for all cases.

    A case's own ``[CASE.smoke]`` wins over that one, metric by metric. ``[CASE]`` holds on
    TensorFlow and the CPU, ``[CASE.jax-gpu]`` on JAX and a GPU; see ``Bounds.on``.

    Raises:
        UserError: the file is missing, is not TOML, or holds a name or a number that cannot be
            meant. The message gives the file, the line and the nearest valid name.
    """
    source = _source(path)
    tables, curves, on_sample, apart = {}, {}, {}, {}
    for name, table in source.document.items():
        with source.place(name):
            check_known("case", name, (*cases, SMOKE))
            content = dict(as_table(table, "bounds"))
        inner = {key: content.pop(key) for key in [*content] if name != SMOKE and _is_inner(key)}
        found = {"": _read(source, name, content, metrics)}
        for key, of in inner.items():
            with source.place(name, key):
                _check_inner(key, name)
            elsewhere = UNTRAINED if key in PLATFORMS else (*CURVES, *UNTRAINED)
            found[key] = _read(source, f"{name}.{key}", of, metrics, elsewhere)
        tables[name], curves[name] = _of_kind(Bound, found[""]), _of_kind(Curve, found.pop(""))
        on_sample[name] = _of_kind(Bound, found.pop(SMOKE, {}))
        apart[name] = found
    return Bounds(path=path, tables=tables, curves=curves, on_sample=on_sample, apart=apart)


def _of_kind(kind: type[Kind], found: Mapping[str, object]) -> dict[str, Kind]:
    return {key: each for key, each in found.items() if isinstance(each, kind)}


def _is_inner(key: str) -> bool:
    """Whether a key of a case's table is a table of bounds itself: no metric has a hyphen."""
    return key == SMOKE or "-" in key or key in BACKENDS


def _check_inner(key: str, case: str) -> None:
    if key in (USUAL.name, USUAL.backend):
        raise ValueError(f"the bounds of {USUAL.words} stand in [{case}] itself")
    if key != SMOKE:
        check_known("backend and device", key, PLATFORMS)


def _read(
    source: Toml,
    place: str,
    table: object,
    metrics: Collection[str],
    elsewhere: Collection[str] = (),
) -> dict[str, Bound | Curve]:
    """Read the bounds of a table; those of metrics that stand ``elsewhere`` are refused."""
    with source.place(place):
        content = as_table(table, "bounds")
    found: dict[str, Bound | Curve] = {}
    for metric, entry in content.items():
        with source.place(place, metric):
            if metric in elsewhere:
                raise ValueError(f"it stands in [{place.rpartition('.')[0]}] alone")
            check_known("metric", metric, (*metrics, *CURVES))
            read = read_curve if metric in CURVES else read_bound
            found[metric] = read(metric, entry)
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
    return read_toml(
        path,
        mend="It holds the bounds: `fitting-room calibrate --apply` writes it.",
        infinite=True,
    )
