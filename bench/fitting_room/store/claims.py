"""Published figures and statements, read from ``bench/claims.toml``; its header is the format.

The keys of a kind of claim are the fields of its class.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

import msgspec

from fitting_room.errors import nearest
from fitting_room.judge.verdict import ClaimLabel
from fitting_room.metrics import Metric, own
from fitting_room.reading import (
    Toml,
    as_table,
    check_amount,
    check_known,
    converted,
    read_toml,
)
from fitting_room.spec import TASKS, parts

ACCURACIES = ("test_accuracy", "training_accuracy")
SCORES = (*ACCURACIES, "test_loss", "training_loss")
"""Known after every epoch of every seed."""
COUNTS = ("parameters", "training_images", "test_images")
COSTS = (*COUNTS, "seconds_per_epoch")
"""What is had in multiples."""
METRICS = (*SCORES, *COSTS, "epochs_to_target", "probability")

METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "figure": METRICS,
    "difference": SCORES,
    "ratio": COSTS,
    "order": SCORES,
    "diminishing": SCORES,
    "turn": SCORES,
    "reach": ACCURACIES,  # a loss comes down: below every target it has been above it
    "opinion": SCORES,
}
"""Kind of claim → what it may be about, besides metrics of the project's own."""

METRICS_WITH: Mapping[str, tuple[str, ...]] = {
    "epoch": SCORES,
    "image": ("probability",),
    "label": ("probability",),
    "described": COUNTS,
    "watches": SCORES,
}
"""Key of a figure → metrics that it says something of; ``epoch`` of some own ones, too."""

NEVER, ALWAYS = -math.inf, math.inf

OneOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
TwoOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
Epoch = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every claim has."""

    said: str
    """The claim in our own words."""
    source: str
    metric: str
    name: str = ""
    published: str = "in words"
    """The figure as it was printed, if there is one."""
    note: str | None = None
    expected: ClaimLabel | None = None
    """Verdict that the audit is known to come to; another one is news."""

    @property
    def kind(self) -> str:
        """The kind as the claims file has it."""
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


class Claim(Statement, tag_field="kind", tag="figure", frozen=True, kw_only=True):
    """A published figure of one metric of one case.

    Raises:
        ValueError: It has neither ``value`` nor ``low`` and ``high``, or both.
    """

    said: str = ""
    """What it is a figure of, where case and metric do not say it."""
    published: str
    case: str
    low: float = math.nan
    """Fractions for accuracies, nats for losses, seconds for times; infinite for "never"."""
    high: float = math.nan
    value: float | None = None
    """The file's one value in the place of both."""
    epoch: Epoch | None = None
    """The epoch after which it holds; None for the last."""
    image: Natural | None = None
    """Index of a test image, for ``probability``."""
    label: Natural | None = None
    """The class whose probability it is."""
    described: str | None = None
    """The layers that the source describes, where a count of parameters has to follow from them."""
    watches: str | None = None
    """The metric that the figure was really taken from, where it is printed as another."""
    better: Literal["higher", "lower"] | None = None
    """The better way of the metric, where that does not follow from it."""

    def __post_init__(self) -> None:
        """Let ``value`` stand for both ends."""
        ends = (self.low, self.high) if self.value is None else (self.value, self.value)
        ranged = not (math.isnan(self.low) and math.isnan(self.high))
        if any(map(math.isnan, ends)) or (self.value is not None and ranged):
            raise ValueError("needs either value, or low and high")
        if ends[0] > ends[1]:
            raise ValueError(f"has low = {ends[0]:g}, which must not be above high = {ends[1]:g}")
        for name, value in zip(("low", "high", "value"), (*ends, None), strict=True):
            msgspec.structs.force_setattr(self, name, value)

    @property
    def quantity(self) -> tuple[object, ...]:
        """What it is a figure of: its source can have only one of it."""
        return (self.source, self.case, self.metric, self.epoch, self.image, self.label)


AnyStatement = Difference | Ratio | Order | Diminishing | Turn | Reach | Opinion
KINDS: Mapping[str, type[Claim | AnyStatement]] = {
    str(kind.__struct_config__.tag): kind for kind in (Claim, *get_args(AnyStatement))
}
"""Name of a kind of claim → its class."""


AnyClaim = TypeVar("AnyClaim", bound=Claim | AnyStatement)

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
    """Return every claim in a file: on ``cases`` of tables, and in ``[claims]`` on ``others`` too.

    Raises:
        UserError: It cannot be read, is no TOML, names an unknown case, metric, source or key, or a
            claim lacks one or makes no sense. The message has file and claim, and the line of a
            syntax error.
    """
    toml = read_toml(path, mend="It holds the claims: name such a file.", infinite=True)
    with toml.place("claims"):
        told = as_table(toml.document.pop("claims", {}), "claims")
    with toml.place("sources"):
        sources = as_table(toml.document.pop("sources", {}), "names")
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


