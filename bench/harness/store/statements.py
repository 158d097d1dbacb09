"""What somebody stated in words about cases: the kinds of statement that can be judged.

The keys of a kind are the fields of its class; ``bench/claims.toml`` explains them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from bench.harness.errors import nearest
from bench.harness.judge.claims import Outcome

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
    expected: Outcome | None = None
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


def statement(fields: Mapping[str, Any]) -> AnyStatement:
    """Return the statement that a table of a claims file makes.

    Raises:
        ValueError: It is of no known kind, lacks a key, has one too many or one of a wrong type.
    """
    try:
        made: AnyStatement = msgspec.convert(fields, type=AnyStatement)
    except msgspec.ValidationError as error:
        raise ValueError(_told(str(error), fields)) from error
    if isinstance(made, Diminishing) and not (made.of_cases or made.of_epochs):
        raise ValueError("needs at least three cases, or case and three epochs in order")
    return made


def kinds() -> dict[str, type[Statement]]:
    """Return name → kind."""
    return {str(kind.__struct_config__.tag): kind for kind in KINDS}


def _told(message: str, fields: Mapping[str, Any]) -> str:
    known = kinds()
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in known:
        return f"has no known kind. {nearest(str(kind), ['figure', *known])}"
    if unknown := _UNKNOWN.search(message):
        return f"has an unknown key. {nearest(unknown['key'], known[kind].__struct_fields__)}"
    return message[:1].lower() + message[1:].replace("`", "'").replace("'$.", "'")
