"""The one place that decides whether the seeds of a case meet a bound.

========================  ==========================================================================
what is held to a bound   the rule
========================  ==========================================================================
an exact count            every seed must have it
epochs to a target        each seed by itself: one may miss the bound if two others meet it. If the
                          bound has a reference, the best value by then: ``judge_best``
seconds to a target       each seed by itself, with the same rule
diverged seeds            one is tolerated beside others, two fail
a metric with reference   the sequential test: ``sequential``
a metric without one      t-tests from the fifth seed on; on the sample the mean alone
a learning curve          the sequential test at every epoch; the epochs share one error
========================  ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

import scipy

from fitting_room.format import is_accuracy, name, shown, shown_difference
from fitting_room.judge.interval import best_by
from fitting_room.judge.sequential import (
    BETA,
    DELTA_MOST,
    Plan,
    decide_all,
    evidence_words,
    planning_sd,
    plans,
    priced,
)
from fitting_room.judge.verdict import EPOCHS, TO_TARGET, Bound, Outcome, Verdict, verdict_on
from fitting_room.metrics import is_own, known

Values = Sequence[float | None]
"""One value for each seed, or for each epoch of a seed; None if it diverged."""


def judge(
    values: Values,
    bound: Bound,
    *,
    least: int = 1,
    most: int = 6,
    alpha: float = 0.01,
    coarse: bool = False,
) -> Verdict:
    """Judge one metric of one case.

    Add the next seed and ask again while the outcome is ``undecided`` and fewer than ``most``
    seeds ran.

    Args:
        values: one per seed, in seed order 0, 1, 2, …; None or NaN is a seed that diverged or,
            for epochs or seconds to a target, one that never reached it.
        bound: what they must satisfy.
        least: the fewest seeds on which it may pass or fail.
        most: the most seeds that will be asked for.
        alpha: chance that unchanged code fails this one assertion; see ``sequential.share``.
        coarse: compare the mean itself, without a test; for the wide bounds of the sample.
    """
    ran = [None if value is None or math.isnan(value) else float(value) for value in values]
    if not ran:
        return verdict_on(bound, "undecided", ran, f"no seed ran; bound {bound.words}")
    if bound.exactly is not None:
        return _exactly(ran, bound)
    if bound.metric in (EPOCHS, TO_TARGET):
        return _each_seed(ran, bound, least, most)
    if outcome := _diverged(ran, most):
        return verdict_on(bound, outcome, ran, f"bound {bound.words}{_divergence(ran)}")
    numbers = [value for value in ran if value is not None]
    if bound.has_reference:
        found, _ = _sequential(ran, bound, plans(bound, alpha=alpha, least=least, most=most))
    elif coarse:
        found = _mean_of_seeds(numbers, bound, enough=len(ran) >= min(least, most))
    else:
        found = judge_without_reference(numbers, bound, most=most, alpha=alpha)
    return replace(found, n=found.n + ran.count(None), reason=found.reason + _divergence(ran))


def _exactly(values: Values, bound: Bound) -> Verdict:
    n, missing = len(values), values.count(None)
    different = sorted({value for value in values if value is not None and value != bound.exactly})
    if different:
        counts = ", ".join(shown(bound.metric, value) for value in different)
        off = shown_difference(bound.metric, different[0] - bound.limits[0])
        reason = f"counted {counts}; bound {bound.words}; off {off}"
    elif missing:
        reason = f"not counted for {missing} of {n} seeds; bound {bound.words}"
    else:
        return verdict_on(bound, "pass", values, f"counted {bound.words} (n={n})")
    return verdict_on(bound, "fail", values, reason)


def _each_seed(values: Values, bound: Bound, least: int, most: int) -> Verdict:
    """Judge each seed by itself: did it reach the target within the bound?"""
    n = len(values)
    misses = sum(not bound.met_by(math.inf if value is None else value) for value in values)
    outcome: Outcome = "undecided"
    if misses >= 2 or (misses == n and n >= most):
        outcome = "fail"
    elif n >= min(least, most) and (misses == 0 or n >= 3):
        outcome = "pass"
    each = ", ".join("never" if value is None else shown(bound.metric, value) for value in values)
    place = "at epoch" if bound.metric == EPOCHS else "after"
    reached = f"reached {n - values.count(None)}/{n}, {place} {each}"
    within = f"{n - misses} of {n} within bound {bound.words}"
    return verdict_on(bound, outcome, values, f"{reached}; {within}")


def _diverged(values: Values, most: int) -> Outcome | None:
    """Return the outcome if the diverged seeds decide it; None if the others do."""
    diverged = values.count(None)
    if diverged >= 2 or diverged == len(values) >= most:
        return "fail"
    return "undecided" if diverged == len(values) else None


def _divergence(values: Values) -> str:
    diverged = values.count(None)
    return f"; {diverged} of {len(values)} seeds diverged" if diverged else ""


def _sequential(values: Values, bound: Bound, sides: Sequence[Plan]) -> tuple[Verdict, float]:
    """Judge by the sequential test, which stops at the first limit that is crossed.

    The second value is the log-likelihood ratio of the side that is nearest to failing.
    """
    numbers = [value for value in values if value is not None]
    outcome, seeds, decisions = decide_all(numbers, sides, diverged=values.count(None))
    evidence = evidence_words(numbers[:seeds], bound, sides, decisions)
    ratio = min(float(decision.ratios[0]) for decision in decisions)
    return verdict_on(bound, outcome, numbers[:seeds], evidence), ratio


def _mean_of_seeds(values: Sequence[float], bound: Bound, *, enough: bool) -> Verdict:
    mean = fmean(values)
    outcome: Outcome = "pass" if bound.met_by(mean) else "fail"
    margin = shown_difference(bound.metric, bound.margin(mean))
    value = f"{shown(bound.metric, mean)} (n={len(values)})"
    evidence = f"{value}; bound {bound.words}; margin {margin}"
    return verdict_on(bound, outcome if enough else "undecided", values, evidence)


FIRST_LOOK = 5  # fewer seeds say next to nothing about the standard deviation


def judge_without_reference(
    values: Sequence[float], bound: Bound, *, most: int = 10, alpha: float = 0.01
) -> Verdict:
    """Look after 5, 6, … ``most`` seeds with a one-sample t-test on each side of the bound.

    A look fails if the mean lies outside with error ``alpha``, and passes if it lies inside with
    error ``BETA``. Each error is shared evenly between the looks (Bonferroni). The first look that
    decides is final. ``values`` are of the seeds that converged, in seed order.
    """
    looks = max(most - FIRST_LOOK + 1, 1)
    outcome: Outcome = "undecided"
    for k in range(FIRST_LOOK, min(len(values), most) + 1):
        inside = _probability_inside(values[:k], bound)
        if inside <= alpha / looks or inside >= 1 - BETA / looks:
            outcome = "fail" if inside <= alpha / looks else "pass"
            values = values[:k]
            break
    return verdict_on(bound, outcome, values, _t_test_words(values, bound, looks))


def _t_test_words(values: Sequence[float], bound: Bound, looks: int) -> str:
    n = len(values)
    if n < FIRST_LOOK:
        return f"n={n}; bound {bound.words}; no reference, so a t-test needs {FIRST_LOOK} seeds"
    mean, sd = shown(bound.metric, fmean(values)), shown(bound.metric, stdev(values))
    inside = _probability_inside(values, bound)
    return f"{mean} ± {sd} (n={n}); bound {bound.words}; t-test, one of {looks} looks: {inside:.4f}"


def _probability_inside(values: Sequence[float], bound: Bound) -> float:
    """Return one minus the p-value that the mean lies outside the nearer end: 1 is well within."""
    distance, error = bound.margin(fmean(values)), stdev(values) / math.sqrt(len(values))
    if error == 0 or math.isinf(distance):
        return 1.0 if distance >= 0 else 0.0
    return float(scipy.stats.t.cdf(distance / error, len(values) - 1))


def judge_best(
    curves: Sequence[Values],
    bound: Bound,
    *,
    metric: str,
    target: float,
    least: int = 1,
    most: int = 6,
    alpha: float = 0.01,
) -> Verdict:
    """Judge by the sequential test whether the target is reached by the bound's epoch.

    This needs far fewer seeds than counting epochs: the distance of a seed from the target says
    more than whether the seed reached it. ``curves`` has the metric after each epoch, a fraction
    as the target is, one curve for each seed. The bound on the number of epochs has the reference
    of the best value by then. The last three arguments are those of ``judge``.
    """
    epoch, floor = int(bound.limits[0]), floor_by(bound, metric, target)
    values = [best_by(curve, epoch) for curve in curves]
    verdict = judge(values, floor, least=least, most=most, alpha=alpha)
    return replace(
        verdict,
        metric=bound.metric,
        against=f"{bound.words} epochs to {floor.words}",
        reason=f"best {name(metric)} by epoch {epoch}: {verdict.reason}",
    )


def floor_by(bound: Bound, metric: str, target: float) -> Bound:
    """Turn a bound on epochs to a target into a floor for the best value by that epoch."""
    return replace(bound, metric=metric, at_most=None, at_least=target)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A band with a reference for each epoch of a training metric.

    It shows a changed training path after the first epochs.
    """

    metric: str
    """A name such as ``training_loss_by_epoch``."""
    epochs: tuple[Bound, ...]

    def plans(self, *, alpha: float, least: int, most: int) -> list[tuple[Plan, ...]]:
        """Return the two sides of every epoch's band, all of them sharing ``alpha``."""
        each = alpha / len(self.epochs)
        return [plans(bound, alpha=each, least=least, most=most) for bound in self.epochs]

    def limits(self, *, alpha: float) -> tuple[tuple[float, float], ...]:
        """Return for each epoch the values between which one seed alone does not fail."""
        sides = self.plans(alpha=alpha, least=1, most=2)
        return tuple((low.first_fails_at, -high.first_fails_at) for low, high in sides)