@dataclass(frozen=True)
class _Reader:
    toml: Toml
    sources: Mapping[str, str]
    cases: tuple[str, ...]

    def of_case(self, case: str, metrics: object) -> dict[str, Claim]:
        """Read the figures of ``[CASE]``."""
        with self.toml.place(case):
            check_known("case", case, self.cases)
            table = as_table(metrics, "metrics")
        found = {}
        for metric, told in table.items():
            name = f"{case}.{metric}"
            with self.toml.place(name):
                check_known("metric", metric, _metrics_of("figure"))
                keys = {"kind": "figure", "name": name, "case": case, "metric": metric}
                entry = {**as_table(told, "published, value and source"), **keys}
                found[metric] = self.checked(converted(entry, Claim))
        return found

    def named(self, name: str, told: object) -> Claim | AnyStatement:
        """Read ``[claims.NAME]``: a figure, or a statement."""
        with self.toml.place(f"claims.{name}"):
            table = {**as_table(told, "kind, said and source"), "name": name}
            kind = table.get("kind")
            if not isinstance(kind, str) or kind not in KINDS:
                raise ValueError(f"has no known kind. {nearest(str(kind)[:80], KINDS)}")
            return self.checked(converted(table, KINDS[kind]))

    def checked(self, made: AnyClaim) -> AnyClaim:
        """Return a claim that can be judged, with its source written out."""
        for case in made.cases_named:
            check_known("case", case, self.cases)
        check_known("source", made.source, self.sources)
        check_known(f"metric for kind = {made.kind!r}", made.metric, _metrics_of(made.kind))
        if isinstance(made, Claim):
            _check_figure(made)
        else:
            _check_statement(made)
        return msgspec.structs.replace(made, source=self.sources[made.source])


def _check_figure(claim: Claim) -> None:
    """Refuse keys that say nothing of a metric, and values that it cannot have."""
    for key in METRICS_WITH:
        if getattr(claim, key) is not None:
            check_known(f"metric that takes {key}", claim.metric, _metrics_with(key))
    if claim.watches is not None:
        check_known("metric to watch", claim.watches, SCORES)
    if claim.metric == "probability":
        task = TASKS.get(parts(claim.case)[0])
        last = {"image": math.inf, "label": len(task.classes) - 1 if task else math.inf}
        for key, most in last.items():
            found = getattr(claim, key)
            if found is None:
                why = "a probability is of one image and one class"
                raise ValueError(f"needs a line {key} = …: {why}")
            if found > most:
                raise ValueError(f"has {key} = {found}; they count from 0 to {most}")
    for key in ("low", "high"):
        check_amount(claim.metric, key, getattr(claim, key))


def _check_statement(made: AnyStatement) -> None:
    """Refuse cases named twice, and ranges that are none."""
    if twice := [case for case, n in Counter(made.cases_named).items() if n > 1]:
        raise ValueError(f"names {twice[0]} twice")
    low, high = getattr(made, "low", None), getattr(made, "high", None)
    if low is not None and high is not None and not low <= high:
        raise ValueError(f"has low = {low:g} above high = {high:g}")
    if isinstance(made, Difference):
        if (low, high) == (NEVER, ALWAYS):
            raise ValueError("needs low, high, or both")
        for key in ("low", "high"):
            check_amount(made.metric, key, getattr(made, key), signed=True)
    if isinstance(made, Diminishing) and not (made.of_cases or made.of_epochs):
        raise ValueError("needs at least three cases, or case and three epochs in order")
    if isinstance(made, Diminishing) and made.of_epochs:
        check_known("metric of an epoch", made.metric, _metrics_with("epoch"))
    if isinstance(made, Ratio) and low is None and high != ALWAYS:
        raise ValueError("has high and no low, which is 0 at least")


def _metrics_of(kind: str) -> tuple[str, ...]:
    """Return what a kind of claim may be about."""
    return (*METRICS_OF[kind], *(metric.name for metric in own() if _suits(metric, kind)))


def _suits(metric: Metric, kind: str) -> bool:
    """Whether a metric of a project's own has what a kind of claim needs of it."""
    directed, each = metric.better != "neither", metric.per_epoch
    rising = metric.better == "higher" and metric.format == "percent"  # a target is a fraction
    wanted = {"order": directed, "diminishing": directed, "turn": directed and each}
    wanted |= {"reach": rising and each}
    return wanted.get(kind, True)


def _metrics_with(key: str) -> tuple[str, ...]:
    """Return the metrics of which a key of a figure says something."""
    each = (metric.name for metric in own() if metric.per_epoch and key == "epoch")
    return (*METRICS_WITH[key], *each)
