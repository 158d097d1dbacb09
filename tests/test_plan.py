"""The plan: which trials the selected tests need."""

from __future__ import annotations

import pytest
from records import make_record

from bench.cases import CASES
from fitting_room.lab.plan import Need, Options, Planned, plan, specify
from fitting_room.spec import TrialSpec

DENSE, DIGITS = CASES["fashion_mnist-dense_128"], CASES["mnist-single_conv_32"]
DATA = {"fashion_mnist": make_record().spec.dataset, "mnist": make_record(case=DIGITS).spec.dataset}
BUILT = Need(case=DENSE, trained=False)
TRAINED = Need(case=DENSE)
TIMED = Need(case=DENSE, trained=False, timed=True)


def planned(*needs: Need, options: Options | None = None) -> list[Planned]:
    """Return the trials planned for the dense case."""
    return plan(needs, options or Options(), DATA).get(DENSE.name, [])


def test_only_what_selected_tests_need_is_planned() -> None:
    """No test of a case, no trial of it; and each case is given its own task's data."""
    found = plan([Need(case=DIGITS)], Options(), DATA)
    assert list(found) == [DIGITS.name]
    assert found[DIGITS.name][0].spec.dataset == DATA["mnist"]


def test_one_trial_serves_every_test_of_a_case() -> None:
    """Ten tests that need a case trained, and one that needs it built, need one trial."""
    found = planned(*[TRAINED] * 10, BUILT)
    assert [(w.spec.seed, w.spec.epochs, w.timed) for w in found] == [(0, 5, False)]


def test_model_that_nobody_wants_trained_is_built_once() -> None:
    """Without a test that needs training there are no epochs, and one seed says it all."""
    found = planned(BUILT, options=Options(tier="full"))
    assert [(w.spec.seed, w.spec.epochs) for w in found] == [(0, 0)]


def test_times_are_wanted_if_one_test_wants_them() -> None:
    """A timed test makes the trials that it shares with others timed ones."""
    assert [w.timed for w in planned(TRAINED, TIMED)] == [True]
    assert [w.timed for w in planned(TRAINED, BUILT)] == [False]


def test_only_the_first_seed_of_a_case_has_limits() -> None:
    """What it may give is known before; of the next, only once it has given something."""
    limits = ((0.1, 0.2),)
    found = plan([TRAINED], Options(seeds=3), DATA, limits=lambda _: limits)[DENSE.name]
    assert [wanted.spec.loss_limits for wanted in found] == [limits, (), ()]


@pytest.mark.parametrize(
    ("options", "seeds"), [(Options(tier="full"), 10), (Options(seeds=3), 3), (Options(), 1)]
)
def test_every_seed_is_planned(options: Options, seeds: int) -> None:
    """Seeds count from 0, as many as the options ask for at least."""
    assert [w.spec.seed for w in planned(TRAINED, options=options)] == list(range(seeds))


def test_options_reach_the_spec() -> None:
    """Epochs, backend, device and time limit are those asked for."""
    options = Options(epochs=2, backend="jax", device="gpu", time_limit_s=9.0)
    expected = TrialSpec(
        case=DENSE,
        seed=4,
        dataset=DATA["fashion_mnist"],
        epochs=2,
        backend="jax",
        device="gpu",
        time_limit_s=9.0,
    )
    assert specify(DENSE, 4, options, DATA["fashion_mnist"]) == expected


def test_epochs_are_the_recipe_s_unless_overridden() -> None:
    """Nothing asked for is nothing overridden."""
    assert specify(DIGITS, 0, Options(), DATA["mnist"]).epochs == DIGITS.recipe.epochs


SHARED = [("smoke", False), ("quick", False), ("accept", True), ("full", True)]


@pytest.mark.parametrize(("tier", "alone"), SHARED)
def test_only_trials_without_times_run_side_by_side(tier: str, alone: bool) -> None:
    """A trial has its machine to itself if its figures count."""
    assert planned(TRAINED, options=Options(tier=tier))[0].spec.alone == alone


def test_a_stored_trained_trial_serves_where_a_built_one_would_do() -> None:
    """After a whole run, `-k parameters` builds nothing anew."""
    need = [Need(case=DENSE, trained=False)]
    epochs = [
        plan(need, Options(), DATA, stored=lambda _, known=known: known)[DENSE.name][0].spec.epochs  # type: ignore[misc]
        for known in (True, False)
    ]
    assert epochs == [DENSE.recipe.epochs, 0]
