"""The learning curve: every epoch within its band, or the first that is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fitting_room.judge.price import setback
from fitting_room.judge.quality import Curve, judge_curve
from fitting_room.judge.verdict import Bound

MEANS = (0.5, 0.4, 0.35)
SD = 0.002


def band(mean: float) -> Bound:
    """Return a band three planned scatters wide to each side, from 20 seeds."""
    return Bound(
        metric="training_loss",
        between=(mean - 0.0077, mean + 0.0077),
        mean=mean,
        sd=SD,
        reference_seeds=20,
        reason="a reference",
    )


CURVE = Curve(metric="training_loss_by_epoch", epochs=tuple(band(mean) for mean in MEANS))


@pytest.mark.parametrize(
    ("seeds", "outcome"),
    [
        ([MEANS], "pass"),
        ([(0.5, 0.4, 0.39)], "fail"),
        ([(0.46, 0.4, 0.35)], "fail"),
        ([(2.3,)], "fail"),
        ([MEANS[:2]], "pass"),
        ([], "undecided"),
        ([(None,)], "undecided"),
        ([(None,), (None,)], "fail"),
        ([(None,), MEANS], "pass"),
        ([(0.5, 0.4071, 0.35)], "undecided"),
    ],
)
def test_every_epoch_must_stay_in_its_band(
    seeds: Sequence[Sequence[float | None]], outcome: str
) -> None:
    """To either side; epochs that no seed came to do not count, and one diverged seed may be."""
    assert judge_curve(seeds, CURVE).outcome == outcome


def test_the_first_epoch_that_failed_is_told() -> None:
    """With its value, its band and the ratio that decided."""
    verdict = judge_curve([(0.5, 0.43, 0.39)], CURVE)
    assert verdict.reason.startswith("epoch 2 of 3: 0.4300 (n=1); bound 0.3923–0.4077;")
    assert verdict.epoch == 2


@pytest.mark.parametrize("lost", [(None,), (0.5, None), (0.5, 0.4, None)])
def test_one_diverged_seed_is_shown(lost: Sequence[float | None]) -> None:
    """Whichever epoch is told of, and whenever the seed was lost."""
    verdict = judge_curve([lost, MEANS], CURVE)
    assert (verdict.outcome, "1 of 2 seeds diverged" in verdict.reason) == ("pass", True)


def test_limits_are_where_one_seed_alone_fails() -> None:
    """Just beyond them the first seed fails its epoch, and just within it does not."""
    for epoch, (low, high) in enumerate(CURVE.limits(alpha=0.001)):
        for edge, beyond in ((low, -1e-9), (high, 1e-9)):
            seed = [*MEANS[:epoch], edge + beyond]
            within = [*MEANS[:epoch], edge - beyond]
            assert judge_curve([seed], CURVE, alpha=0.001).outcome == "fail"
            assert judge_curve([within], CURVE, alpha=0.001).outcome != "fail"


def test_unchanged_training_hardly_ever_fails() -> None:
    """Over 2,000 runs of independent epochs fewer than one in a hundred is a false alarm."""
    generator = np.random.default_rng(7)
    runs = generator.normal(MEANS, SD, size=(2000, 6, 3)).tolist()
    failed = sum(judge_curve(run, CURVE, alpha=0.01).outcome == "fail" for run in runs)
    assert failed < 20


@pytest.mark.parametrize(
    ("means", "epoch", "expected"),
    [
        ([0.5, 0.4, 0.35], 3, 0.2),
        ([0.5, 0.4, 0.35], 1, 0.1),
        ([0.80, 0.85, 0.84], 3, float("inf")),
        ([0.5], 1, float("inf")),
        ([0.5, 0.5], 2, float("inf")),
    ],
)
def test_setback_is_counted_in_epochs(means: Sequence[float], epoch: int, expected: float) -> None:
    """The change caught, over what the metric still moves in an epoch."""
    assert setback(0.01, means, epoch) == pytest.approx(expected)
