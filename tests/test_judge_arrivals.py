"""Epochs to a target on two sides: as soon as before, or not to be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparisons import arrivals

from bench.harness.judge.change import Change
from bench.harness.judge.changes import judge_changes
from bench.harness.judge.samples import Arrivals, Question


def seeds(*epochs: int | None) -> Arrivals:
    """Return seeds that were watched for ten epochs."""
    return Arrivals(epochs=epochs, watched=(10,) * len(epochs))


BASE = seeds(5, 6, 5, 5, 6, 5, 5, 6, 5, 5)


def compared(head: Arrivals, base: Arrivals = BASE) -> Change:
    """Return what became of the only question of a comparison."""
    (found,) = judge_changes([Question(metric="epochs_to_target", base=base, head=head)])
    return found


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        ((5, 5, 6, 5, 5), "same"),
        ((8, 9, 9, 8, None), "regression"),
        ((2, 2, 3, 2, 2), "improvement"),
    ],
)
def test_arrival_is_judged_with_those_that_never_came(
    head: tuple[int | None, ...], outcome: str
) -> None:
    """Later by three epochs, one of them never, is worse; all at once is no warning."""
    other = seeds(*head)
    for side in (other, BASE):
        assert compared(side).outcome == (outcome if side is other else "same")


def test_two_seeds_are_no_surer_than_their_order() -> None:
    """Of the 66 pairs of twelve seeds the two latest are one: the p-value is that, and no alarm."""
    found = compared(seeds(9, 9))
    assert (found.outcome, found.seeds) == ("same", (10, 2))
    assert f"p = {1 / math.comb(12, 2):.2g}" in found.evidence


@pytest.mark.parametrize(("base", "head"), [(BASE, seeds(9)), (seeds(5), BASE)])
def test_one_seed_decides_nothing(base: Arrivals, head: Arrivals) -> None:
    """Of either side: the verdict stays open, and says what it takes."""
    found = compared(head, base)
    assert (found.outcome, found.evidence.endswith("each side needs 2 seeds")) == (
        "undecided",
        True,
    )


def test_seeds_that_all_arrive_at_once_are_the_same() -> None:
    """Where nothing varies there is no statistic, no warning and no alarm."""
    assert compared(seeds(5, 5), seeds(5, 5, 5)).outcome == "same"


def test_one_seed_beside_itself_is_the_same() -> None:
    """What a folder says of itself is no open question."""
    assert compared(seeds(5), seeds(5)).outcome == "same"


def test_the_family_s_error_is_held() -> None:
    """Seeds of one code come as soon as each other but for 1 % of comparisons, however few."""
    generator, alpha, runs = np.random.default_rng(3), 0.01, 150
    wrong = 0
    for _ in range(runs):
        sides = [
            (arrivals(generator, m), arrivals(generator, n)) for m in (20, 6) for n in (6, 2, 1)
        ]
        family = [Question(metric="epochs_to_target", base=b, head=h) for b, h in sides]
        outcomes = {change.outcome for change in judge_changes(family, alpha=alpha)}
        wrong += bool(outcomes & {"regression", "improvement"})
    assert wrong / runs < alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)
