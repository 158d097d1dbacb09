"""Published figures and statements, read from ``bench/claims.toml``; its header is the format.

The keys of a kind of claim are the fields of its class.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec

from fitting_room.errors import UserError, nearest
from fitting_room.judge.claims import Better, Label
from fitting_room.spec import TASKS, parts
from fitting_room.store.reading import Toml, brief, converted, read_toml
from fitting_room.store.subjects import (
    METRICS_WITH,
    SCORES,
    check_values,
    metrics_of,
    metrics_with,
)

NEVER, ALWAYS = -math.inf, math.inf

OneOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
TwoOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
Epoch = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every statement has."""

    said: str
    """In our own words."""
    source: str
    metric: str
    name: str = ""
    published: str = "in words"
    """As it was printed, where it has a figure."""
    note: str | None = None
    expected: Label | None = None
    """Verdict that the audit is known to come to; another one is news."""

    @property
    def kind(self) -> str:
        """As the claims file has it."""
        return str(self.__struct_config__.tag)

    @property
    def cases_named(self) -> tuple[str, ...]:
        """Every case that it speaks of."""
        one, over = getattr(self, "case", None), getattr(self, "over", None)
        return tuple(filter(None, (one, *getattr(self, "cases", ()), over)))


class Difference(Statement, tag_field="kind", tag="difference", frozen=True, kw_only=True):
    """The metric of each case, less that of ``over``, lies between ``low`` and ``high``."""

    cases: OneOrMore
    over: str
    low: float = NEVER
    high: float = ALWAYS


class Ratio(Statement, tag_field="kind", tag="ratio", frozen=True, kw_only=True):
    """The metric of a case, divided by that of ``over``, lies between ``low`` and ``high``.

    Without the two it is the ratio of the figures that the same source printed.
    """

    case: str
    over: str
    low: float | None = None
    high: float = ALWAYS


class Order(Statement, tag_field="kind", tag="order", frozen=True, kw_only=True):
    """Each case is better than the next."""

    cases: TwoOrMore


class Diminishing(Statement, tag_field="kind", tag="diminishing", frozen=True, kw_only=True):
    """The last step gains less than the first: from case to case, or per epoch of one case."""

    cases: tuple[str, ...] = ()
    case: str | None = None
    epochs: tuple[Epoch, ...] = ()

    @property
    def of_cases(self) -> bool:
        """Whether it is about steps from case to case."""
        return len(self.cases) >= 3 and not self.case and not self.epochs

    @property
    def of_epochs(self) -> bool:
        """Whether it is about the epochs of one case."""
        early_to_late = list(self.epochs) == sorted({*self.epochs})
        return bool(self.case) and not self.cases and len(self.epochs) == 3 and early_to_late


class Turn(Statement, tag_field="kind", tag="turn", frozen=True, kw_only=True):
    """The metric is best after an epoch from ``low`` to ``high``, and worse from there on."""

    case: str
    low: float
    high: float


class Reach(Statement, tag_field="kind", tag="reach", frozen=True, kw_only=True):
    """The metric reaches ``target`` by epoch ``by``."""

    case: str
    target: Fraction
    by: Epoch


class Opinion(Statement, tag_field="kind", tag="opinion", frozen=True, kw_only=True):
    """A judgement on cases that no measurement decides."""

    cases: OneOrMore


AnyStatement = Difference | Ratio | Order | Diminishing | Turn | Reach | Opinion
KINDS: Mapping[str, type[AnyStatement]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyStatement)
}
"""Name of a kind of statement → its class."""


