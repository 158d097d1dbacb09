"""What somebody published about cases, read from ``bench/claims.toml``; its header is the format.

A figure is an interval: a single one is an interval whose ends agree. What was said in words is in
``statements``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.harness.judge.claims import Better, Outcome
from bench.harness.store import claim_fields as fields
from bench.harness.store import claim_rules as rules
from bench.harness.store.statements import AnyStatement, statement


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
    content = fields.parse(path)
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
    content = fields.parse(path)
    told = fields.table(path, "[claims]", content.pop("claims", {}), "claims")
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
    sources = fields.table(path, "[sources]", content.pop("sources", {}), "names")
    for name, source in sources.items():
        needed = f'source {name} must be text: {name} = "author, title, year".'
        fields.must(isinstance(source, str), path, needed)
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
        fields.known(self.path, "case", case, self.cases)
        table = fields.table(self.path, f"[{case}]", metrics, "metrics")
        return {
            metric: self.figure(f"{case}.{metric}", case, metric, told)
            for metric, told in table.items()
        }

    def named(self, name: str, told: object) -> Claim | AnyStatement:
        """Read ``[claims.NAME]``: a figure, or a statement."""
        place = f"[claims.{name}]"
        table = fields.table(self.path, place, told, "kind, said and source")
        if table.get("kind") != "figure":
            return self.statement(name, place, table)
        for key in FIGURE[1:]:
            needed = f'{place} needs a line {key} = "…".'
            fields.must(isinstance(table.get(key), str), self.path, needed)
        rest = {key: value for key, value in table.items() if key not in FIGURE}
        return self.figure(f"claims.{name}", table["case"], table["metric"], rest, table["said"])

    def statement(self, name: str, place: str, table: Mapping[str, Any]) -> AnyStatement:
        """Read a statement, and write its source out."""
        with fields.ruled(self.path, place):
            made = statement({**table, "name": name})
            rules.check_statement(made)
        for case in made.cases_named:
            fields.known(self.path, f"case in {place}", case, self.cases)
        fields.known(self.path, f"source in {place}", made.source, self.sources)
        return statement({**table, "name": name, "source": self.sources[made.source]})

    def figure(self, name: str, case: str, metric: str, told: object, said: str = "") -> Claim:
        """Read one figure."""
        path, place = self.path, f"[{name}]"
        fields.known(path, f"case in {place}", case, self.cases)
        fields.known(path, f"metric in [{case}]", metric, rules.METRICS)
        table = fields.table(path, place, told, ", ".join(fields.KEYS))
        for key in table:
            fields.known(path, f"key in {place}", key, fields.KEYS)
        for key in ("published", "source"):
            needed = f'{place} needs a line {key} = "…".'
            fields.must(isinstance(table.get(key), str), path, needed)
        fields.known(path, f"source in {place}", table["source"], self.sources)
        low, high = fields.interval(path, place, table)
        options = fields.options(path, place, table)
        with fields.ruled(path, place):
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
