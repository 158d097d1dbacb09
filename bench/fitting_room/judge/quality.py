"""The one place that decides whether the seeds of a case meet a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

import scipy

from fitting_room.format import shown, shown_difference
from fitting_room.judge.censored import best_by
from fitting_room.judge.price import diverged_seeds, weighed
from fitting_room.judge.sequential import BETA, decide_all, plans
from fitting_room.judge.verdict import Bound, Outcome, Verdict, verdict_on

EPOCHS = "epochs_to_target"


def judge(
    values: Sequence[float | None],
    bound: Bound,
    *,
    least: int = 1,
    most: int = 6,
    alpha: float = 0.01,
    coarse: bool = False,
) -> Verdict:
    """Judge one metric of one case.

    Add the next seed and ask again while the outcome is ``undecided`` and fewer than ``most``
    seeds ran. A bound with a reference is judged by the sequential test; one without, by t-tests
    from the fifth seed on, for before that nothing is known of the scatter.

    Args:
        values: one per seed, in seed order 0, 1, 2, …; None or NaN is a seed that diverged or,
            for epochs to target, one that never reached it.
        bound: what they must satisfy.
        least: seeds below which nothing passes or fails.
        most: seeds after which no more will come.
        alpha: chance that unchanged code fails this one assertion; see ``family.share``.
        coarse: take the mean of the seeds at its word; for bounds far off, as on the sample.
    """
    ran = [None if value is None or math.isnan(value) else float(value) for value in values]
    if not ran:
        return verdict_on(bound, "undecided", ran, f"no seed ran; bound {bound.words}")
    if bound.exactly is not None:
        return _exactly(ran, bound)
    if bound.metric == EPOCHS:
        return _each_seed(ran, bound, least=least, most=most)
    diverged = ran.count(None)
    if diverged >= 2 or diverged == len(ran):
        return _diverged(ran, bound, most=most)
    if bound.has_reference:
        return _sequential(ran, bound, least=least, most=most, alpha=alpha)
    if coarse:
        return _mean_of_seeds(ran, bound, least=least, most=most)
    return _without_reference(ran, bound, most=most, alpha=alpha)


def _exactly(values: Sequence[float | None], bound: Bound) -> Verdict:
    different = sorted({value for value in values if value is not None and value != bound.exactly})
    if different:
        counts = ", ".join(shown(bound.metric, value) for value in different)
        off = shown_difference(bound.metric, different[0] - bound.limits[0])
        return verdict_on(
            bound, "fail", values, f"counted {counts}; bound {bound.words}; off {off}"
        )
    if None in values:
        missing = f"not counted for {values.count(None)} of {len(values)} seeds"
        return verdict_on(bound, "fail", values, f"{missing}; bound {bound.words}")
    return verdict_on(bound, "pass", values, f"counted {bound.words} (n={len(values)})")


def _each_seed(values: Sequence[float | None], bound: Bound, *, least: int, most: int) -> Verdict:
    """Ask each seed whether its best value by the bound's epoch met the target.

    One seed that misses is tolerated once two others did not; two are a failure.
    """
    n = len(values)
    epochs = [math.inf if value is None else value for value in values]
    misses = sum(not bound.met_by(epoch) for epoch in epochs)
    outcome: Outcome = "undecided"
    if misses >= 2 or (misses == n and n >= most):
        outcome = "fail"
    elif n >= min(least, most) and (misses == 0 or n >= 3):
        outcome = "pass"
    each = ", ".join("never" if value is None else shown(EPOCHS, value) for value in values)
    reached = f"reached {n - values.count(None)}/{n}, at epoch {each}"
    within = f"{n - misses} of {n} within bound {bound.words}"
    return verdict_on(bound, outcome, values, f"{reached}; {within}")


def _diverged(values: Sequence[float | None], bound: Bound, *, most: int) -> Verdict:
    """One seed that diverged may be bad luck while others can still come; two are not."""
    diverged = values.count(None)
    outcome: Outcome = "fail" if diverged >= 2 or len(values) >= most else "undecided"
    return verdict_on(bound, outcome, values, f"bound {bound.words}{_trouble(values)}")


def _trouble(values: Sequence[float | None]) -> str:
    return diverged_seeds(values.count(None), of=len(values))


def _without_reference(
    values: Sequence[float | None], bound: Bound, *, most: int, alpha: float
) -> Verdict:
    numbers = [value for value in values if value is not None]
    verdict = judge_without_reference(numbers, bound, most=most, alpha=alpha)
    n = verdict.n + len(values) - len(numbers)
    return replace(verdict, n=n, reason=verdict.reason + _trouble(values))


def _mean_of_seeds(
    values: Sequence[float | None], bound: Bound, *, least: int, most: int
) -> Verdict:
    """Hold the mean of the seeds that ran against the bound."""
    numbers = [value for value in values if value is not None]
    mean = fmean(numbers)
    outcome: Outcome = "pass" if bound.met_by(mean) else "fail"
    if len(values) < min(least, most):
        outcome = "undecided"
    margin = shown_difference(bound.metric, bound.margin(mean))
    value = f"{shown(bound.metric, mean)} (n={len(numbers)})"
    evidence = f"{value}; bound {bound.words}; margin {margin}{_trouble(values)}"
    return verdict_on(bound, outcome, values, evidence)


def _sequential(
    values: Sequence[float | None], bound: Bound, *, least: int, most: int, alpha: float
) -> Verdict:
    """Weigh the seeds in order and rest on those up to the first limit that was crossed."""
    sides = plans(bound, alpha=alpha, least=least, most=most)
    numbers = [value for value in values if value is not None]
    diverged = len(values) - len(numbers)
    outcome, seeds, decisions = decide_all(numbers, sides, diverged=diverged)
    rests_on = [*numbers[:seeds], *[None] * diverged]
    evidence = weighed(numbers[:seeds], bound, sides, decisions) + _trouble(values)
    return verdict_on(bound, outcome, rests_on, evidence)


FIRST_LOOK = 5  # with fewer seeds a t-test knows next to nothing of the scatter


def judge_without_reference(
    values: Sequence[float], bound: Bound, *, most: int = 10, alpha: float = 0.01
) -> Verdict:
    """Look after 5, 6, … ``most`` seeds with a one-sample t-test on each side of the bound.

    A look fails where the mean lies outside with error ``alpha`` and passes where it lies inside
    with error ``BETA``, each shared evenly between the looks (Bonferroni); the first look that
    decides stands.

    Args:
        values: of the seeds that converged, in seed order.
        bound: of any kind but ``exactly``.
        most: seeds after which no more will come.
        alpha: chance that code whose mean sits at the bound fails.
    """
    looks = max(most - FIRST_LOOK + 1, 1)
    for k in range(FIRST_LOOK, min(len(values), most) + 1):
        outcome = _look(values[:k], bound, fail_at=alpha / looks, pass_at=BETA / looks)
        if outcome != "undecided":
            return verdict_on(bound, outcome, values[:k], _evidence(values[:k], bound, looks))
    return verdict_on(bound, "undecided", values, _evidence(values, bound, looks))


def _look(values: Sequence[float], bound: Bound, *, fail_at: float, pass_at: float) -> Outcome:
    inside = _inside(values, bound)
    if inside <= fail_at:
        return "fail"
    return "pass" if inside >= 1 - pass_at else "undecided"


def _inside(values: Sequence[float], bound: Bound) -> float:
    """Return the t distribution's probability of the nearer side's distance: 1 is well within."""
    mean, error = fmean(values), stdev(values) / math.sqrt(len(values))
    distances = (mean - bound.lowest, bound.highest - mean)
    return min(_chance(distance, error, len(values) - 1) for distance in distances)


def _chance(distance: float, error: float, degrees: int) -> float:
    if error == 0 or math.isinf(distance):
        return 1.0 if distance >= 0 else 0.0
    return float(scipy.stats.t.cdf(distance / error, degrees))


def _evidence(values: Sequence[float], bound: Bound, looks: int) -> str:
    n = len(values)
    if n < FIRST_LOOK:
        return f"n={n}; bound {bound.words}; no reference, so a t-test needs {FIRST_LOOK} seeds"
    mean, sd = shown(bound.metric, fmean(values)), shown(bound.metric, stdev(values))
    inside = _inside(values, bound)
    return f"{mean} ± {sd} (n={n}); bound {bound.words}; t-test, one of {looks} looks: {inside:.4f}"


def judge_best(
    curves: Sequence[Sequence[float | None]],
    bound: Bound,
    *,
    metric: str,
    target: float,
    least: int = 1,
    most: int = 6,
    alpha: float = 0.01,
) -> Verdict:
    """Judge by the sequential test whether the target is reached by the bound's epoch.

    This needs far fewer seeds than counting epochs: how far a seed is from the target by then
    says more than whether it reached it.

    Args:
        curves: one per seed, in seed order: the metric after each epoch.
        bound: on the number of epochs, with the reference of the best value by then.
        metric: that has the target, an accuracy.
        target: as a fraction.
        least: seeds below which nothing passes or fails.
        most: seeds after which no more will come.
        alpha: chance that unchanged code fails this one assertion.
    """
    epoch = int(bound.limits[0])
    floor = replace(bound, metric=metric, at_most=None, at_least=target)
    values = [best_by(curve, epoch) for curve in curves]
    verdict = judge(values, floor, least=least, most=most, alpha=alpha)
    return replace(
        verdict,
        metric=bound.metric,
        against=f"{bound.words} epochs to {floor.words}",
        reason=f"best {metric.replace('_', ' ')} by epoch {epoch}: {verdict.reason}",
    )