class _Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a figure has, in the file and read."""

    published: str
    source: str
    """Author, title, kind of work and year; in the file the name of one of ``[sources]``."""
    note: str | None = None
    epoch: Epoch | None = None
    """After which epoch; None for the last."""
    image: Natural | None = None
    """Index of a test image, for ``probability``."""
    label: Natural | None = None
    """The class whose probability it is."""
    described: str | None = None
    """The layers that the source describes, where a count of parameters has to follow from them."""
    watches: str | None = None
    """The metric that the figure was really taken from, where it is printed as another."""
    better: Better | None = None
    """Which way the metric is better, where that does not follow from it."""
    expected: Label | None = None
    """Verdict that the audit is known to come to; another one is news."""


class _Entry(_Figure, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a figure, as the file has them."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

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


class Claim(_Figure, frozen=True, kw_only=True):
    """A published figure of one metric of one case."""

    case: str
    metric: str
    low: float
    """Fractions for accuracies, nats for losses, seconds for times; infinite for "never"."""
    high: float
    name: str = ""
    said: str = ""
    """What it is a figure of, where case and metric do not say it."""


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
    toml = read_toml(path, mend="It holds the claims: name such a file.", infinite=True)
    with _placed(toml, "claims"):
        told = _table(toml.document.pop("claims", {}), "claims")
    with _placed(toml, "sources"):
        sources = _table(toml.document.pop("sources", {}), "names")
        for name, source in sources.items():
            if not isinstance(source, str):
                raise ValueError(f'source {name} must be text: {name} = "author, title, year"')
    reader = _Reader(toml, sources, tuple(cases))
    figures = {case: reader.of_case(case, table) for case, table in toml.document.items()}
    reader = _Reader(toml, sources, (*reader.cases, *others))
    named = [reader.named(name, each) for name, each in told.items()]
    return Published(
        figures=figures,
        further=tuple(each for each in named if isinstance(each, Claim)),
        statements=tuple(each for each in named if not isinstance(each, Claim)),
    )


def _table(value: object, content: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of {content}, and is {brief(value)}")
    return value


@contextmanager
def _placed(toml: Toml, table: str) -> Iterator[None]:
    """Tell a ValueError with the file, the line and the claim that is wrong."""
    try:
        yield
    except ValueError as error:
        message = f"{toml.path}:{toml.line(table)}: [{table}] {error}"
        raise UserError(message if message.endswith(".") else f"{message}.") from None


@dataclass(frozen=True)
class _Reader:
    toml: Toml
    sources: Mapping[str, str]
    cases: tuple[str, ...]

    def of_case(self, case: str, metrics: object) -> dict[str, Claim]:
        """Read the figures of ``[CASE]``."""
        with _placed(self.toml, case):
            _check_known("case", case, self.cases)
            table = _table(metrics, "metrics")
        found = {}
        for metric, told in table.items():
            with _placed(self.toml, f"{case}.{metric}"):
                found[metric] = self.figure(f"{case}.{metric}", case, metric, told)
        return found

    def named(self, name: str, told: object) -> Claim | AnyStatement:
        """Read ``[claims.NAME]``: a figure, or a statement."""
        with _placed(self.toml, f"claims.{name}"):
            table = _table(told, "kind, said and source")
            if table.get("kind") != "figure":
                return self.statement({**table, "name": name})
            rest = {key: value for key, value in table.items() if key != "kind"}
            taken = {key: rest.pop(key, None) for key in ("said", "case", "metric")}
            for key, value in taken.items():
                if not isinstance(value, str):
                    raise ValueError(f'needs a line {key} = "…"')
            return self.figure(name, told=rest, **taken)

    def statement(self, table: Mapping[str, Any]) -> AnyStatement:
        """Read a statement, and write its source out."""
        kind = table.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"has no known kind. {nearest(str(kind)[:80], ['figure', *KINDS])}")
        made = converted(table, KINDS[kind])
        _check_statement(made)
        for case in made.cases_named:
            _check_known("case", case, self.cases)
        _check_known("source", made.source, self.sources)
        return msgspec.structs.replace(made, source=self.sources[made.source])

    def figure(self, name: str, case: str, metric: str, told: object, said: str = "") -> Claim:
        """Read one figure."""
        _check_known("case", case, self.cases)
        _check_known("metric", metric, metrics_of("figure"))
        found = converted(_table(told, ", ".join(_Entry.__struct_fields__)), _Entry)
        _check_known("source", found.source, self.sources)
        low, high = found.ends
        keys = {name: getattr(found, name) for name in _Figure.__struct_fields__}
        _check_figure(case, metric, {k: v for k, v in keys.items() if v is not None}, (low, high))
        keys["source"] = self.sources[found.source]
        return Claim(case=case, metric=metric, low=low, high=high, name=name, said=said, **keys)


def _check_figure(
    case: str, metric: str, told: Mapping[str, Any], ends: tuple[float, float]
) -> None:
    """Refuse keys that say nothing of a metric, and values that it cannot have."""
    for key in METRICS_WITH.keys() & told.keys():
        _check_known(f"metric that takes {key}", metric, metrics_with(key))
    if "watches" in told:
        _check_known("metric to watch", told["watches"], SCORES)
    if metric == "probability":
        _check_image(case, told)
    check_values(metric, ends)


def _check_statement(made: AnyStatement) -> None:
    """Refuse metrics that its kind cannot be about, cases named twice, and ranges that are none."""
    _check_known(f"metric for kind = {made.kind!r}", made.metric, metrics_of(made.kind))
    if twice := [case for case, n in Counter(made.cases_named).items() if n > 1]:
        raise ValueError(f"names {twice[0]} twice")
    low, high = getattr(made, "low", None), getattr(made, "high", None)
    if low is not None and high is not None and not low <= high:
        raise ValueError(f"has low = {low:g} above high = {high:g}")
    if isinstance(made, Difference):
        if (low, high) == (NEVER, ALWAYS):
            raise ValueError("needs low, high, or both")
        check_values(made.metric, (made.low, made.high), signed=True)
    if isinstance(made, Diminishing) and not (made.of_cases or made.of_epochs):
        raise ValueError("needs at least three cases, or case and three epochs in order")
    if isinstance(made, Diminishing) and made.of_epochs:
        _check_known("metric of an epoch", made.metric, metrics_with("epoch"))
    if isinstance(made, Ratio) and low is None and high != ALWAYS:
        raise ValueError("has high and no low, which is 0 at least")


def _check_known(what: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is none of the known, and suggest the nearest."""
    if name not in (listed := list(names)):
        verbs = f"fitting-room remove {name}, or rename {name} NEW"
        gone = f" If it was removed or renamed: {verbs}."
        told = f"has {name!r}, which is no {what}. {nearest(name, listed)}"
        raise ValueError(told + gone * (what == "case"))


def _check_image(case: str, told: Mapping[str, Any]) -> None:
    task = TASKS.get(parts(case)[0])
    last = {"image": math.inf, "label": len(task.classes) - 1 if task else math.inf}
    for key, most in last.items():
        if key not in told:
            raise ValueError(f"needs a line {key} = …: a probability is of one image and one class")
        if told[key] > most:
            raise ValueError(f"has {key} = {told[key]}; they count from 0 to {most}")