WORST_FIRST: tuple[Outcome, ...] = ("fail", "undecided", "pass")


def judge_curve(
    seeds: Sequence[Values], curve: Curve, *, least: int = 1, most: int = 6, alpha: float = 0.01
) -> Verdict:
    """Judge every epoch by the sequential test: it passes if all pass, and fails if one fails.

    The verdict names the first epoch that failed, else the one nearest to failing. Epochs that no
    seed reached are left out: a trial that stops at its target has fewer. Those beyond ``curve`` do
    not count. The last three arguments are those of ``judge``; all epochs share ``alpha``.
    """
    sides = curve.plans(alpha=alpha, least=least, most=most)
    reached = max((len(values) for values in seeds), default=0)
    ran = range(min(max(reached, 1), len(sides)))
    looks = [_judge_epoch(seeds, at, curve.epochs[at], sides[at]) for at in ran]

    def rank(at: int) -> tuple[int, float]:
        verdict, ratio = looks[at]
        return WORST_FIRST.index(verdict.outcome), at if verdict.outcome == "fail" else ratio

    worst = min(ran, key=rank)
    verdict, _ = looks[worst]
    reason = f"epoch {worst + 1} of {len(sides)}: {verdict.reason}"
    return replace(verdict, metric=curve.metric, reason=reason, epoch=worst + 1)


