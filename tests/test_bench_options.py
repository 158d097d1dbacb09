"""What the options of pytest and of the bench change in a run of the sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import ANY

import pytest
from scheduler_world import FakeTrials, trial

from bench.cases import CASES, LONG
from bench.conftest import left_out, pytest_runtest_makereport
from conftest import Bench
from fitting_room.errors import UserError
from fitting_room.lab.probe import Emulated
from fitting_room.store.records import Store
from test_bench import verdicts


@pytest.mark.parametrize(
    ("selection", "trials"),
    [
        (["-k", "fashion_mnist-cnn_32 and accuracy"], 1),
        (["-k", "test_loss and mnist-dense_128"], 2),
        (["--deselect", "bench/test_bench.py::test_accuracy"], len(CASES)),
    ],
)
def test_only_what_is_selected_is_planned(
    run: Bench, stored: Path, selection: list[str], trials: int
) -> None:
    """The header counts the trials of the selected tests, and no others."""
    run(*selection, results=stored).stdout.fnmatch_lines([f"trials: {trials}, {trials} stored*"])


def test_collecting_touches_nothing(run: Bench, tmp_path: Path) -> None:
    """``--co`` of the real data neither looks for it nor makes a folder of results."""
    listed = run("--co", "-q", tier="accept", results=tmp_path / "none")
    listed.stdout.fnmatch_lines(["*test_accuracy?fashion_mnist-cnn_64?", "* tests collected*"])
    assert "trials:" not in listed.stdout.str()
    assert not (tmp_path / "none").exists()


def test_accept_tier_skips_what_trains_long(run: Bench, tmp_path: Path) -> None:
    """It says how to have it, and looks for no data; other tiers and cases are as they were."""
    done = run("-k", "compact and test_loss", "-rs", tier="accept", results=tmp_path)
    assert done.parseoutcomes() == {"skipped": 2, "deselected": ANY}
    done.stdout.fnmatch_lines(["left out: fashion_mnist-compact: it trains long: --tier full,*"])
    done.stdout.fnmatch_lines(["*it trains long: --tier full, and --seeds 1 for one seed*"])


def test_smoke_counts_what_trains_long_and_no_more(
    run: Bench, tmp_path: Path, trials: FakeTrials
) -> None:
    """It is built, without a forward pass: that alone would take minutes where it is emulated."""
    done = run("-k", "compact", results=tmp_path)
    assert {each.spec.case.name for each in trials.ran} == LONG
    assert {(each.spec.epochs, each.spec.inference) for each in trials.ran} == {(0, False)}
    done.stdout.fnmatch_lines(["left out: *-compact: *smoke only counts its parameters*"])


EMULATED = Emulated(kind="bfloat16", times=9.4)
PRICE = "about 9 times that in float32; fashion_mnist-compact_flo"
ORIGINAL, STAND_IN = "fashion_mnist-compact", "fashion_mnist-compact_float32"


@pytest.mark.parametrize(
    ("name", "tier", "emulated", "asked", "why"),
    [
        (ORIGINAL, "full", EMULATED, "", PRICE),
        (ORIGINAL, "full", EMULATED, "compact", "bfloat16 is emulated by this processor"),
        (ORIGINAL, "full", None, "", None),
        (ORIGINAL, "accept", None, "", "--tier full"),
        (STAND_IN, "full", EMULATED, "", None),
        (STAND_IN, "accept", EMULATED, "", "--tier full"),
        (STAND_IN, "full", None, "", "here it is not; -k compact_float32 trains it"),
        (STAND_IN, "full", None, "compact", "here it is not"),
        (STAND_IN, "full", None, "compact_float32 and loss", None),
        (STAND_IN, "full", None, "x.py::test_loss[fashion_mnist-compact_float32]", None),
        ("mnist-minimal", "full", None, "", None),
    ],
)
def test_a_case_in_float32_takes_the_place_of_an_emulated_one(
    name: str, tier: str, emulated: Emulated | None, asked: str, why: str | None
) -> None:
    """One of the two is trained on any machine, and both where the second is named."""
    found = left_out(name, tier, {ORIGINAL: emulated}, trained=True, asked=asked)
    assert found is None if why is None else found is not None and why in found


def test_the_forward_pass_of_an_emulated_case_is_not_timed_either() -> None:
    """The accept tier times it untrained where the processor has the type."""
    found = [
        left_out(ORIGINAL, "accept", {ORIGINAL: each}, trained=False, asked="")
        for each in (EMULATED, None)
    ]
    assert [why is None for why in found] == [False, True]


def test_what_is_left_out_here_is_said_before_training(
    run: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header names the case, the price and what is trained in its place."""
    monkeypatch.setattr("bench.conftest.emulation", lambda *_, **__: EMULATED)
    done = run("-k", "compact and test_loss", tier="accept", results=tmp_path / "none")
    done.stdout.fnmatch_lines(
        ["left out: fashion_mnist-compact: bfloat16 is emulated by this processor: a step takes*"]
    )


