"""The sequential test, its guards, and the line that it prints."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pytest
from scipy.stats import chi2, norm, ttest_1samp

from fitting_room.judge.change import holm
from fitting_room.judge.price import in_brief, price, run
from fitting_room.judge.quality import judge
from fitting_room.judge.sequential import Plan, decide, planning_sd, plans, scatter_changed, share
from fitting_room.judge.verdict import Bound

PLAN = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=1e-4)
FLOOR = Bound(
    metric="test_accuracy", at_least=0.89, mean=0.905, sd=0.004, reference_seeds=20, reason="x"
)
CEILING = Bound(
    metric="test_loss", at_most=0.3, mean=0.27, sd=0.008, reference_seeds=20, reason="x"
)
BAND = Bound(
    metric="training_loss",
    between=(0.17, 0.2),
    mean=0.185,
    sd=0.004,
    reference_seeds=20,
    reason="x",
)


@pytest.mark.parametrize(("seeds", "factor"), [(20, 1.28), (10, 1.47)])
def test_the_scatter_is_planned_at_its_upper_limit(seeds: int, factor: float) -> None:
    """The published factors over the standard deviation come out."""
    assert planning_sd(1.0, seeds) == pytest.approx(factor, abs=0.005)


def test_a_step_is_the_log_ratio_of_two_normal_densities() -> None:
    """What a seed adds is scipy's log density of good code less that of bad code."""
    (plan,) = plans(FLOOR, alpha=0.01, least=1, most=6)
    good = norm.logpdf(0.896, 0.89 + plan.delta * plan.sigma, plan.sigma)
    bad = norm.logpdf(0.896, 0.89, plan.sigma)
    assert plan.step(0.896) == pytest.approx(good - bad)


def test_the_limits_are_those_of_wald() -> None:
    """At error 5 % each way the limits are plus and minus the logarithm of 19."""
    plan = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=0.05)
    assert (plan.pass_at, plan.fail_at) == pytest.approx((math.log(19), -math.log(19)))


def test_a_bound_far_off_is_tested_as_if_it_were_three_scatters_away() -> None:
    """Delta is capped, and equals the gap where that is smaller."""
    far = Plan(sign=1, floor=0.0, mean=9.0, sigma=1.0, alpha=0.01)
    near = Plan(sign=1, floor=0.0, mean=1.2, sigma=1.0, alpha=0.01)
    assert (far.delta, near.delta) == (3.0, 1.2)


@pytest.mark.parametrize(
    ("values", "outcome", "seeds"),
    [
        ([3.0], "pass", 1),
        ([1.5], "undecided", 1),
        ([-2.0], "fail", 1),
        ([1.5, 3.0], "pass", 2),
        ([3.0, -9.0], "pass", 1),
        ([1.5] * 5 + [1.6], "pass", 6),
        ([1.5] * 5 + [1.4], "fail", 6),
    ],
)
def test_the_first_limit_crossed_decides_and_the_sign_at_the_last_seed(
    values: Sequence[float], outcome: str, seeds: int
) -> None:
    """Later seeds do not change a verdict, and the sixth leaves none open."""
    decision = decide(values, PLAN)
    assert (decision.outcome, decision.seeds) == (outcome, seeds)


def test_nothing_is_decided_below_the_least_number_of_seeds() -> None:
    """However clear the first seed, two are asked for."""
    careful = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=1e-4, least=2)
    assert decide([9.0], careful).outcome == "undecided"
    assert decide([-9.0], careful).outcome == "undecided"
    assert decide([3.0, 3.5], careful).seeds == 2


