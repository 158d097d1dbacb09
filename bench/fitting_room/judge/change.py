"""The comparison of two sides: each metric of each case, with one error for all of them.

==========================  =======================================================================
seeds with a value          how the metric is judged
==========================  =======================================================================
two or more on each side    Student's t-test, its p-value adjusted by Holm among all such tests;
                            Welch's interval of the difference is shown beside it
one on one side             the sequential test in the band that the other side's seeds suggest:
                            one outlier is no regression, but leaves the verdict open
fewer                       undecided, unless both sides are the same: the scatter is unknown
diverged seeds              two of head are a regression, unless as many of base diverged
epochs to a target          the log-rank test, as some seeds may never reach it; it needs two seeds
                            a side
counts                      exactly: any other number is a change
==========================  =======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, mean, stdev, variance
from typing import Literal

import numpy as np
import scipy

from fitting_room.format import MISSING, Interval, shown, shown_difference
from fitting_room.judge.interval import (
    epochs_to_target,
    of_difference,
    same_speed,
    superiority,
)
from fitting_room.judge.quality import BAND, judge, suggest
from fitting_room.judge.sequential import POWER, RUN_ALPHA
from fitting_room.judge.verdict import EPOCHS, Outcome, Verdict
from fitting_room.metrics import known


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One metric of one case over the seeds of one side."""

    values: tuple[float, ...]
    """One for each seed that gave a value, in seed order."""
    diverged: int = 0
    """Number of seeds that diverged or were given up."""

    @property
    def mean(self) -> float | None:
        """Mean over the seeds that gave a value; None where none did."""
        return fmean(self.values) if self.values else None

    def words(self, metric: str) -> str:
        """Return ``87.02 % (n=6)``."""
        mean = shown(metric, self.mean) if self.mean is not None else MISSING
        more = f", {self.diverged} more diverged" if self.diverged else ""
        return f"{mean} (n={len(self.values)}{more})"


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Epochs to a target over the seeds of one side, censored where they never reached it."""

    epochs: tuple[int | None, ...]
    """Epoch at which each seed reached it; None where it did not."""
    watched: tuple[int, ...]
    """Epochs that each seed ran."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """The question whether a metric has changed."""

    metric: str
    base: Sample | Arrivals
    head: Sample | Arrivals


Label = Literal["same", "changed", "regression", "improvement", "undecided", "not comparable"]
"""A verdict on a change in words.

``changed`` is another count, or a difference in a metric that is better in neither direction.
"""

OUTCOMES: Mapping[Label, Outcome] = {
    "same": "pass",
    "improvement": "pass",
    "changed": "fail",
    "regression": "fail",
    "undecided": "undecided",
    "not comparable": "not comparable",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """The verdict on one metric of one case on two sides, with the figures of both."""

    verdict: Verdict
    """Its estimate is head less base; for times it is their ratio."""
    base: float | None = None
    """Mean over the seeds, in the metric's own unit; None where there is none."""
    head: float | None = None
    seeds: tuple[int, int] = (0, 0)
    """Numbers of seeds of base and head; for interleaved times numbers of pairs."""
    warned: bool = False
    """Whether it is so close to a regression that somebody should look."""
    images: Interval | None = None
    """The change in test accuracy on the same images, head less base, over images and seeds."""


def changed(
    metric: str,
    label: Label,
    reason: str,
    *,
    base: float | None = None,
    head: float | None = None,
    seeds: tuple[int, int] = (0, 0),
    interval: Interval | None = None,
) -> Change:
    """Return the change of a metric from base to head."""
    finite = [x for x in (base, head) if x is not None and math.isfinite(x)]
    verdict = Verdict(
        metric=metric,
        question="same as that base",
        against=MISSING if base is None else shown(metric, base),
        outcome=OUTCOMES[label],
        label=label,
        estimate=finite[1] - finite[0] if len(finite) > 1 else None,
        interval=interval,
        n=sum(seeds),
        reason=reason,
    )
    return Change(verdict=verdict, base=base, head=head, seeds=seeds)


def not_comparable(metric: str, reason: str) -> Change:
    """Return the reason why two sides cannot be compared, as a change."""
    return changed(metric, "not comparable", reason)


