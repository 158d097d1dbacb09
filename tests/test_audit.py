"""The audit of figures: what records decide, and which of the committed ones it rests on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import CNN, DENSE, SOURCE, figure, further, judged, plain, seeds, statement
from imports import ROOT
from records import PROJECT, make_failed_record, make_record, stored

from fitting_room.analysis.audit import claims_in, grounds
from fitting_room.cli.calibrate import slim
from fitting_room.errors import UserError
from fitting_room.record import Confidence, Record
from fitting_room.store.key import provenance
from fitting_room.store.records import Speed, write_speed

DIGITS = "mnist-single_conv_32"


@pytest.mark.parametrize(
    ("printed", "value", "verdict"),
    [("87.3%", 0.873, "reproduced"), ("82%", 0.82, "exceeded"), ("91.3%", 0.913, "not reproduced")],
)
def test_a_figure_gets_a_verdict_with_value_interval_and_n(
    tmp_path: Path, printed: str, value: float, verdict: str
) -> None:
    """Seeds of 87.2 ± 0.14 %: one more falls within 86.8–87.6 %."""
    (found,) = judged(tmp_path, figure(printed, value), *seeds(DENSE, 0.872))
    assert (found.verdict.label, found.measured, found.verdict.n) == (
        verdict,
        "87.20 ± 0.14 % (6)",
        6,
    )
    assert found.verdict.reason == "a new seed falls within 86.81–87.59 %"


def test_without_records_everything_waits(tmp_path: Path) -> None:
    """A figure and a statement say so, in the same words."""
    over = f'cases = ["{CNN}"]\nover = "{DENSE}"\nlow = 0'
    text = figure("87.3%", 0.873) + statement("difference", "test_accuracy", over)
    found = judged(tmp_path, text, *seeds(CNN, 0.9))
    assert [each.verdict.label for each in found] == ["undecided", "undecided"]
    assert [each.verdict.reason for each in found] == [
        "no reference records yet",
        "no reference records yet of dense_128",
    ]


def test_failed_trials_are_no_evidence(tmp_path: Path) -> None:
    """Nothing is measured by a crash, and beside results it is told."""
    claim = figure("87.3%", 0.873)
    (nothing,) = judged(tmp_path, claim, make_failed_record())
    assert nothing.verdict.reason == "no reference records yet"
    (found,) = judged(tmp_path, claim, *seeds(DENSE, 0.872), make_failed_record(seed=9))
    assert found.verdict.reason.endswith("; 1 more trials came to no result")


def test_two_figures_of_a_source_contradict_each_other(tmp_path: Path) -> None:
    """What the records reproduce stands, and the other one is contradicted; both say so."""
    claims = figure("87.3%", 0.873) + further("about 82%", 0.82)
    table, text = judged(tmp_path, claims, *seeds(DENSE, 0.872))
    assert (table.verdict.label, text.verdict.label) == (
        "reproduced",
        "contradicted by its own source",
    )
    assert "the same source also says about 82%" in table.verdict.reason
    assert "the same source also says 87.3%" in text.verdict.reason


@pytest.mark.parametrize(
    ("metric", "printed", "values"),
    [
        ("test_accuracy", ("87.3%", "about 82%"), (0.873, 0.82)),
        ("parameters", ("101,770", "62,826"), (101_770, 62_826)),
        ("seconds_per_epoch", ("10 s", "21 s"), (10, 21)),
    ],
)
def test_figures_that_exclude_each_other_need_no_records(
    tmp_path: Path, metric: str, printed: tuple[str, str], values: tuple[float, float]
) -> None:
    """The file alone tells that not both are right; which one is wrong, nobody knows yet."""
    text = figure(printed[0], values[0], metric) + further(printed[1], values[1], metric)
    found = judged(tmp_path, text)
    assert [each.verdict.label for each in found] == ["contradicted by its own source"] * 2
    told = [each.verdict.reason.split("; ")[0] for each in found]
    assert told == [f"the same source also says {other}" for other in printed[::-1]]


def test_a_count_that_the_described_layers_do_not_have_is_contradicted(tmp_path: Path) -> None:
    """With a description the source is wrong by itself; without one it is only not reproduced."""
    claim = figure("62,826", 62_826, "parameters", 'described = "Dense 128, Dense 10"')
    (found,) = judged(tmp_path, claim, make_record())
    assert found.verdict.label == "contradicted by its own source"
    assert (
        found.verdict.reason
        == "the layers it describes (Dense 128, Dense 10) have 101,770, not 62,826"
    )
    (bare,) = judged(tmp_path, figure("62,826", 62_826, "parameters"), make_record())
    assert bare.verdict.label == "not reproduced"


def test_training_accuracy_published_as_test_accuracy_is_told(tmp_path: Path) -> None:
    """It fails as what it is printed as, and the sentence has both figures."""
    claim = figure("89%", 0.89, more='watches = "training_accuracy"')
    (found,) = judged(tmp_path, claim, *seeds(DENSE, 0.872, training_accuracy=0.89))
    assert found.verdict.label == "contradicted by its own source"
    assert found.mislabelled == ("training accuracy", "test accuracy")
    told = "a training accuracy published as test accuracy, here 89.00 ± 0.00 % (6); "
    assert found.verdict.reason.startswith(told)
    (unmeasured,) = judged(tmp_path, claim)
    assert unmeasured.verdict.label == "contradicted by its own source"


def sure(record: Record, probability: float) -> Record:
    """Return the record with that probability of class 9 for test image 0."""
    first = ((*[(1 - probability) / 9] * 9, probability),)
    kept = Confidence(images=(1,), right=(1,), mean=(probability,), first=first, mistakes=())
    return replace(record, confidence=kept)


def test_the_probability_of_a_class_is_judged_where_it_is_kept(tmp_path: Path) -> None:
    """Older records keep none; with some, 0.537 is less than the 0.9 and more that seeds give."""
    more = 'image = 0\nlabel = 9\nbetter = "higher"'
    claim, records = figure("0.537", 0.537, "probability", more), seeds(DENSE, 0.87)
    (before,) = judged(tmp_path, claim, *records)
    assert before.verdict.reason == "no reference records with probability yet"
    kept = [sure(each, 0.93 + n / 100) for n, each in enumerate(records)]
    (after,) = judged(tmp_path, claim, *kept)
    assert (after.verdict.label, after.verdict.n) == ("exceeded", 6)


def test_never_is_exceeded_by_seeds_that_arrive(tmp_path: Path) -> None:
    """Six seeds reach 99.5 % at epoch 3, where the source says never."""
    claim = f'[{DIGITS}.epochs_to_target]\npublished = "never"\nvalue = inf\n{SOURCE}'
    records = seeds(DIGITS, 0.98, training_accuracy=[0.9, 0.99, 0.996])
    (found,) = judged(tmp_path, claim, *records)
    assert (found.verdict.label, found.measured) == ("exceeded", "3, reached 6/6")
    vain = seeds(DIGITS, 0.98, training_accuracy=[0.9] * 10)
    assert judged(tmp_path, claim, *vain)[0].verdict.label == "reproduced"


@pytest.mark.parametrize(
    ("metric", "value", "more", "verdict"),
    [
        ("training_images", 60_000, "", "reproduced"),
        ("test_images", 10_000, "", "not reproduced"),  # made-up records hold a hundred
        ("training_accuracy", 0.86, "epoch = 2", "reproduced"),
        ("training_accuracy", 0.86, "epoch = 9", "undecided"),
        ("parameters", 101_770, "", "reproduced"),
    ],
)
def test_counts_and_single_epochs_are_figures_too(
    tmp_path: Path, metric: str, value: float, more: str, verdict: str
) -> None:
    """Five epochs end at 89 % of 60,000 images, a point an epoch."""
    printed = f"{value:,}" if value > 1 else f"{100 * value:.0f}%"
    claim = figure(printed, value, metric, more)
    records = seeds(DENSE, 0.872, training_accuracy=0.89)
    assert judged(tmp_path, claim, *records)[0].verdict.label == verdict


WIDER = PROJECT.exercise_cases["fashion_mnist-dense_512"]


def test_exercises_do_not_stand_in_for_references(tmp_path: Path) -> None:
    """Theirs is newer and without predictions; of a case without references it is all there is."""
    reference = make_record()
    newer = slim(make_record(started="2026-09-01T12:00:00+00:00", key="f" * 64))
    stored(tmp_path / "reference", [reference])
    stored(tmp_path / "exercises", [newer, slim(make_record(case=WIDER))])
    records = grounds(PROJECT, tmp_path).records
    assert [r.spec.case.name for r in records] == [DENSE, WIDER.name]
    assert records[0].predictions == reference.predictions


def test_exercises_are_all_there_is_of_a_case_without_references(tmp_path: Path) -> None:
    """Though it is one of the tables."""
    stored(tmp_path / "exercises", [slim(make_record())])
    assert [r.spec.case.name for r in grounds(PROJECT, tmp_path).records] == [DENSE]


def of_this_code(speed: Speed) -> Speed:
    """Return the times as if the present code had taken them."""
    return replace(speed, provenance=provenance(speed.spec, root=ROOT))


def test_times_of_other_code_are_left_out(tmp_path: Path) -> None:
    """The made-up digests of one are nobody's, and it is told why; the other's are right."""
    write_speed(tmp_path / "speed", plain(DENSE, 1, 2))
    write_speed(tmp_path / "speed", of_this_code(plain("fashion_mnist-cnn_64", 1, 2)))
    rest = grounds(PROJECT, tmp_path)
    assert [each.spec.case.name for each in rest.speeds] == ["fashion_mnist-cnn_64"]
    assert rest.outdated == {
        DENSE: "the code of its architecture, models/dense.py: dense, changed since"
    }
    assert rest.stale == {}


def test_claims_of_this_project_name_known_cases() -> None:
    """Those of tables, and points of exercises, which some of its statements are about."""
    named = {
        case for each in claims_in(PROJECT.claims, PROJECT).statements for case in each.cases_named
    }
    assert WIDER.name in named


def test_a_slip_in_the_case_of_an_exercise_is_told(tmp_path: Path) -> None:
    """Nobody waits for records of a case that there is not."""
    text = (ROOT / "bench" / "claims.toml").read_text("utf-8")
    (tmp_path / "claims.toml").write_text(text.replace("dense_512", "dense_521"), "utf-8")
    with pytest.raises(UserError, match=r"\[claims.wide_is_better\]: .*dense_521.*no case. Did"):
        claims_in(tmp_path / "claims.toml", PROJECT)
