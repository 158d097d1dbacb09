"""``python -m bench exercises`` and the suite of exercises, with simulated trials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Printed, printed, shell
from data_world import FakeSource, know, tiny
from imports import ROOT
from records import PROJECT, make_record
from scheduler_world import FakeTrials, pretend

from bench.cases import CASES
from bench.exercises import EXERCISES
from conftest import Bench
from fitting_room.cli import pages
from fitting_room.format import Interval
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.store.records import Store
from fitting_room.studies import exercises as blocks

DENSE = "fashion_mnist-dense_128"


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTrials:
    """Let tiny data be the data sets, and trials simulated."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for task in ("mnist", "fashion_mnist"):
        know(monkeypatch, task, FakeSource(tiny(task)))
    return pretend(monkeypatch)


@pytest.fixture
def exercises(tmp_path: Path, trials: FakeTrials) -> Callable[..., Printed]:
    """Run the command in a folder of its own."""
    assert trials.ran == []
    where = ("--results", tmp_path / "results")
    return lambda *given: printed("exercises", *given, *where, by=shell)


def names(trials: FakeTrials) -> list[tuple[int, str]]:
    """Return seed and case of every trial that ran, in order."""
    return [(each.spec.seed, each.spec.case.name) for each in trials.ran]


def test_it_goes_seed_by_seed_and_prints_answer_and_table(
    exercises: Callable[..., Printed], trials: FakeTrials
) -> None:
    """An early end leaves each point with some seeds."""
    shown = exercises("layers", "--thin", "--seeds", "2")
    assert names(trials) == [(seed, a) for seed in (0, 1) for a in (DENSE, f"{DENSE}_128")]
    assert "4 trials, 0 of them committed already; 4 to train" in shown.err
    assert "**Test accuracy against one layer: no sure difference.**" in shown.out
    assert "| 2 " in shown.out


def test_what_is_there_is_not_trained_again(
    exercises: Callable[..., Printed], trials: FakeTrials
) -> None:
    """A second run goes on from the records of the first, and from them alone."""
    exercises("pixels", "--seeds", "2")
    told = exercises("pixels", "--seeds", "3").err
    assert [seed for seed, _ in names(trials)] == [0, 0, 1, 1, 2, 2]
    assert "6 trials, 4 of them committed already; 2 to train" in told


def test_a_point_of_the_tables_is_taken_from_their_references(
    exercises: Callable[..., Printed], trials: FakeTrials, tmp_path: Path
) -> None:
    """A reference of the very same trial serves; nothing is trained or kept for it."""
    exercises("layers", "--thin", "--seeds", "1")
    results = tmp_path / "results"
    (results / "reference").mkdir()
    (results / "exercises" / DENSE).rename(results / "reference" / DENSE)
    exercises("layers", "--thin", "--seeds", "1")
    assert len(trials.ran) == 2
    assert {path.name for path in (results / "exercises").iterdir()} == {f"{DENSE}_128"}


def test_kept_records_have_what_answers_rest_on_and_no_more(
    exercises: Callable[..., Printed], tmp_path: Path
) -> None:
    """Epochs and scores stay; predictions, latencies and the folder of the data do not."""
    exercises("pixels", "--seeds", "1")
    for record in Store(tmp_path / "results" / "exercises").all():
        assert (record.predictions, record.confidence, record.inference) == (None, None, None)
        assert record.spec.dataset.folder == ""
        assert len(record.epochs) == record.spec.epochs


def test_stored_trains_nothing(exercises: Callable[..., Printed], trials: FakeTrials) -> None:
    """It tells what there is, which here is nothing."""
    told = exercises("width", "--stored").out
    assert trials.ran == []
    assert "not compared yet.**" in told


def test_the_suite_trains_a_thin_slice_and_keeps_its_answers(
    run: Bench, trials: FakeTrials, tmp_path: Path
) -> None:
    """One seed of a point each in ``accept``; a point that exercises share is trained once."""
    done = run("-k", "exercise", tier="accept", results=tmp_path)
    done.assert_outcomes(passed=sum(len(each.thin) + 1 for each in EXERCISES.values()))
    ran = names(trials)
    assert len(ran) == len(set(ran))
    assert {seed for seed, _ in ran} == {0}
    kept = {path.stem for path in (tmp_path / "latest" / "exercises").iterdir()}
    assert kept == set(EXERCISES)


def test_the_suite_fails_where_one_seed_is_sure(
    run: Bench, trials: FakeTrials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gain by one seed, told as if it were sure."""
    assert trials.ran == []
    sure = Interval(estimate=0.01, low=0.01, high=0.01)
    monkeypatch.setattr(blocks, "differences", lambda *_: {"2": sure})
    done = run("-k", "exercise_answer and layers", tier="accept", results=tmp_path)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*one seed decides nothing, but: Test accuracy against one layer*"])


def test_no_more_seeds_are_planned_than_are_enough() -> None:
    """Unless another test wants them, or they are asked for by number."""
    case = CASES[DENSE]
    data = {case.task: make_record(case=case).spec.dataset}
    few, all_of_them = Need(case=case, enough=3), Need(case=case)
    for needs, options, seeds in (
        ([few], Options(tier="full"), 3),
        ([few], Options(), 1),
        ([few], Options(seeds=7), 7),
        ([few, all_of_them], Options(tier="full"), 10),
    ):
        assert len(plan(needs, options, data)[DENSE]) == seeds


def test_the_committed_page_has_a_block_for_every_exercise() -> None:
    """None is left out of it."""
    page = (ROOT / "results" / "exercises.md").read_text("utf-8")
    known = pages.blocks(pages.committed(PROJECT, PROJECT.results, PROJECT.claims))
    assert all(f"<!-- fitting-room: exercise {name} -->" in page for name in EXERCISES)
    assert {f"exercise {name}" for name in EXERCISES} <= set(known)