def test_timing_can_be_switched_off(run: Bench, stored: Path) -> None:
    """``--benchmark-disable`` leaves all tests, and no table of seconds."""
    done = run("--benchmark-disable", results=stored)
    assert (done.ret, "failed" in done.parseoutcomes()) == (0, False)
    assert "benchmark 'seconds" not in done.stdout.str()


@pytest.mark.parametrize(("quiet", "tables"), [("-q", True), ("-qq", False)])
def test_quiet_runs_say_little(run: Bench, stored: Path, quiet: str, tables: bool) -> None:
    """``-q`` leaves the tables, ``-qq`` only what pytest says; both write them."""
    done = run(quiet, "--benchmark-disable", results=stored)
    assert ("\nFashion MNIST\n" in done.stdout.str()) is tables
    assert "trials:" not in done.stdout.str()
    assert (stored / "latest" / "summary.md").exists()


def test_other_epochs_are_marked_and_not_judged(
    run: Bench, tmp_path: Path, trials: FakeTrials
) -> None:
    """A selection by name trains that case alone; of ``--epochs 1`` only the count is judged."""
    case = "fashion_mnist-cnn_32"
    known = {"training_accuracy": [0.5], "parameters": 113_386}
    trials.make = partial(trial, **known)
    done = run("-k", case, "--epochs", "1", results=tmp_path)
    assert [job.spec.case.name for job in trials.ran] == [case]
    assert (done.ret, trials.ran[0].spec.epochs) == (0, 1)
    assert [path.name for path in (tmp_path / "trials").glob("[a-z]*")] == [case]
    shown = done.stdout.str()
    tables = (tmp_path / "latest" / "summary.md").read_text("utf-8")
    assert "cnn_32 (epochs overridden: 1, sample)" in tables
    assert "epochs overridden: 1 - figures are not for publication" in shown
    told = "not comparable, as the epochs were overridden (1): test_accuracy, "
    assert told in " ".join(shown.split())
    (row,) = verdicts(tmp_path).values()
    outcomes = {each["metric"]: each["outcome"] for each in row["verdicts"]}
    quality = ("test_accuracy", "test_loss", "training_accuracy", "training_loss_by_epoch")
    apart = dict.fromkeys((*quality, "drop_in_training_loss"), "not comparable")
    assert outcomes == {**apart, "parameters": "pass"}


def test_parameters_alone_train_nothing(run: Bench, tmp_path: Path, trials: FakeTrials) -> None:
    """Counting builds each model once, for no epoch."""
    run("-k", "test_parameters", results=tmp_path)
    assert sorted(each.spec.case.name for each in trials.ran) == sorted(CASES)
    assert {each.spec.epochs for each in trials.ran} == {0}


def test_a_fresh_run_trains_anew(run: Bench, tmp_path: Path, trials: FakeTrials) -> None:
    """A second run is served what is stored; one with ``--fresh`` is not, whatever its date."""
    one = ("-k", "test_loss and cnn_64")
    for _ in range(2):
        run(*one, results=tmp_path)
    assert len(trials.ran) == 1
    (old,) = Store(tmp_path / "trials").all()
    Store(tmp_path / "trials").put(replace(old, started="2999-01-01T00:00:00+00:00"))
    run(*one, "--fresh", results=tmp_path)
    assert len(trials.ran) == 2


def test_a_mistake_that_a_user_can_mend_is_told_without_a_traceback() -> None:
    """Whatever raises it, a suite or a fixture; any other error keeps its own."""

    def failing(error: Exception) -> pytest.CallInfo[None]:
        def raises() -> None:
            raise error

        call = pytest.CallInfo.from_call(raises, "call")
        pytest_runtest_makereport(call)
        return call

    told, bug = failing(UserError("Mend it.")).excinfo, failing(ValueError("Bug.")).excinfo
    assert told and told.type is pytest.fail.Exception and str(told.value) == "Mend it."
    assert not told.value.pytrace
    assert bug and bug.type is ValueError
