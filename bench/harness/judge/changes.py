"""A family of questions to two sides: each metric of each case, with one error for all of them.

==========================  =======================================================================
what is known of the seeds  how the metric is judged
==========================  =======================================================================
of both sides two or more   Student's t-test, its p-value by Holm among all such tests
of one side a single one    the sequential test, in the band that the other side's seeds suggest:
                            one outlier is no regression, but leaves the verdict open
of no side two              not at all: nothing is known of the scatter
epochs to a target          the log-rank test, for some seeds may never reach it; from two seeds a
                            side on
==========================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from bench.harness.judge.arrivals import arrived
from bench.harness.judge.change import Change, Outcome, Test
from bench.harness.judge.family import RUN_ALPHA, holm
from bench.harness.judge.paired import superiority
from bench.harness.judge.price import POWER
from bench.harness.judge.quality import judge
from bench.harness.judge.samples import Arrivals, Question, Sample
from bench.harness.judge.suggest import suggest
from bench.harness.judge.two_samples import difference
from bench.harness.judge.words import is_accuracy, is_loss, shown_difference

EITHER_WAY = frozenset({"drop_in_training_loss"})
"""Metrics of which neither more nor less is better: another value is a change of the training."""

MOST = 6
"""Seeds at which the sequential test decides, be it only by a hair."""


def judge_changes(questions: Sequence[Question], *, alpha: float = RUN_ALPHA) -> list[Change]:
    """Return what became of each metric, in the order of the questions.

    Args:
        questions: of one comparison, all of them.
        alpha: chance that unchanged code shows any regression or improvement at all.
    """
    each = alpha / max(len(questions), 1)
    answers = [_test(question, each) for question in questions]
    tests = [answer for answer in answers if isinstance(answer, Test)]
    adjusted = iter(holm([test.p_value for test in tests]) if tests else ())
    return [
        _decided(question.metric, answer, next(adjusted), len(tests), each)
        if isinstance(answer, Test)
        else answer
        for question, answer in zip(questions, answers, strict=True)
    ]


def _decided(metric: str, test: Test, adjusted: float, tests: int, each: float) -> Change:
    outcome: Outcome = "same"
    if adjusted < each * tests:
        outcome = test.direction
    p_value = f"p = {test.p_value:.2g}, {adjusted:.2g} among {tests} tests"
    return Change(
        metric=metric,
        outcome=outcome,
        base=test.base,
        head=test.head,
        seeds=test.seeds,
        evidence="; ".join(part for part in (test.found, p_value, test.price) if part),
    )


def _test(question: Question, alpha: float) -> Test | Change:
    metric, base, head = question.metric, question.base, question.head
    if isinstance(base, Arrivals) and isinstance(head, Arrivals):
        return arrived(base, head)
    assert isinstance(base, Sample) and isinstance(head, Sample)  # a question asks of two alike
    told = f"{base.words(metric)} → {head.words(metric)}"
    if head.lost > base.lost and head.lost >= 2:
        return _change(question, "regression", f"{told}: two seeds may not diverge")
    if not base.values or not head.values:
        return _change(question, "undecided", f"{told}: nothing to compare")
    if base.values == head.values and base.lost == head.lost:
        return _change(question, "same", f"{told}: the same values, seed by seed")
    least, most = sorted((len(base.values), len(head.values)))
    if most < 2:
        return _change(question, "undecided", f"{told}: two seeds on one side would show scatter")
    if least < 2:
        return _sequential(question, base, head, alpha)
    return _t_test(metric, base, head, alpha)


def _change(question: Question, outcome: Outcome, evidence: str) -> Change:
    base, head = question.base, question.head
    assert isinstance(base, Sample) and isinstance(head, Sample)
    return Change(
        metric=question.metric,
        outcome=outcome,
        base=base.mean,
        head=head.mean,
        seeds=(base.seeds, head.seeds),
        evidence=evidence,
    )


def _t_test(metric: str, base: Sample, head: Sample, alpha: float) -> Test:
    found = difference(base.values, head.values)
    better = superiority(head.values, base.values)
    caught = found.catches(alpha=alpha, seeds=(len(base.values), len(head.values)))
    amount = f"{100 * caught:.2f} points" if is_accuracy(metric) else f"{caught:.4f}"
    change = shown_difference(metric, found.estimate)
    low, high = (shown_difference(metric, end) for end in (found.low, found.high))
    return Test(
        p_value=found.p_value,
        direction=_direction(metric, found.estimate),
        base=base.mean,
        head=head.mean,
        seeds=(base.seeds, head.seeds),
        found=f"{base.words(metric)} → {head.words(metric)}: {change} (95 %: {low} to {high})",
        price=f"P(head > base) = {better.estimate:.2f} ({better.low:.2f}–{better.high:.2f}); "
        f"a change of {amount} is caught with {100 * POWER:.0f} % power",
    )


def _direction(metric: str, change: float) -> Outcome:
    if metric in EITHER_WAY:
        return "changed"
    worse = change > 0 if is_loss(metric) else change < 0
    return "regression" if worse else "improvement"


def _sequential(question: Question, base: Sample, head: Sample, alpha: float) -> Change:
    """Weigh the side with few seeds in the band of the other."""
    metric, few_are_head = question.metric, len(head.values) < len(base.values)
    reference, few = (base, head) if few_are_head else (head, base)
    mean = fmean(few.values) - fmean(reference.values)
    told = f"{base.words(metric)} → {head.words(metric)}"
    outcome: Outcome = "same"
    if stdev(reference.values) == 0:
        evidence = f"{told}: the reference does not scatter"
        changed = mean != 0
    else:
        bound = suggest(metric, reference.values, both_sides=True)
        verdict = judge(few.values, bound, most=max(MOST, len(few.values)), alpha=alpha)
        side = "base" if few_are_head else "head"
        evidence = f"{told}; by the scatter of {side}'s seeds: {verdict.evidence}"
        changed = verdict.outcome == "fail"
        outcome = "undecided" if verdict.outcome == "undecided" else "same"
    if changed:
        outcome = _direction(metric, mean if few_are_head else -mean)
    return _change(question, outcome, evidence)
