"""The gate put to the test: changed variants and slowed steps, and how they are told."""

from __future__ import annotations

import ast
import filecmp
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from imports import ROOT
from records import PROJECT, make_band, make_record
from scheduler_world import CASE, ORIGIN, FakeTrials, new_evaluator, trial
from tables import cells, rows_of

from bench.cases import CASES
from bench.variants import COMPUTE, CRIPPLED, ORIGINAL, SLEEP, SLOWDOWNS, slowed
from fitting_room.cli import gate as command
from fitting_room.judge.quality import Curve
from fitting_room.judge.sequential import planning_sd
from fitting_room.judge.timing import ABTiming
from fitting_room.judge.verdict import Bound
from fitting_room.lab.estimate import estimate
from fitting_room.lab.plan import Need
from fitting_room.record import Job, Listener, Record, silent
from fitting_room.spec import Case, Dataset
from fitting_room.store.key import quality_key
from fitting_room.studies import ABSENT, QUIET, origin_of
from fitting_room.studies.gate import (
    Finding,
    Sight,
    Variants,
    examine,
    failed,
    outcome_of,
    variants,
)
from fitting_room.studies.gate_page import Seconds, Timing, seconds, seconds_block

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
    epochs=tuple(make_band(m, 0.02, sd=SD, metric="training_accuracy") for m in (0.95, 0.97)),
)


Examined = Callable[..., Finding]


@pytest.fixture
def gate(tmp_path: Path, trials: FakeTrials) -> Examined:
    """Examine a case whose every trial gives what is told, or is plausible."""

    def gate(case: Case = VARIANT, *, bands: Curve = BANDS, **known: object) -> Finding:
        def make(job: Job, listen: Listener = silent) -> Record:
            told = {k: v[job.spec.seed] if isinstance(v, tuple) else v for k, v in known.items()}
            return trial(job, listen, **{"training_accuracy": [0.95, 0.97], **told})

        trials.make = make
        judge = new_evaluator(tmp_path, None, COUNT, FLOOR, need=Need(case=case))
        judge.bounds = replace(judge.bounds, curves={CASE.name: {bands.metric: bands}})
        try:
            return examine(judge, case, "something")
        finally:
            judge.scheduler.close()

    return gate


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


def test_the_quick_tier_judges_the_beginning_of_the_same_trials(gate: Examined) -> None:
    """What only the last epoch shows is missed, and what the second shows is not."""
    late = gate(test_accuracy=0.5)
    assert [s.metric for s in late.quick] == ["parameters", BANDS.metric]
    assert (late.outcome, outcome_of(late.quick), late.missed) == ("fail", "pass", True)


def test_what_the_quick_tier_sees_is_not_missed(gate: Examined) -> None:
    """The first epoch of the curve is out of its band."""
    early = gate(training_accuracy=[0.9, 0.97], test_accuracy=0.5)
    assert ([s.metric for s in failed(early.quick)], early.missed) == ([BANDS.metric], False)


def test_seeds_are_added_until_one_metric_has_failed(gate: Examined) -> None:
    """A first seed right between pass and fail asks for a second."""
    between, below = (GOOD - off * planning_sd(SD, 20) for off in (1.5, 5.5))
    found = gate(test_accuracy=(between, below))
    assert (found.outcome, found.seeds, found.noticed_by[0].n) == ("fail", 2, 2)
    assert found.seconds == pytest.approx(2 * 7.0)


@pytest.mark.parametrize(
    ("off", "first"),
    [
        ({"parameters": 7850}, ("parameters", 0)),
        ({"training_accuracy": [0.9, 0.97]}, (BANDS.metric, 1)),
    ],
)
def test_what_is_known_earlier_is_noticed_earlier(
    gate: Examined, off: dict[str, Any], first: tuple[str, int]
) -> None:
    """A count needs no training, and a curve leaves its band before the last epoch."""
    found = gate(test_accuracy=0.5, **off)
    assert [(s.metric, s.epoch) for s in found.noticed_by] == [first, ("test_accuracy", 2)]
    assert (found.noticed_by[0].shift is None) == (first[0] == "parameters")


def test_epochs_with_the_same_band_are_told_apart(gate: Examined) -> None:
    """What the second epoch noticed is not put down to the first, which reads alike."""
    alike = replace(BANDS, epochs=(BANDS.epochs[0], BANDS.epochs[0]))
    found = gate(test_accuracy=GOOD, training_accuracy=[0.95, 0.9], bands=alike)
    assert [(s.metric, s.epoch) for s in found.noticed_by] == [(BANDS.metric, 2)]


