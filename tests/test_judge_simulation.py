"""The sequential test as it stands, over simulated runs: how often it errs, and what it costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from scipy.stats import binom

from fitting_room.judge.price import price, run, suggest
from fitting_room.judge.quality import judge
from fitting_room.judge.sequential import Plan, decide, decide_all, plans
from fitting_room.judge.verdict import Bound

RUNS = 20_000
ALPHA = 1e-4  # one hundred assertions share 1 %
SURE = 1e-4  # chance that a right test fails on its own Monte-Carlo error
SEED = 20_250_101

Draw = Callable[[float, float], np.ndarray]

FAST = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=ALPHA, least=1)
CAREFUL = Plan(sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=ALPHA, least=2)


def normal(mean: float, sd: float = 1.0) -> np.ndarray:
    """Draw the values of six seeds for every run, shape (RUNS, 6)."""
    return mean + sd * np.random.default_rng(SEED).standard_normal((RUNS, 6))


def skewed(mean: float, sd: float = 1.0) -> np.ndarray:
    """Draw with a long tail towards bad values: a turned gamma, skewness -1."""
    return mean - sd * (np.random.default_rng(SEED).gamma(4.0, size=(RUNS, 6)) - 4) / 2


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


@pytest.mark.parametrize("mean", [3.0, 1.5, 0.0])
@pytest.mark.parametrize("plan", [FAST, CAREFUL], ids=["one", "two"])
def test_the_computed_rates_are_the_simulated_ones(plan: Plan, mean: float) -> None:
    """Quadrature and a plain vectorised walk of the ratio agree within Monte-Carlo error."""
    ratios = np.cumsum(plan.delta * (normal(mean) - plan.delta / 2), axis=1)
    stopped = (ratios >= plan.pass_at) | (ratios <= plan.fail_at)
    stopped[:, : plan.least - 1] = False
    stopped[:, -1] = True
    at = np.argmax(stopped, axis=1)
    failed = int(np.sum(ratios[np.arange(RUNS), at] < 0))
    computed = run(plan, mean)
    assert fewest_expected(computed.fails) <= failed <= most_expected(computed.fails)
    assert float(np.mean(at + 1)) == pytest.approx(computed.seeds, abs=0.06)


@pytest.mark.parametrize(
    ("draw", "sd", "rate"),
    [
        (normal, 0.7, 1e-5),
        (normal, 1.3, 0.0025),
        (skewed, 1.0, 0.002),
        (skewed, 0.7, 1e-4),
        (skewed, 1.3, 0.009),
    ],
)
def test_false_alarms_stay_rare_when_the_scatter_is_misjudged(
    draw: Draw, sd: float, rate: float
) -> None:
    """Beyond the upper limit planned with, false alarms grow, but stay below one in a hundred."""
    assert simulate(draw(3.0, sd), FAST)[0]["fail"] <= most_expected(rate)


@pytest.mark.parametrize("sd", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("draw", [normal, skewed])
def test_code_at_the_bound_is_caught_when_the_scatter_is_misjudged(draw: Draw, sd: float) -> None:
    """Even with 30 % more scatter, no more than 4 % of runs at the bound pass."""
    assert simulate(draw(0.0, sd), FAST)[0]["pass"] <= most_expected(0.04)


@pytest.mark.parametrize("seeds", [10, 20])
def test_a_calibrated_bound_keeps_its_promise_over_references_too(seeds: int) -> None:
    """With mean and scatter of the reference themselves a matter of luck, 1 run in 1000 fails."""
    generator = np.random.default_rng(SEED)
    references = 0.9 + 0.0025 * generator.standard_normal((RUNS, seeds))
    later = 0.9 + 0.0025 * generator.standard_normal((RUNS, 6))
    outcomes = Counter(_calibrated(*pair) for pair in zip(references, later, strict=True))
    assert outcomes["fail"] <= most_expected(0.001)


def _calibrated(reference: np.ndarray, later: np.ndarray) -> str:
    bound = suggest("test_accuracy", reference.tolist(), both_sides=False)
    return decide_all(later.tolist(), plans(bound, alpha=ALPHA, least=1, most=6))[0]


def test_a_band_fails_unchanged_code_no_more_often_than_its_price_says() -> None:
    """Both sides together keep to the sum of their false alarms."""
    values = np.random.default_rng(SEED).normal(0.9, 0.004, 20)
    band = suggest("training_accuracy", values.tolist(), both_sides=True)
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
