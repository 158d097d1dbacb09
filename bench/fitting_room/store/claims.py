"""Published figures and statements, read from ``bench/claims.toml``; its header is the format."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitting_room.errors import UserError, nearest
from fitting_room.judge.claims import OUTCOMES, Better, Outcome
from fitting_room.store import statements as rules
from fitting_room.store.statements import AnyStatement, statement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INTEGERS = ("epoch", "image", "label")
TEXTS = ("note", "described", "watches", "better", "expected")
KEYS = ("published", "value", "low", "high", "source", *INTEGERS, *TEXTS)


def parse(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a claims file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Its message ends with "(at line 3, column 7)".
        raise UserError(f"{path} is no valid TOML: {error}. Mend that line.") from error


def read_table(path: Path, name: str, value: object, content: str) -> dict[str, Any]:
    """Return a value that has to be a table."""
    if not isinstance(value, dict):
        raise UserError(f"{path}: {name} must be a table of {content}.")
    return value


def interval(path: Path, name: str, fields: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of a figure: ``value`` twice, or ``low`` and ``high``."""
    given = [key for key in ("value", "low", "high") if key in fields]
    must(
        given in (["value"], ["low", "high"]), path, f"{name} needs either value, or low and high."
    )
    for key in given:
        number = isinstance(fields[key], int | float) and not isinstance(fields[key], bool)
        must(number, path, f"{key} in {name} must be a number, not {fields[key]!r}.")
    low, high = float(fields[given[0]]), float(fields[given[-1]])
    must(low <= high, path, f"low in {name} must not be above high.")
    return low, high


def known(path: Path, kind: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is none of the known, and suggest the nearest."""
    listed = list(names)
    must(name in listed, path, f"there is no {kind} {name!r}. {nearest(name, listed)}")


def must(condition: bool, path: Path, message: str) -> None:
    """Refuse the file, with a message that begins with its name."""
    if not condition:
        raise UserError(f"{path}: {message}")


@contextmanager
def ruled(path: Path, place: str) -> Iterator[None]:
    """Tell a ValueError with the file and the claim that is wrong."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{path}: {place} {error}") from error


def read_options(path: Path, place: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that a figure may leave out, of the right type and with known names."""
    for key, kind in (*dict.fromkeys(INTEGERS, int).items(), *dict.fromkeys(TEXTS, str).items()):
        value = fields.get(key, kind())
        fits = isinstance(value, kind) and not isinstance(value, bool)
        must(fits, path, f"{key} in {place} must be {kind.__name__}, not {value!r}.")
    names = {"expected": OUTCOMES, "better": ("higher", "lower")}
    for key in names.keys() & fields.keys():
        known(path, f"{key} in {place}", fields[key], names[key])
    return {key: fields[key] for key in (*INTEGERS, *TEXTS) if key in fields}


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
    expected: Outcome | None = None
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
    content = parse(path)
    content.pop("claims", None)
    return _figures(content, _reader(path, content, cases))


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
    content = parse(path)
    told = read_table(path, "[claims]", content.pop("claims", {}), "claims")
    reader = _reader(path, content, cases)
    figures = _figures(content, reader)
    reader = replace(reader, cases=(*reader.cases, *others))
    named = [reader.named(name, each) for name, each in told.items()]
    return Published(
        figures=figures,
        further=tuple(each for each in named if isinstance(each, Claim)),
        statements=tuple(each for each in named if not isinstance(each, Claim)),
    )


def _reader(path: Path, content: dict[str, Any], cases: Iterable[str]) -> _Reader:
    """Take the sources out of the content of a file, and return what reads the rest."""
    sources = read_table(path, "[sources]", content.pop("sources", {}), "names")
    for name, source in sources.items():
        needed = f'source {name} must be text: {name} = "author, title, year".'
        must(isinstance(source, str), path, needed)
    return _Reader(path, sources, tuple(cases))


def _figures(content: Mapping[str, Any], reader: _Reader) -> Claims:
    return {case: reader.of_case(case, metrics) for case, metrics in content.items()}


@dataclass(frozen=True)
class _Reader:
    path: Path
    sources: Mapping[str, str]
    cases: tuple[str, ...]

    def of_case(self, case: str, metrics: object) -> dict[str, Claim]:
        """Read the figures of ``[CASE]``."""
        known(self.path, "case", case, self.cases)
        table = read_table(self.path, f"[{case}]", metrics, "metrics")
        return {
            metric: self.figure(f"{case}.{metric}", case, metric, told)
            for metric, told in table.items()
        }

    def named(self, name: str, told: object) -> Claim | AnyStatement:
        """Read ``[claims.NAME]``: a figure, or a statement."""
        place = f"[claims.{name}]"
        table = read_table(self.path, place, told, "kind, said and source")
        if table.get("kind") != "figure":
            return self.statement(name, place, table)
        for key in FIGURE[1:]:
            needed = f'{place} needs a line {key} = "…".'
            must(isinstance(table.get(key), str), self.path, needed)
        rest = {key: value for key, value in table.items() if key not in FIGURE}
        return self.figure(f"claims.{name}", table["case"], table["metric"], rest, table["said"])

    def statement(self, name: str, place: str, table: Mapping[str, Any]) -> AnyStatement:
        """Read a statement, and write its source out."""
        with ruled(self.path, place):
            made = statement({**table, "name": name})
            rules.check_statement(made)
        for case in made.cases_named:
            known(self.path, f"case in {place}", case, self.cases)
        known(self.path, f"source in {place}", made.source, self.sources)
        return statement({**table, "name": name, "source": self.sources[made.source]})

    def figure(self, name: str, case: str, metric: str, told: object, said: str = "") -> Claim:
        """Read one figure."""
        path, place = self.path, f"[{name}]"
        known(path, f"case in {place}", case, self.cases)
        known(path, f"metric in [{case}]", metric, rules.METRICS)
        table = read_table(path, place, told, ", ".join(KEYS))
        for key in table:
            known(path, f"key in {place}", key, KEYS)
        for key in ("published", "source"):
            needed = f'{place} needs a line {key} = "…".'
            must(isinstance(table.get(key), str), path, needed)
        known(path, f"source in {place}", table["source"], self.sources)
        low, high = interval(path, place, table)
        options = read_options(path, place, table)
        with ruled(path, place):
            rules.check_figure(case, metric, options, (low, high))
        return Claim(
            case=case,
            metric=metric,
            published=table["published"],
            low=low,
            high=high,
            source=self.sources[table["source"]],
            name=name.removeprefix("claims."),
            said=said,
            **options,
        )
