"""An exercise as a value: what it asks, and the cases that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.harness.spec import Case


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table of an exercise."""

    label: str
    case: Case
    epoch: int | None = None
    """After which the case is looked at; None for the end of its training."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One thing varied, and everything else as it was."""

    name: str
    question: str
    varied: str
    """What distinguishes the lines, as the heading of their column."""
    points: Mapping[str, Case]
    """Label → case, in the order of the table."""
    base: tuple[str, ...]
    """Labels of the points, one a task, that the others of the task are compared with."""
    against: str
    """What the base is, in words: ``128 neurons``."""
    epochs: tuple[int, ...] = ()
    """After which each point is looked at; without any, at its end. The base is always at its."""
    paired: bool = False
    """Whether a run is the beginning of the base's run of its seed, and is compared with that."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Labels that a line of the picture joins."""
    thin: tuple[str, ...]
    """Labels of the points that are worth training where time is short."""
    seeds: int = 6
    """Seeds that answer it, where as many are trained as an answer needs."""

    def __post_init__(self) -> None:
        """Refuse labels that no point has, and a task without a base."""
        named = {*self.thin, *self.base, *(label for row in self.rows for label in row)}
        if unknown := sorted(named - set(self.points)):
            raise ValueError(f"exercise {self.name} has no point {', '.join(unknown)}")
        tasks = {case.task for case in self.points.values()}
        if alone := sorted(tasks - {self.points[label].task for label in self.base}):
            raise ValueError(f"exercise {self.name} has no base for {', '.join(alone)}")

    @property
    def thinned(self) -> Exercise:
        """The exercise with its thin slice of points alone."""
        kept = set(self.thin)
        return replace(
            self,
            points={label: case for label, case in self.points.items() if label in kept},
            base=tuple(label for label in self.base if label in kept),
            rows=(),
        )

    @property
    def lines(self) -> list[Line]:
        """The lines of its table: every point, after each of its epochs."""
        if not self.epochs:
            return [Line(label=label, case=case) for label, case in self.points.items()]
        return [
            Line(label=f"{label} after {epoch}", case=case, epoch=epoch)
            for label, case in self.points.items()
            for epoch in self.epochs
        ]

    def base_of(self, line: Line) -> Line | None:
        """Return what a line is compared with; None if it is a base itself."""
        found = next(
            self.points[each] for each in self.base if self.points[each].task == line.case.task
        )
        itself = found == line.case and line.epoch in (None, found.recipe.epochs)
        return None if itself else Line(label=self.against, case=found)
