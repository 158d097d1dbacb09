"""The bound that a reference suggests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev

from fitting_room.format import is_accuracy
from fitting_room.judge.curve import Curve
from fitting_room.judge.sequential import DELTA_MOST, planning_sd
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import is_own, known

BAND = 5.0
"""Scatters to each side of a training metric's mean.

It is so quiet that a band this wide still sees a fraction of an epoch, and one seed nearly always
passes it: at 3 scatters the two sides of every epoch would ask for a second seed of most cases.
"""


def suggest(metric: str, values: Sequence[float], *, both_sides: bool, band: float = BAND) -> Bound:
    """Return a bound some planned scatters from the mean of the reference seeds.

    Ends are rounded outward: to 0.1 points of an accuracy, and to 0.001 of a loss or finer, where
    that would widen a narrow bound by more than a tenth.

    Args:
        metric: one of which more is better gets a floor, any other a ceiling.
        values: of all reference seeds, at least two that differ.
        both_sides: a band instead, for metrics in which a surprise is a change either way.
        band: scatters to each side of it.
    """
    mean, sd, seeds = fmean(values), stdev(values), len(values)
    scatters = band if both_sides else DELTA_MOST
    room = scatters * planning_sd(sd, seeds)
    higher_is_better, fraction = known(metric).better == "higher", is_accuracy(metric)
    places = 3 if fraction else max(3, 1 - math.floor(math.log10(room)))
    low, high = _rounded(mean - room, math.floor, places), _rounded(mean + room, math.ceil, places)
    if fraction:
        high = min(high, 1.0)
    if not is_own(metric):
        low = max(low, 0.0)
    return Bound(
        metric=metric,
        at_least=low if higher_is_better and not both_sides else None,
        at_most=None if higher_is_better or both_sides else high,
        between=(low, high) if both_sides else None,
        mean=mean,
        sd=sd,
        reference_seeds=seeds,
        reason=f"{scatters:g} scatters, at their upper limit, off the mean of {seeds} seeds",
    )


def _rounded(value: float, outward: Callable[[float], int], places: int) -> float:
    scale = float(10**places)
    return outward(value * scale) / scale


def suggest_curve(metric: str, behind: str, seeds: Sequence[Sequence[float]]) -> Curve:
    """Return a band for each epoch that all seeds came to.

    Args:
        metric: name of the curve.
        behind: the metric that it shows after each epoch.
        seeds: one curve per reference seed; those that stopped at a target are shorter.
    """
    epochs = zip(*seeds)  # noqa: B905 - as far as the shortest goes
    bounds = tuple(suggest(behind, values, both_sides=True) for values in epochs)
    return Curve(metric=metric, epochs=bounds)