def judge_count(metric: str, base: Sequence[int], head: Sequence[int]) -> Change:
    """Compare the counts in the records of base and head; a side without counts is empty."""
    if not base or not head:
        side = "base" if not base else "head"
        return not_comparable(metric, f"{side} did not count it")
    before, after = base[-1], head[-1]
    same = {*base, *head} == {before}
    difference = shown_difference(metric, after - before)
    return changed(
        metric,
        "same" if same else "changed",
        f"{before:,}, exactly" if same else f"{before:,} → {after:,} ({difference})",
        base=before,
        head=after,
        seeds=(len(base), len(head)),
    )


FASTER = 0.5
"""Stored times below this share of base's are flagged: head may not do the same work."""


def timed(
    verdict: Verdict,
    *,
    base: float | None,
    head: float | None,
    faster: float = FASTER,
    warn: float = math.inf,
) -> Change:
    """Return a verdict on seconds, whose estimate is the ratio of head to base, as a change.

    A gain is suspicious at or below the ratio ``faster``; a pass is flagged from ``warn`` on.
    """
    ratio = 1.0 if verdict.estimate is None else verdict.estimate
    passed: Label = "same" if ratio > faster else "improvement"
    labels: dict[Outcome, Label] = {"pass": passed, "fail": "regression"}
    label = labels.get(verdict.outcome, verdict.outcome)
    reason = f"{verdict.reason}; bound {verdict.against}" if verdict.n else verdict.reason
    return Change(
        verdict=replace(verdict, question="same as that base", label=label, reason=reason),
        base=base,
        head=head,
        seeds=(verdict.n, verdict.n),
        warned=verdict.passed and ratio >= warn,
    )


@dataclass(frozen=True, kw_only=True)
class Test:
    """The result of one test, before it is adjusted for the others."""

    p_value: float
    found: Change
    """The change if it is not chance; its reason stands before the p-value."""
    price: str = ""
    """The words after the p-value: the smallest change that the test catches."""


def judge_changes(questions: Sequence[Question], *, alpha: float = RUN_ALPHA) -> list[Change]:
    """Return the change of each metric of one comparison, in the order of the questions.

    ``alpha`` is the chance that unchanged code shows any regression or improvement at all.
    """
    each = alpha / max(len(questions), 1)
    answers = [_answered(question, each) for question in questions]
    p_values = [answer.p_value for answer in answers if isinstance(answer, Test)]
    adjusted = iter(holm(p_values))
    return [
        _decided(answer, next(adjusted), len(p_values), each)
        if isinstance(answer, Test)
        else answer
        for answer in answers
    ]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values adjusted for their number, in the order given.

    Compare each with the error wanted for the family. Holm, "A Simple Sequentially Rejective
    Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return tuple(adjusted.tolist())


def _decided(test: Test, adjusted: float, tests: int, each: float) -> Change:
    verdict = test.found.verdict
    p_value = f"p = {test.p_value:.2g}, {adjusted:.2g} among {tests} tests"
    reason = "; ".join(filter(None, (verdict.reason, p_value, test.price)))
    verdict = replace(verdict, reason=reason)
    if adjusted >= each * tests:
        verdict = replace(verdict, outcome="pass", label="same")
    return replace(test.found, verdict=verdict)


def _answered(question: Question, alpha: float) -> Test | Change:
    base, head = question.base, question.head
    if isinstance(base, Arrivals) and isinstance(head, Arrivals):
        return _judge_arrivals(base, head)
    assert isinstance(base, Sample) and isinstance(head, Sample)  # both sides are of one kind
    return _Means(question.metric, base, head).judged(alpha)