@pytest.mark.parametrize("difference", [4.64, 4.67])
def test_changed_scatter_is_told_by_chi_squared(difference: float) -> None:
    """Two values whose difference no unchanged scatter gives in 99.9 % of cases raise the guard."""
    surprising = difference**2 / 2 > chi2.ppf(0.999, 1)
    assert scatter_changed([0.0, difference], 1.0) == surprising


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([1.4, 7.0], "undecided"),
        ([1.4, 7.0, 6.0, 5.0, 6.0, 7.0], "pass"),
        ([1.4, 7.0, -4.0, 1.0, -1.0, 2.0], "undecided"),
        ([1.4, -7.0, -4.0, 1.0, -1.0, 2.0], "fail"),
    ],
)
def test_changed_scatter_waits_for_all_seeds_and_a_t_test(
    values: Sequence[float], outcome: str
) -> None:
    """It passes only what scipy's t-test shows above the bound, and fails what lies below."""
    careful = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=1e-4, least=2)
    decision = decide(values, careful)
    assert decision.scatter_changed and decision.outcome == outcome
    if len(values) == 6:
        shown = ttest_1samp(values, 0.0, alternative="greater").pvalue <= BETA
        assert (decision.outcome == "pass") == shown


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [(FLOOR, 0.906, 0.87), (CEILING, 0.268, 0.34), (BAND, 0.185, 0.24), (BAND, 0.185, 0.13)],
)
def test_each_kind_of_bound_passes_good_seeds_and_fails_bad_ones(
    bound: Bound, good: float, bad: float
) -> None:
    """Floors, ceilings and both ends of bands turn the right way."""
    assert judge([good, good], bound).outcome == "pass"
    assert judge([bad], bound).outcome == "fail"


def test_one_diverged_seed_is_shown_and_shortens_the_test() -> None:
    """It counts towards the seed limit, so that the sign decides one converged seed earlier."""
    verdict = judge([None, 0.8965], FLOOR, most=2)
    assert verdict.outcome != "undecided"
    assert "1 of 2 seeds diverged" in verdict.reason
    assert judge([0.906, None, 0.906, None], FLOOR).outcome == "fail"


def test_the_verdict_rests_on_the_seeds_up_to_the_decision() -> None:
    """Seeds that another metric asked for do not move the value."""
    assert judge([0.906, 0.9, 0.89], FLOOR).estimate == 0.906


def test_the_evidence_is_one_line_with_all_its_numbers() -> None:
    """Value, n, bound, ratio and limits, false alarms, and the smallest loss caught."""
    evidence = judge([0.906], FLOOR, alpha=1e-4).reason
    parts = ["90.60 % (n=1)", "bound ≥ 89.0 %", "log-likelihood ratio +", "pass from +3.0"]
    parts += ["fail to -9.2", "unchanged code fails", "is caught with 80 % power"]
    assert all(part in evidence for part in parts)
    assert "\n" not in evidence


def test_evidence_in_brief_keeps_every_number() -> None:
    """A line that fits where each verdict has one, of a floor as of a band."""
    for values, bound in (([0.906], FLOOR), ([0.185], BAND)):
        evidence = judge(values, bound, alpha=1e-4).reason
        brief = in_brief(evidence)
        numbers = re.findall(r"\d[\d.]*", evidence.removesuffix("is caught with 80 % power"))
        assert re.findall(r"\d[\d.]*", brief) == numbers
        assert len(brief) < 110 < len(evidence)


def test_with_one_seed_the_price_is_that_of_a_normal_tail() -> None:
    """A test cut to one seed fails where the seed lies below half of delta."""
    single = Plan(sign=1, floor=0.0, mean=3.0, sigma=2.0, alpha=1e-4, most=1)
    assert run(single, 0.4).fails == pytest.approx(norm.cdf(0.75 - 0.4))
    caught = price([single]).catches / single.sigma
    assert norm.cdf(0.75 - (single.gap - caught)) == pytest.approx(0.80, abs=1e-3)


def test_a_loss_has_the_price_of_the_accuracy_it_mirrors() -> None:
    """Turning the sign of everything changes no price."""
    up = Bound(metric="x", at_least=1.0, mean=2.0, sd=0.3, reference_seeds=9, reason="x")
    down = Bound(metric="x", at_most=2.0, mean=1.0, sd=0.3, reference_seeds=9, reason="x")
    prices = [price(plans(bound, alpha=0.01, least=1, most=6)) for bound in (up, down)]
    assert prices[0].catches == pytest.approx(prices[1].catches)
    assert prices[0].false_alarm == pytest.approx(prices[1].false_alarm)


def test_a_bound_without_a_reference_cannot_be_planned() -> None:
    """There is no scatter to plan with."""
    with pytest.raises(ValueError, match="no reference"):
        plans(Bound(metric="x", at_least=1.0, reason="x"), alpha=0.01, least=1, most=6)


def test_holm_adjusts_step_by_step() -> None:
    """Four p-values by hand, in the order given, none above 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_the_error_of_a_run_is_shared_among_its_assertions() -> None:
    """A hundred assertions get a hundredth of 1 % each."""
    assert share(100) == pytest.approx(1e-4)
    with pytest.raises(ValueError, match="at least one"):
        share(0)