def test_every_variant_differs_from_the_case_in_one_thing() -> None:
    """Its recipe, its arguments or its builder; not its task or its name."""
    for name, case in {name: variant.case for name, variant in CRIPPLED.items()}.items():
        own = CASES[case.original]
        changed = {f.name for f in fields(case) if getattr(case, f.name) != getattr(own, f.name)}
        assert (case.variant, len(changed)) == (name, 2)
        assert changed < {"variant", "recipe", "arguments", "builder"}
    of_dense = [variant.case for variant in CRIPPLED.values()]
    recipes = [case.recipe for case in of_dense if case.original == ORIGINAL.name]
    whole = ORIGINAL.recipe.learning_rate
    rates = sorted({recipe.learning_rate for recipe in recipes})
    assert (len(recipes), rates) == (12, pytest.approx([0, 0.1 * whole, 0.5 * whole, whole]))


@pytest.mark.keras
def test_a_variant_built_otherwise_has_the_parameters_of_its_original() -> None:
    """Dropout has none, and kernels that begin elsewhere are as many."""
    from bench.variants import dropped_out, standard_normal
    from models.dense import dense

    plain, thinned, wild = (build(units=8) for build in (dense, dropped_out, standard_normal))
    assert [m.count_params() for m in (thinned, wild)] == [plain.count_params()] * 2
    assert [layer.name.rpartition("_")[0] or layer.name for layer in thinned.layers][2] == "dropout"
    assert np.std(wild.layers[1].get_weights()[0]) == pytest.approx(1, abs=0.1)


@pytest.mark.keras
def test_a_variant_sees_the_images_in_one_order() -> None:
    """Whatever its ``fit`` is asked for, two epochs of it take the batches in the same order."""
    import keras

    from bench.variants import in_one_order

    class Watch(keras.callbacks.Callback):
        losses: ClassVar[list[float]] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.losses.append(logs["loss"] * (batch + 1))  # Keras averages over the epoch

    images, labels = np.random.default_rng(0).random((64, 28, 28, 1)), np.arange(64) % 10
    model = in_one_order(units=8)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=16, epochs=2, shuffle=True, callbacks=[Watch()], verbose=0)
    assert Watch.losses[:4] == Watch.losses[4:]
    assert len(Watch.losses) == 8
    assert len({round(loss, 6) for loss in np.diff([0, *Watch.losses[:4]])}) == 4


def test_a_variant_that_never_ran_is_expected_to_take_as_long_as_its_original() -> None:
    """Once it ran, its own time counts."""
    record = make_record(case=CASE)
    spec = replace(record.spec, case=VARIANT)
    slow = replace(record, spec=spec, seconds={**record.seconds, "total": 100.0})
    original = estimate([record.spec], [record])
    assert original is not None
    assert estimate([spec], [record]) == original
    assert (estimate([spec], [record, slow]) or 0) > original


def test_variants_and_orders_have_trials_of_their_own() -> None:
    """A variant is keyed by its name too; without a seed of the order, keys are as they were."""
    spec = make_record(case=CASE).spec
    orders = [replace(spec, order_seed=seed) for seed in (None, 0, 1)]
    keys = [quality_key(each, ORIGIN) for each in (spec, replace(spec, case=VARIANT), *orders)]
    assert VARIANT.name == f"{CASE.name}~crippled"
    assert keys[0] == keys[2]
    assert len(set(keys)) == 4


SIGHT = Sight(
    metric="test_accuracy", outcome="fail", n=2, epoch=5, shift=-4.2, evidence="much too low"
)
PASSED = replace(SIGHT, outcome="pass", shift=0.3)
FINDING = Finding(
    case="fashion_mnist-dense_128",
    variant="broken",
    change="one thing",
    seeds=2,
    seconds=20.4,
    sights=(SIGHT, replace(SIGHT, metric="test_loss", n=2, epoch=5, shift=4.0)),
    keys=("a", "b"),
)
GREEN = replace(FINDING, variant="", change="nothing", sights=(PASSED,), seeds=1, seconds=10.0)


def test_a_finding_tells_what_noticed_first_and_how_far_off_it_was() -> None:
    """The furthest of those that were known at once, then the others."""
    both = (GREEN, replace(FINDING, compared="red by 5 of 9"))
    found = Variants(origin=origin_of(make_record()), bounds="", findings=both, anew=())
    text = variants(found)
    noticed = ["test accuracy", "seed 2, epoch 5", "−4.2", "test loss"]
    of_tiers = ["—", "red by 5 of 9"]
    assert cells(text, "one thing") == ["one thing", "fail", "2", "20", *noticed, *of_tiers]
    assert cells(text, "nothing") == ["nothing", "pass", "1", "10", "—", "—", "+0.3", "—", "—", "—"]
    assert ABSENT.format("gate") in text


