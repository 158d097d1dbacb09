"""An exercise as a value: what it asks, and the cases that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bench.harness.spec import Case

Kind = Literal["contrasts", "duration", "stopping"]
"""What its answer compares: points, epochs of one run, or runs that stop early with their like."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One point against another."""

    of: str
    """Label of a point, as is the next."""
    over: str
    words: str
    """What is compared, a plural: ``512 hidden neurons instead of 128``."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One thing varied, and everything else as it was."""

    name: str
    question: str
    varied: str
    """What distinguishes the points, as the heading of their column."""
    points: Mapping[str, Case]
    """Label → case, in the order of the table."""
    kind: Kind = "contrasts"
    contrasts: tuple[Contrast, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """Labels in an order along which one step after the other is judged."""
    thin: tuple[str, ...]
    """Labels of the points that are worth training where time is short."""
    seeds: int = 6  # the interval of a median has an end from six on
    """That answer it, where as many are trained as an answer needs."""

    def __post_init__(self) -> None:
        """Refuse labels that no point has."""
        named = {*self.thin, *(label for row in self.rows for label in row)}
        named |= {label for each in self.contrasts for label in (each.of, each.over)}
        if unknown := sorted(named - set(self.points)):
            raise ValueError(f"exercise {self.name} has no point {', '.join(unknown)}")

    @property
    def thinned(self) -> Exercise:
        """The exercise with its thin slice of points alone."""
        kept = set(self.thin)
        return replace(
            self,
            points={label: case for label, case in self.points.items() if label in kept},
            contrasts=tuple(each for each in self.contrasts if {each.of, each.over} <= kept),
            rows=(),
        )
