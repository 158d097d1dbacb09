"""The learning curve as a baseline: a changed training path is seen after its first epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from fitting_room.judge.price import diverged_seeds, priced, weighed
from fitting_room.judge.sequential import Decision, Plan, decide_all, plans
from fitting_room.judge.verdict import Bound, Outcome, Verdict

Values = Sequence[float | None]
"""The metric of one seed after each epoch, from the first; None where the seed diverged."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A band with a reference for each epoch of a training metric."""

    metric: str
    """Such as ``training_loss_by_epoch``."""
    epochs: tuple[Bound, ...]

    @property
    def words(self) -> str:
        """The bands of the first and the last epoch: ``0.479–0.515 … 0.281–0.300``."""
        ends = (self.epochs[0], self.epochs[-1])[: len(self.epochs)]
        return " … ".join(bound.words for bound in ends)

    def plans(self, *, alpha: float, least: int, most: int) -> tuple[tuple[Plan, ...], ...]:
        """Return the two sides of every epoch's band, all of them sharing ``alpha``."""
        each = alpha / len(self.epochs)
        return tuple(plans(bound, alpha=each, least=least, most=most) for bound in self.epochs)

    def limits(self, *, alpha: float) -> tuple[tuple[float, float], ...]:
        """Return for each epoch the values between which one seed alone does not fail."""
        sides = self.plans(alpha=alpha, least=1, most=2)
        return tuple((low.fails_at, -high.fails_at) for low, high in sides)


def judge_curve(
    seeds: Sequence[Values], curve: Curve, *, least: int = 1, most: int = 6, alpha: float = 0.01
) -> Verdict:
    """Judge every epoch by the sequential test: one failure fails, a pass needs them all.

    Args:
        seeds: in seed order; epochs beyond those of ``curve`` do not count.
        curve: the bands.
        least: seeds below which nothing passes or fails.
        most: seeds after which no more will come.
        alpha: chance that unchanged code fails, over all epochs.
    """
    sides = curve.plans(alpha=alpha, least=least, most=most)
    looks = [_look(seeds, epoch, sides[epoch]) for epoch in range(len(curve.epochs))]
    at, outcome = _deciding(looks, reached=max((len(values) for values in seeds), default=0))
    decided = looks[at]
    bound = curve.epochs[at]
    evidence = "no seed came so far"
    if decided.values:
        evidence = weighed(decided.values[: decided.seeds], bound, sides[at], decided.decisions)
        # A seed that diverged at another epoch counts too.
        evidence += diverged_seeds(sum(None in values for values in seeds), of=len(seeds))
    elif seeds:
        evidence = f"every seed diverged; {priced(bound, sides[at])}"
    return Verdict(
        metric=curve.metric,
        outcome=outcome,
        estimate=fmean(decided.values[: decided.seeds]) if decided.values else None,
        n=decided.seeds + decided.diverged,
        against=bound.words,
        reason=f"epoch {at + 1} of {len(curve.epochs)}: {evidence}",
        epoch=at + 1,
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The state of one epoch."""

    outcome: Outcome
    seeds: int
    diverged: int
    values: Sequence[float]
    decisions: tuple[Decision, ...] = ()

    @property
    def weakest(self) -> float:
        """Ratio of the side that is nearest to failing."""
        return min((decision.ratio for decision in self.decisions), default=0.0)


def _look(seeds: Sequence[Values], epoch: int, sides: tuple[Plan, ...]) -> _Look:
    ran = [values[epoch] for values in seeds if len(values) > epoch]
    values = [value for value in ran if value is not None]
    diverged = len(ran) - len(values)
    if diverged >= 2 or not values:
        outcome: Outcome = "fail" if diverged >= 2 or diverged == sides[0].most else "undecided"
        return _Look(outcome=outcome, seeds=len(values), diverged=diverged, values=values)
    outcome, used, decisions = decide_all(values, sides, diverged=diverged)
    return _Look(outcome=outcome, seeds=used, diverged=diverged, values=values, decisions=decisions)


def _deciding(looks: Sequence[_Look], *, reached: int) -> tuple[int, Outcome]:
    """Return the epoch to report, from 0, and the outcome of all epochs that some seed reached.

    The epoch is the first that failed, else the one nearest to failing. Epochs that no seed
    reached are left out: a trial that stops at its target has fewer.
    """
    ran = range(min(max(reached, 1), len(looks)))
    failed = [at for at in ran if looks[at].outcome == "fail"]
    if failed:
        return failed[0], "fail"
    open_ones = [at for at in ran if looks[at].outcome == "undecided"]
    at = min(open_ones or ran, key=lambda epoch: looks[epoch].weakest)
    return at, "undecided" if open_ones else "pass"
