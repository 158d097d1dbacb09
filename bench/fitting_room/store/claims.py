"""Published figures and statements, read from ``bench/claims.toml``; its header is the format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from fitting_room.errors import UserError
from fitting_room.judge.claims import Better, Label
from fitting_room.store import statements as rules
from fitting_room.store.reading import Toml, brief, read_toml
from fitting_room.store.statements import AnyStatement, Epoch, check_known, converted, statement

Natural = Annotated[int, msgspec.Meta(ge=0)]


class _Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a figure, as the file has them."""

    published: str
    source: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str | None = None
    epoch: Epoch | None = None
    image: Natural | None = None
    label: Natural | None = None
    described: str | None = None
    watches: str | None = None
    better: Better | None = None
    expected: Label | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """``value`` twice, or ``low`` and ``high``; raises a ValueError for anything else."""
        low, high = (self.value,) * 2 if self.value is not None else (self.low, self.high)
        ranged = self.low is not None or self.high is not None
        if low is None or high is None or (self.value is not None and ranged):
            raise ValueError("needs either value, or low and high")
        if low > high:
            raise ValueError(f"has low = {low:g}, which must not be above high = {high:g}")
        return low, high

    @property
    def options(self) -> dict[str, Any]:
        """The keys that a figure may leave out, and has."""
        told = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in told.items() if value is not None}


OPTIONS = _Figure.__struct_fields__[5:]
"""What follows the figure and its source."""


def read_table(value: object, content: str) -> dict[str, Any]:
    """Return a value that has to be a table; raises a ValueError where it is none."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of {content}, and is {brief(value)}")
    return value


@contextmanager
def placed(toml: Toml, table: str, key: str = "") -> Iterator[None]:
    """Tell a ValueError with the file, the line and the claim that is wrong."""
    try:
        yield
    except ValueError as error:
        where = f"[{table}] {key}".rstrip()
        message = f"{toml.path}:{toml.line(table, key)}: {where} {error}"
        raise UserError(message if message.endswith(".") else f"{message}.") from None


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
    name: str = ""
    said: str = ""
    """What it is a figure of, where case and metric do not say it."""
    epoch: int | None = None
    """After which epoch; None for the last."""
    image: int | None = None
    """Index of a test image, for ``probability``."""
    label: int | None = None
    """The class whose probability it is."""
    described: str | None = None
    """The layers that the source describes, where a count of parameters has to follow from them."""
    watches: str | None = None
    """The metric that the figure was really taken from, where it is printed as another."""
    better: Better | None = None
    """Which way the metric is better, where that does not follow from it."""
    expected: Label | None = None
    """Verdict that the audit is known to come to; another one is news."""


FIGURE = ("kind", "said", "case", "metric")
"""What a figure under ``[claims.NAME]`` has besides the keys of one under ``[CASE]``."""

Claims = Mapping[str, Mapping[str, Claim]]
"""Case → metric → claim."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """All that a claims file holds, in its order."""

    figures: Claims
    """What tables show beside ours."""
    further: tuple[Claim, ...]
    """Other figures, of which a case may have several."""
    statements: tuple[AnyStatement, ...]

    @property
    def all(self) -> list[Claim | AnyStatement]:
        """Every claim."""
        tables = [claim for metrics in self.figures.values() for claim in metrics.values()]
        return [*tables, *self.further, *self.statements]


def read_claims(path: Path, *, cases: Iterable[str]) -> Claims:
    """Return the figures that tables show beside ours; none where there is no file.

    What stands under ``[claims]`` is no part of them, and is not read.

    Raises:
        UserError: As ``read_published`` does.
    """
    if not path.exists():
        return {}
    toml = _toml(path)
    toml.document.pop("claims", None)
    return _figures(_reader(toml, cases))


def read_published(path: Path, *, cases: Iterable[str], others: Iterable[str] = ()) -> Published:
    """Return every claim in a file.

    Args:
        path: Of the file.
        cases: Names of those that tables show.
        others: Names of those that ``[claims]`` may speak of besides.

    Raises:
        UserError: It cannot be read, is no TOML, names an unknown case, metric, source or key, or
            a claim lacks one or makes no sense; the message has file and claim, and the line of a
            syntax error.
    """
    toml = _toml(path)
    with placed(toml, "claims"):
        told = read_table(toml.document.pop("claims", {}), "claims")
    reader = _reader(toml, cases)
    figures = _figures(reader)
    reader = replace(reader, cases=(*reader.cases, *others))
    named = [reader.named(name, each) for name, each in told.items()]
    return Published(
        figures=figures,
        further=tuple(each for each in named if isinstance(each, Claim)),
        statements=tuple(each for each in named if not isinstance(each, Claim)),
    )


def _toml(path: Path) -> Toml:
    return read_toml(path, mend="It holds the claims: name such a file.", infinite=True)


def _reader(toml: Toml, cases: Iterable[str]) -> _Reader:
    """Take the sources out of the content of a file, and return what reads the rest."""
    with placed(toml, "sources"):
        sources = read_table(toml.document.pop("sources", {}), "names")
        for name, source in sources.items():
            if not isinstance(source, str):
                raise ValueError(f'source {name} must be text: {name} = "author, title, year"')
    return _Reader(toml, sources, tuple(cases))


def _figures(reader: _Reader) -> Claims:
    return {case: reader.of_case(case, told) for case, told in reader.toml.document.items()}


@dataclass(frozen=True)
class _Reader:
    toml: Toml
    sources: Mapping[str, str]
    cases: tuple[str, ...]

    def of_case(self, case: str, metrics: object) -> dict[str, Claim]:
        """Read the figures of ``[CASE]``."""
        with placed(self.toml, case):
            check_known("case", case, self.cases)
            table = read_table(metrics, "metrics")
        found = {}
        for metric, told in table.items():
            with placed(self.toml, f"{case}.{metric}"):
                found[metric] = self.figure(f"{case}.{metric}", case, metric, told)
        return found

    def named(self, name: str, told: object) -> Claim | AnyStatement:
        """Read ``[claims.NAME]``: a figure, or a statement."""
        with placed(self.toml, f"claims.{name}"):
            table = read_table(told, "kind, said and source")
            if table.get("kind") != "figure":
                return self.statement({**table, "name": name})
            for key in FIGURE[1:]:
                if not isinstance(table.get(key), str):
                    raise ValueError(f'needs a line {key} = "…"')
            rest = {key: value for key, value in table.items() if key not in FIGURE}
            return self.figure(name, table["case"], table["metric"], rest, table["said"])

    def statement(self, table: Mapping[str, Any]) -> AnyStatement:
        """Read a statement, and write its source out."""
        made = statement(table)
        rules.check_statement(made)
        for case in made.cases_named:
            check_known("case", case, self.cases)
        check_known("source", made.source, self.sources)
        return msgspec.structs.replace(made, source=self.sources[made.source])

    def figure(self, name: str, case: str, metric: str, told: object, said: str = "") -> Claim:
        """Read one figure."""
        check_known("case", case, self.cases)
        check_known("metric", metric, rules.METRICS)
        keys = ", ".join(_Figure.__struct_fields__)
        found = converted(read_table(told, keys), _Figure)
        check_known("source", found.source, self.sources)
        low, high = found.ends
        rules.check_figure(case, metric, found.options, (low, high))
        return Claim(
            case=case,
            metric=metric,
            published=found.published,
            low=low,
            high=high,
            source=self.sources[found.source],
            name=name,
            said=said,
            **found.options,
        )