def test_what_only_accept_sees_is_named() -> None:
    """Each case has a table, with what the quick tier says; what it misses stands below."""
    loss = replace(SIGHT, metric="training_loss_by_epoch", n=1, epoch=2)
    seen = replace(FINDING, change="another", case="mnist-minimal", quick=(loss,))
    missed = replace(FINDING, quick=(PASSED,))
    both = (replace(GREEN, quick=(PASSED,)), missed, seen)
    text = variants(Variants(origin=origin_of(make_record()), bounds="", findings=both, anew=()))
    told = [cells(text, change)[8] for change in ("nothing", "one thing", "another")]
    assert told == ["pass", "pass", "fail, seed 1, epoch 2"]
    assert [text.count(f"{case}:\n\n| changed") for case in (FINDING.case, seen.case)] == [1, 1]
    assert f"Only accept sees: one thing ({FINDING.case})." in text


def test_runs_with_seeds_of_their_own_are_one_row() -> None:
    """How many passed, and after how many seeds and seconds on average."""
    found = Variants(
        origin=origin_of(make_record()),
        bounds="",
        findings=(GREEN,),
        anew=(
            replace(GREEN, compared="green"),
            replace(GREEN, seeds=2, compared="open by 1 of 9"),
        ),
    )
    row = cells(variants(found), "nothing, 2 runs of other seeds")
    assert row[1:4] == ["2 pass", "1.5", "10"]
    assert row[-1] == "1 green, 1 open"


def test_a_finding_has_words_and_an_outcome() -> None:
    """It takes one failure to fail, and all to pass; the evidence stands in the line."""
    assert FINDING.words == "fail after 2 seeds, 20 s, first by test_accuracy: much too low"
    assert GREEN.words == "pass after 1 seed, 10 s"
    open_one = replace(PASSED, outcome="undecided")
    assert replace(GREEN, sights=(PASSED, open_one)).outcome == "undecided"
    assert replace(GREEN, sights=(SIGHT, open_one)).outcome == "fail"


def ratio(wall: float, cpu: float = 1.0) -> ABTiming:
    """Return pairs of which head is slower by these factors, without noise."""
    return ABTiming(
        images=4800,
        base_wall=(0.3,) * 12,
        head_wall=(0.3 * wall,) * 12,
        base_cpu=(0.5,) * 12,
        head_cpu=(0.5 * cpu,) * 12,
    )


@pytest.mark.parametrize("waste", [SLEEP, COMPUTE])
def test_a_slowed_checkout_differs_in_its_step_alone(waste: str) -> None:
    """Its training path wraps the real one, and every other file is as it was."""
    with slowed(waste) as copy:
        changed = copy / "bench" / "fitting_room" / "trial" / "fit.py"
        tree = ast.parse(changed.read_text("utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        files = [str(path.relative_to(copy)) for path in copy.rglob("*.py")]
        _, differing, absent = filecmp.cmpfiles(ROOT, copy, files, shallow=False)
    assert names.count("train") == 2
    assert (differing, absent) == ([str(changed.relative_to(copy))], [])
    assert not copy.exists()


def test_a_neighbour_is_gone_after_the_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout is the real one, and the process that kept a core busy has ended."""
    started, real = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a: started.append(real(*a)) or started[0])
    with SLOWDOWNS["busy_neighbour"].checkout() as checkout:
        assert (checkout, started[0].poll()) == (ROOT, None)
    assert started[0].returncode is not None


@pytest.mark.parametrize(("factor", "status"), [(1.15, 0), (1.02, 1)])
def test_wrong_verdicts_are_marked_and_fail(
    factor: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What must go red and does is right; what stays green is marked, and the status is 1."""
    pairs = {name: ratio(factor if each.red else 1.01) for name, each in SLOWDOWNS.items()}
    monkeypatch.setattr(command, "timed", lambda name, *_, **__: pairs[name])
    data = Dataset(name="fashion_mnist", folder="", source="", checksum="")
    monkeypatch.setattr(command, "dataset", lambda _: data)
    assert seconds_block(tmp_path) == QUIET.format("gate --times")
    assert command.time_slowdowns(PROJECT, tmp_path) == status
    out = capsys.readouterr().out
    assert out.count("✗") == 2 * status
    assert f"×{factor:.3f}" in out
    assert seconds_block(tmp_path) == out.rstrip("\n")


@pytest.mark.parametrize(
    ("load", "told"), [(3.8, "3.8 processes wanted a core"), (None, "unknown")]
)
def test_a_table_of_seconds_tells_the_load_and_what_is_surely_faster(
    load: float | None, told: str
) -> None:
    """The small p stands on its own side of each clock: twelve pairs have 4,096 signs."""
    timings = {"unchanged": Timing(done="nothing", red=False, pairs=ratio(0.9, 1.1))}
    origin = origin_of(make_record())
    text = seconds(Seconds(origin=origin, case="mnist-x", load=load, timings=timings))
    assert text.endswith(f"load in the minute before: {told}.")
    assert rows_of(text)[1][2:8] == ["×0.900", "1", "0.00024", "×1.100", "0.00024", "1"]
