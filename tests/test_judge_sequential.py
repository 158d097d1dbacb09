"""The sequential test, its guards, the line that it prints, and how often it errs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from records import make_band
from scipy.stats import binom, chi2, norm, ttest_1samp

from fitting_room.judge.change import holm
from fitting_room.judge.quality import judge, suggest
from fitting_room.judge.sequential import (
    BETA,
    Plan,
    decide,
    decide_all,
    in_brief,
    planning_sd,
    plans,
    price,
    run,
    scatter_changed,
    share,
)
from fitting_room.judge.verdict import Bound

PLAN = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=1e-4)
FLOOR = Bound(
    metric="test_accuracy", at_least=0.89, mean=0.905, sd=0.004, reference_seeds=20, reason="x"
)
CEILING = Bound(
    metric="test_loss", at_most=0.3, mean=0.27, sd=0.008, reference_seeds=20, reason="x"
)
BAND = make_band(0.185, 0.015, sd=0.004)


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


RUNS = 20_000
ALPHA = 1e-4  # one hundred assertions share 1 %
SURE = 1e-4  # chance that a right test fails on its own Monte-Carlo error
SEED = 20_250_101

FAST = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=ALPHA, least=1)
CAREFUL = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=ALPHA, least=2)


def normal(mean: float, sd: float = 1.0) -> np.ndarray:
    """Draw the values of six seeds for every run, shape (RUNS, 6)."""
    return mean + sd * np.random.default_rng(SEED).standard_normal((RUNS, 6))


def simulate(draws: np.ndarray, plan: Plan) -> tuple[Counter[str], float]:
    """Return how many runs ended how, and the mean number of seeds they took."""
    decisions = [decide(row, plan) for row in draws.tolist()]
    return Counter(d.outcome for d in decisions), float(np.mean([d.seeds for d in decisions]))


def most_expected(rate: float) -> int:
    """Return the count that a rate exceeds in RUNS only by Monte-Carlo error."""
    return int(binom.ppf(1 - SURE, RUNS, rate))


def fewest_expected(rate: float) -> int:
    """Return the count that a rate falls short of only by Monte-Carlo error."""
    return int(binom.ppf(SURE, RUNS, rate))


@pytest.mark.parametrize(("plan", "seeds"), [(FAST, 1.4), (CAREFUL, 2.1)], ids=["one", "two"])
def test_unchanged_code_hardly_ever_fails_and_needs_few_seeds(plan: Plan, seeds: float) -> None:
    """One assertion fails unchanged code once in ten thousand runs, after 1.4 or 2.1 seeds."""
    outcomes, mean_seeds = simulate(normal(3.0), plan)
    assert outcomes["fail"] <= most_expected(1e-4)
    assert mean_seeds == pytest.approx(seeds, abs=0.03)


@pytest.mark.parametrize(("plan", "rate"), [(FAST, 0.0083), (CAREFUL, 0.003)], ids=["one", "two"])
def test_code_at_the_bound_hardly_ever_passes(plan: Plan, rate: float) -> None:
    """Code whose mean sits at the bound passes 0.3 % of runs from two seeds, 0.8 % from one."""
    outcomes, _ = simulate(normal(0.0), plan)
    assert outcomes["pass"] <= most_expected(rate)


@pytest.mark.parametrize("plan", [FAST, CAREFUL], ids=["one", "two"])
def test_the_loss_that_the_price_names_is_caught_with_its_power(plan: Plan) -> None:
    """A mean lower by what the price says fails in 80 % of runs; the guard may open 0.5 %."""
    outcomes, _ = simulate(normal(3.0 - price([plan]).catches), plan)
    assert fewest_expected(0.795) <= outcomes["fail"] <= most_expected(0.805)


@pytest.mark.parametrize("seeds", [10, 20])
def test_a_calibrated_bound_keeps_its_promise_over_references_too(seeds: int) -> None:
    """With mean and scatter of the reference themselves a matter of luck, 1 run in 1000 fails."""
    generator = np.random.default_rng(SEED)
    references = 0.9 + 0.0025 * generator.standard_normal((RUNS, seeds))
    later = 0.9 + 0.0025 * generator.standard_normal((RUNS, 6))
    outcomes = Counter(_calibrated(*pair) for pair in zip(references, later, strict=True))
    assert outcomes["fail"] <= most_expected(0.001)


def _calibrated(reference: np.ndarray, later: np.ndarray) -> str:
    bound = suggest("test_accuracy", reference.tolist())
    return decide_all(later.tolist(), plans(bound, alpha=ALPHA, least=1, most=6))[0]


def test_a_band_fails_unchanged_code_no_more_often_than_its_price_says() -> None:
    """Both sides together keep to the sum of their false alarms."""
    values = np.random.default_rng(SEED).normal(0.9, 0.004, 20)
    band = suggest("training_accuracy", values.tolist(), band=5)
    assert band.mean is not None
    sides = plans(band, alpha=ALPHA, least=1, most=6)
    draws = band.mean + sides[0].sigma * normal(0.0)
    outcomes = Counter(decide_all(row, sides)[0] for row in draws.tolist())
    assert outcomes["fail"] <= most_expected(price(sides).false_alarm)


def test_a_crippled_model_fails_and_says_so_after_one_or_two_seeds() -> None:
    """Code three planned scatters beneath the bound takes at most 1.2 seeds on average."""
    outcomes, seeds = simulate(normal(-3.0), FAST)
    assert outcomes["fail"] >= fewest_expected(0.9995)
    assert seeds < 1.2


def test_seeds_that_diverge_now_and_then_do_not_fail_a_case() -> None:
    """One seed in a hundred diverges; two in a run of six are rarer than 1 in 200."""
    bound = Bound(
        metric="test_accuracy", at_least=0.88, mean=0.9, sd=0.003, reference_seeds=20, reason="x"
    )
    generator = np.random.default_rng(SEED)
    values = 0.9 + 0.003 * generator.standard_normal((2000, 6))
    values[generator.random(values.shape) < 0.01] = math.nan
    assert sum(v == "fail" for v in _grown(values.tolist(), bound)) <= 6


def _grown(runs: Iterable[list[float]], bound: Bound) -> Iterable[str]:
    """Add seeds as the scheduler does: only while the verdict is open."""
    for row in runs:
        outcomes = (judge(row[: k + 1], bound, alpha=ALPHA).outcome for k in range(6))
        yield next((outcome for outcome in outcomes if outcome != "undecided"), "undecided")
