"""A variant held to the bounds of its original, with made-up trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import make_record
from scheduler_world import CASE, ORIGIN, new_evaluator, pretend, trial

from bench.variants import CRIPPLED, ORIGINAL
from fitting_room.job import Job, Listener, silent
from fitting_room.judge.curve import Curve
from fitting_room.judge.sequential import planning_sd
from fitting_room.judge.verdict import Bound
from fitting_room.lab.estimate import estimate
from fitting_room.lab.plan import Need
from fitting_room.record import Record
from fitting_room.spec import Case
from fitting_room.store.key import quality_key
from fitting_room.studies.gate import Finding, examine

VARIANT = replace(CASE, variant="crippled")
SD = 0.002
REFERENCE: dict[str, Any] = {"sd": SD, "reference_seeds": 20}
GOOD = 0.9 + 3 * planning_sd(SD, 20)
FLOOR = Bound(
    metric="test_accuracy", at_least=0.9, mean=GOOD, reason="three planned scatters", **REFERENCE
)
COUNT = Bound(metric="parameters", exactly=101_770, reason="counted")
BANDS = Curve(
    metric="training_accuracy_by_epoch",
    epochs=tuple(
        Bound(
            metric="training_accuracy",
            between=(mean - 0.02, mean + 0.02),
            mean=mean,
            sd=SD,
            reference_seeds=20,
            reason="a band",
        )
        for mean in (0.95, 0.97)
    ),
)


def examined(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: Case = VARIANT,
    *,
    bands: Curve = BANDS,
    **known: object,
) -> Finding:
    """Examine a case whose every trial gives what is told, or is plausible."""

    def make(job: Job, listen: Listener = silent) -> Record:
        told = {k: v[job.spec.seed] if isinstance(v, tuple) else v for k, v in known.items()}
        return trial(job, listen, **{"training_accuracy": [0.95, 0.97], **told})

    pretend(monkeypatch, make)
    judge = new_evaluator(folder, None, COUNT, FLOOR, need=Need(case=case))
    judge.bounds = replace(judge.bounds, curves={CASE.name: {bands.metric: bands}})
    try:
        return examine(judge, case, "something")
    finally:
        judge.scheduler.close()


Examined = Callable[..., Finding]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examined:
    """Examine made-up trials whose records lie in a folder of their own."""
    return lambda *case, **known: examined(tmp_path, monkeypatch, *case, **known)


def test_a_case_like_its_reference_passes_after_one_seed(gate: Examined) -> None:
    """Every bound of the case is asked, and all pass."""
    found = gate(CASE, test_accuracy=GOOD)
    assert (found.outcome, found.seeds, found.noticed_by) == ("pass", 1, ())
    assert [s.metric for s in found.sights] == ["parameters", "test_accuracy", BANDS.metric]
    assert found.words.startswith("pass after 1 seed, ")


def test_a_variant_is_judged_by_the_bounds_of_its_original(gate: Examined) -> None:
    """Its name is its own, the bound the original's, and how far off it is counts in scatters."""
    found = gate(test_accuracy=GOOD - 10 * planning_sd(SD, 20))
    assert (found.case, found.variant, found.outcome) == (CASE.name, "crippled", "fail")
    assert [s.metric for s in found.noticed_by] == ["test_accuracy"]
    assert found.noticed_by[0].shift == pytest.approx(-10)


def test_seeds_are_added_until_one_metric_has_failed(gate: Examined) -> None:
    """A first seed right between pass and fail asks for a second."""
    between, below = (GOOD - off * planning_sd(SD, 20) for off in (1.5, 5.5))
    found = gate(test_accuracy=(between, below))
    assert (found.outcome, found.seeds, found.noticed_by[0].n) == ("fail", 2, 2)
    assert found.seconds == pytest.approx(2 * 7.0)


