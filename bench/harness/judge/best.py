"""Epochs to a target, gated by its sharper twin: is the best value by that epoch good enough?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.harness.judge.bound import Bound
from bench.harness.judge.censored import best_by
from bench.harness.judge.quality import judge
from bench.harness.judge.verdict import Verdict


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

    The question is that of counting epochs, and takes far fewer seeds: how much better or worse
    than the target a seed was by then says more than whether it was there.

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
        bound=f"{bound.words} epochs to {floor.words}",
        evidence=f"best {metric.replace('_', ' ')} by epoch {epoch}: {verdict.evidence}",
    )