@dataclass(frozen=True)
class _Means:
    """A metric whose means are compared."""

    metric: str
    base: Sample
    head: Sample

    def judged(self, alpha: float) -> Test | Change:
        base, head = self.base, self.head
        fewest, most = sorted((len(base.values), len(head.values)))
        if head.diverged > base.diverged and head.diverged >= 2:
            return self._change("regression", ": two seeds may not diverge")
        if not fewest:
            return self._change("undecided", ": nothing to compare")
        if base == head:
            return self._change("same", ": the same values, seed by seed")
        if most < 2:
            return self._change("undecided", ": two seeds on one side would show scatter")
        return self._by_one_side(alpha) if fewest < 2 else self._t_test(alpha)

    def _change(self, label: Label, reason: str, interval: Interval | None = None) -> Change:
        """Return a change of means; ``reason`` is what follows them."""
        base, head = self.base, self.head
        return changed(
            self.metric,
            label,
            f"{base.words(self.metric)} → {head.words(self.metric)}{reason}",
            base=base.mean,
            head=head.mean,
            seeds=(len(base.values) + base.diverged, len(head.values) + head.diverged),
            interval=interval,
        )

    def _direction(self, change: float) -> Label:
        better = known(self.metric).better
        if better == "neither":
            return "changed"
        worse = change > 0 if better == "lower" else change < 0
        return "regression" if worse else "improvement"

    def _t_test(self, alpha: float) -> Test:
        base, head = self.base.values, self.head.values
        difference, better = of_difference(head, base), superiority(head, base)
        caught = shown_difference(self.metric, smallest_caught(base, head, alpha=alpha))
        ends = (difference.estimate, difference.low, difference.high)
        change, low, high = (shown_difference(self.metric, end) for end in ends)
        reason = f": {change} (95 %: {low} to {high})"
        return Test(
            p_value=student(base, head),
            found=self._change(self._direction(difference.estimate), reason, difference),
            price=f"P(head > base) = {better.estimate:.2f} ({better.low:.2f}–{better.high:.2f}); "
            f"a change of {caught.removeprefix('+')} is caught with {100 * POWER:.0f} % power",
        )

    def _by_one_side(self, alpha: float) -> Change:
        """Judge the side with a single seed by the band of the other side's seeds."""
        (side, reference), (_, one) = sorted(
            (("base", self.base.values), ("head", self.head.values)), key=lambda x: -len(x[1])
        )
        change = fmean(self.head.values) - fmean(self.base.values)
        if stdev(reference) == 0:
            label: Label = self._direction(change) if change else "same"
            return self._change(label, ": the reference does not scatter")
        bound = suggest(self.metric, reference, band=BAND)
        verdict = judge(one, bound, alpha=alpha)
        labels: dict[Outcome, Label] = {"fail": self._direction(change), "undecided": "undecided"}
        reason = f"; by the scatter of {side}'s seeds: {verdict.reason}"
        return self._change(labels.get(verdict.outcome, "same"), reason)


FEWEST = 2
"""The fewest seeds a side for a verdict on arrivals: a single one shows no scatter."""


def _judge_arrivals(base: Arrivals, head: Arrivals) -> Test | Change:
    """Compare by the log-rank test.

    Its p-value is exact only for many seeds. With few it is raised to the probability of a single
    order of arrival among all possible ones.
    """
    before, after = (epochs_to_target(s.epochs, watched=s.watched) for s in (base, head))

    def found(label: Label, reason: str) -> Change:
        told, seeds = f"{before.words} → {after.words}{reason}", (before.n, after.n)
        return changed(EPOCHS, label, told, base=before.median, head=after.median, seeds=seeds)

    if base == head:
        return found("same", ": the same, seed by seed")
    if min(before.n, after.n) < FEWEST:
        return found("undecided", f": each side needs {FEWEST} seeds")
    with np.errstate(invalid="ignore"):  # nothing varies where all seeds arrive together
        p_value = same_speed((base.epochs, base.watched), (head.epochs, head.watched))
    surest = 1 / math.comb(before.n + after.n, after.n)
    later = after.restricted_mean > before.restricted_mean
    return Test(
        p_value=1.0 if math.isnan(p_value) else max(p_value, surest),
        found=found("regression" if later else "improvement", ", log-rank"),
    )


def student(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the two-sided p-value of Student's t-test that both sides are the same code.

    Its variance is pooled, unlike that of the interval, as the same code scatters alike. With two
    or three seeds on one side Welch's test would miss a change of twenty standard deviations. Each
    side has at least two.
    """
    moments = [part for x in (base, head) for part in (mean(x), stdev(x), len(x))]
    with np.errstate(invalid="ignore", divide="ignore"):  # all seeds of both sides may agree
        p_value = float(scipy.stats.ttest_ind_from_stats(*moments).pvalue)
    return 1.0 if math.isnan(p_value) else p_value


def smallest_caught(base: Sequence[float], head: Sequence[float], *, alpha: float) -> float:
    """Return the smallest change that ``student`` finds at error ``alpha`` with 80 % power."""
    sizes = (len(base), len(head))
    degrees = sum(sizes) - 2
    squares = sum((len(x) - 1) * variance(x) for x in (base, head))
    error = math.sqrt(squares / degrees * sum(1 / n for n in sizes))
    t = scipy.stats.t
    return float((t.ppf(1 - alpha / 2, degrees) + t.ppf(POWER, degrees)) * error)