def test_a_count_that_is_off_is_noticed_before_any_training(gate: Examined) -> None:
    """It comes first, and the other metrics are judged all the same."""
    found = gate(test_accuracy=0.5, parameters=7850)
    assert [(s.metric, s.epoch) for s in found.noticed_by] == [
        ("parameters", 0),
        ("test_accuracy", 2),
    ]
    assert found.noticed_by[0].shift is None


def test_a_curve_that_leaves_its_band_early_is_noticed_before_the_last_epoch(
    gate: Examined,
) -> None:
    """Epoch 1 of the training curve comes before the test accuracy of the end."""
    found = gate(test_accuracy=0.5, training_accuracy=[0.9, 0.97])
    assert [(s.metric, s.epoch) for s in found.noticed_by] == [
        (BANDS.metric, 1),
        ("test_accuracy", 2),
    ]


def test_epochs_with_the_same_band_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the second epoch noticed is not put down to the first, which reads alike."""
    alike = replace(BANDS, epochs=(BANDS.epochs[0], BANDS.epochs[0]))
    found = examined(
        tmp_path, monkeypatch, test_accuracy=GOOD, training_accuracy=[0.95, 0.9], bands=alike
    )
    assert [(s.metric, s.epoch) for s in found.noticed_by] == [(BANDS.metric, 2)]


def test_variants_leave_the_errors_of_a_run_as_they_are(gate: Examined) -> None:
    """The bounds are lent, not added: a variant is judged as sharply as the case itself."""
    own, lent = (gate(case, test_accuracy=GOOD) for case in (CASE, VARIANT))
    assert [s.evidence for s in own.sights] == [s.evidence for s in lent.sights]


def test_every_variant_differs_from_the_case_in_one_thing() -> None:
    """Its recipe or its arguments are changed, its task and name of architecture are not."""
    for name, variant in CRIPPLED.items():
        case = variant.case
        assert (case.original, case.variant) == (ORIGINAL.name, name)
        assert case.name == f"{ORIGINAL.name}~{name}"
        assert (case.recipe != ORIGINAL.recipe) != (case.arguments != ORIGINAL.arguments)


def test_the_eight_ways_to_cripple_a_case_are_there() -> None:
    """Labels, rate (three times), a layer, data, pixels and momentum."""
    assert len(CRIPPLED) == 8
    recipes = [variant.case.recipe for variant in CRIPPLED.values()]
    rates = sorted(recipe.learning_rate for recipe in recipes)[:3]
    assert rates == pytest.approx(
        [0, 0.1 * ORIGINAL.recipe.learning_rate, 0.5 * ORIGINAL.recipe.learning_rate]
    )
    assert any(recipe.shuffle_labels for recipe in recipes)
    assert not all(recipe.scale_pixels for recipe in recipes)
    assert 0.0 in {recipe.beta_1 for recipe in recipes}


def test_a_variant_that_never_ran_is_expected_to_take_as_long_as_its_original() -> None:
    """Once it ran, its own time counts."""
    record = make_record(case=CASE)
    spec = replace(record.spec, case=VARIANT)
    slow = replace(record, spec=spec, seconds={**record.seconds, "total": 100.0})
    original = estimate([record.spec], [record])
    assert original is not None
    assert estimate([spec], [record]) == original
    assert (estimate([spec], [record, slow]) or 0) > original


def test_variants_have_trials_of_their_own() -> None:
    """Neither key nor folder is that of the original, be the recipe as it may."""
    record = make_record(case=CASE)
    spec = replace(record.spec, case=VARIANT)
    assert spec.case.name == f"{CASE.name}~crippled"
    assert quality_key(spec, ORIGIN) != quality_key(record.spec, ORIGIN)


def test_the_seed_of_the_order_is_part_of_the_key_only_where_it_is_given() -> None:
    """Records made before there was one keep their keys."""
    spec = make_record(case=CASE).spec
    keys = [quality_key(replace(spec, order_seed=seed), ORIGIN) for seed in (None, 0, 1)]
    assert keys[0] == quality_key(spec, ORIGIN)
    assert len(set(keys)) == 3