def _judge_epoch(
    seeds: Sequence[Values], at: int, bound: Bound, sides: Sequence[Plan]
) -> tuple[Verdict, float]:
    """Return the verdict on one epoch, and the ratio of the side nearest to failing."""
    values = [each[at] for each in seeds if len(each) > at]
    if not values:
        return verdict_on(bound, "undecided", values, "no seed came so far"), 0.0
    if outcome := _diverged(values, sides[0].most):
        reason = f"{priced(bound, sides)}{_divergence(values)}"
        return verdict_on(bound, outcome, values, reason), 0.0
    found, ratio = _sequential(values, bound, sides)
    # The reason counts the seeds that diverged at other epochs, too.
    reason = found.reason + _divergence([None if None in each else 0.0 for each in seeds])
    return replace(found, n=found.n + values.count(None), reason=reason), ratio


BAND = 5.0
"""Planned standard deviations to each side of a training metric's mean.

Training metrics scatter so little that a band this wide still shows a lag of a fraction of an
epoch, and one seed nearly always passes it. With 3, most cases would need a second seed, as each
epoch has two sides.
"""


def suggest(metric: str, values: Sequence[float], *, band: float | None = None) -> Bound:
    """Return a bound a few planned standard deviations from the mean of the reference seeds.

    Ends are rounded outward: to 0.1 points of an accuracy, and to 0.001 of a loss or finer, where
    that would widen a narrow bound by more than a tenth.

    Args:
        metric: gets a floor if higher is better, else a ceiling.
        values: one per reference seed, all of them; at least two differ.
        band: planned standard deviations to each side, if a change either way is to be caught;
            None makes a floor or a ceiling.
    """
    mean, sd, seeds = fmean(values), stdev(values), len(values)
    scatters = band or DELTA_MOST
    room = scatters * planning_sd(sd, seeds)
    fraction = is_accuracy(metric)
    places = 3 if fraction else max(3, 1 - math.floor(math.log10(room)))
    scale = float(10**places)
    low, high = math.floor((mean - room) * scale) / scale, math.ceil((mean + room) * scale) / scale
    if fraction:
        low, high = max(low, -1.0), min(high, 1.0)
    if not is_own(metric):
        low = max(low, 0.0)
    rising = known(metric).better == "higher"
    return Bound(
        metric=metric,
        at_least=low if rising and not band else None,
        at_most=None if rising or band else high,
        between=(low, high) if band else None,
        mean=mean,
        sd=sd,
        reference_seeds=seeds,
        reason=f"{scatters:g} scatters, at their upper limit, off the mean of {seeds} seeds",
    )
