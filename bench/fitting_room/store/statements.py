"""What somebody stated in words about cases: the kinds of statement that can be judged.

The keys of a kind are the fields of its class; ``bench/claims.toml`` explains them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from fitting_room.errors import nearest
from fitting_room.judge.claims import OUTCOMES, Better, Label
from fitting_room.spec import TASKS
from fitting_room.store.reading import brief

ACCURACIES = ("test_accuracy", "training_accuracy")
SCORES = (*ACCURACIES, "test_loss", "training_loss")
"""Known after every epoch of every seed."""
COUNTS = ("parameters", "training_images", "test_images")
COSTS = (*COUNTS, "seconds_per_epoch")
"""What is had in multiples."""
METRICS = (*SCORES, *COSTS, "epochs_to_target", "probability")
FRACTIONS = (*ACCURACIES, "probability")

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
"""Kind of claim → what it may be about."""

METRICS_WITH: Mapping[str, tuple[str, ...]] = {
    "epoch": SCORES,
    "image": ("probability",),
    "label": ("probability",),
    "described": COUNTS,
    "watches": SCORES,
}
"""Key of a figure → metrics that it says something of."""


def check_figure(
    case: str, metric: str, told: Mapping[str, Any], ends: tuple[float, float]
) -> None:
    """Refuse keys that say nothing of a metric, and values that it cannot have.

    Args:
        case: By name.
        metric: A known one.
        told: The keys of the figure, each of the right type.
        ends: The lowest and the highest value that it claims.
    """
    for key, metrics in METRICS_WITH.items():
        if key in told:
            check_known(f"metric that takes {key}", metric, metrics)
    if "watches" in told:
        check_known("metric to watch", told["watches"], SCORES)
    if metric == "probability":
        _check_image(case, told)
    _check_values(metric, ends)


def check_statement(made: AnyStatement) -> None:
    """Refuse metrics that its kind cannot be about, cases named twice, and ranges that are none."""
    check_known(f"metric for kind = {made.kind!r}", made.metric, METRICS_OF[made.kind])
    twice = [case for case, n in Counter(made.cases_named).items() if n > 1]
    if twice:
        raise ValueError(f"names {twice[0]} twice")
    low, high = getattr(made, "low", None), getattr(made, "high", None)
    if low is not None and high is not None and not low <= high:
        raise ValueError(f"has low = {low:g} above high = {high:g}")
    if isinstance(made, Difference):
        if (low, high) == (NEVER, ALWAYS):
            raise ValueError("needs low, high, or both")
        _check_values(made.metric, (made.low, made.high), signed=True)
    if isinstance(made, Ratio) and low is None and high != ALWAYS:
        raise ValueError("has high and no low, which is 0 at least")


def check_known(what: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is none of the known, and suggest the nearest."""
    if name not in (listed := list(names)):
        left = (
            f" If it was removed or renamed: python -m bench remove {name}, or rename {name} NEW."
        )
        told = f"has {name!r}, which is no {what}. {nearest(name, listed)}"
        raise ValueError(told + left * (what == "case"))


def _check_image(case: str, told: Mapping[str, Any]) -> None:
    task = TASKS.get(case.partition("-")[0])
    last = {"image": math.inf, "label": len(task.classes) - 1 if task else math.inf}
    for key, most in last.items():
        if key not in told:
            raise ValueError(f"needs a line {key} = …: a probability is of one image and one class")
        if told[key] > most:
            raise ValueError(f"has {key} = {told[key]}; they count from 0 to {most}")


def _check_values(metric: str, values: tuple[float, ...], *, signed: bool = False) -> None:
    """Refuse per cents where fractions are meant; a signed range may be open at an end."""
    for value in values:
        beyond = abs(value) > 1 and not (signed and math.isinf(value))
        if metric in FRACTIONS and beyond:
            raise ValueError(f"has {value:g} for {metric}, which is a fraction: 0.05 for 5 %")
        if value < 0 and not signed:
            raise ValueError(f"has {value:g} for {metric}, which is never negative")


NEVER, ALWAYS = -math.inf, math.inf

OneOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
TwoOrMore = Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
Epoch = Annotated[int, msgspec.Meta(ge=1)]
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
        of = (getattr(self, "case", None), *getattr(self, "cases", ()), getattr(self, "over", None))
        return tuple(case for case in of if case is not None)


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
KINDS = (Difference, Ratio, Order, Diminishing, Turn, Reach, Opinion)

_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]*)`$")
_ONE_OF = re.compile(r"enum value '(?P<name>[^']*)' - at `\$\.(?P<key>\w+)`")
_PLACE = re.compile(r"at `\$\.(?P<key>\w+)")

NAMES: Mapping[str, tuple[str, ...]] = {"expected": tuple(OUTCOMES), "better": get_args(Better)}
"""Key → what it may be."""

Made = TypeVar("Made", bound=msgspec.Struct)


def statement(fields: Mapping[str, Any]) -> AnyStatement:
    """Return the statement that a table of a claims file makes.

    Raises:
        ValueError: It is of no known kind, lacks a key, has one too many or one of a wrong type.
    """
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in kinds():
        raise ValueError(f"has no known kind. {nearest(str(kind)[:80], ['figure', *kinds()])}")
    made = converted(fields, kinds()[kind])
    if isinstance(made, Diminishing) and not (made.of_cases or made.of_epochs):
        raise ValueError("needs at least three cases, or case and three epochs in order")
    return made


def kinds() -> dict[str, type[AnyStatement]]:
    """Return name → kind."""
    return {str(kind.__struct_config__.tag): kind for kind in KINDS}


def converted(fields: Mapping[str, Any], kind: type[Made]) -> Made:
    """Return a table of a claims file as a value of ``kind``.

    Raises:
        ValueError: It lacks a key, has one too many, or one of a wrong type or out of range.
    """
    try:
        return msgspec.convert(fields, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(_told(str(error), fields, kind)) from None


def _told(message: str, fields: Mapping[str, Any], kind: type[msgspec.Struct]) -> str:
    known = kind.__struct_fields__
    if unknown := _UNKNOWN.search(message):
        return f"has an unknown key. {nearest(unknown['key'], known)}"
    if missing := _MISSING.search(message):
        return f"needs a line {missing['key']} = …"
    if (one := _ONE_OF.search(message)) and one["key"] in NAMES:
        names = NAMES[one["key"]]
        return f"has {one['key']} = {brief(fields[one['key']])}. {nearest(one['name'], names)}"
    what = message.split(" - at ")[0].replace("`", "").replace(" | null", "")
    place = _PLACE.search(message)
    has = f"has {place['key']} = {brief(fields[place['key']])}: " if place else ""
    return f"{has}{what[:1].lower()}{what[1:]}"
