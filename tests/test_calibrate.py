"""``calibrate``: what it trains, keeps, replaces and shows, with simulated trials."""

from __future__ import annotations

import importlib.util
import shutil
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from commands import Printed, printed, shell
from records import disturbed, make_record
from scheduler_world import ORIGIN, pretend, trial
from test_kept_models import kept

from fitting_room import data
from fitting_room.cli import calibrate as calibrate_command
from fitting_room.cli.calibrate import published
from fitting_room.cli.session import check_platform
from fitting_room.errors import UserError
from fitting_room.lab import probe, scheduler
from fitting_room.record import Job, Listener, Outcome, Record, silent
from fitting_room.store.records import Store

CASE = "fashion_mnist-dense_128"

Calibrate = Callable[..., tuple[list[Record], Printed]]


def run(results: Path, *options: str, status: int = 0) -> Printed:
    """Run the command on one case."""
    asked = ("calibrate", CASE, "--results", results, *options)
    return printed(*asked, status=status, by=shell)


@pytest.fixture(autouse=True)
def _sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sample be the data that is found."""
    monkeypatch.setattr(data, "find", lambda task, **_: data.sample(task))


def scored(accuracy: float, outcome: Outcome, job: Job, listen: Listener = silent) -> Record:
    """Run a made-up trial whose accuracy scatters a little with its seed."""
    found = accuracy + job.spec.seed / 1000
    return trial(job, listen, test_accuracy=found, outcome=outcome)


@pytest.fixture
def calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calibrate:
    """Return what calibrates two seeds without trials, and gives references and what it said."""

    def calibrate(
        *options: str, accuracy: float, training: str = "as it is", outcome: Outcome = "completed"
    ) -> tuple[list[Record], Printed]:
        shutil.rmtree(tmp_path / "trials", ignore_errors=True)
        pretend(monkeypatch, partial(scored, accuracy, outcome))
        origin = replace(ORIGIN, training_digest=training)
        monkeypatch.setattr(scheduler, "provenance", lambda *_, **__: origin)
        said = run(tmp_path, "--seeds", "2", *options)
        return list(Store(tmp_path / "reference").all()), said

    return calibrate


def test_times_are_not_given_up_for_the_same_without(calibrate: Calibrate) -> None:
    """Reference and bounds stay as they are, and that is said."""
    before, first = calibrate(accuracy=0.87)
    after, told = calibrate("--fresh", "--shared", accuracy=0.80)
    assert (after, told.out) == (before, first.out)
    assert f"{CASE}, seed 1: its reference stays, because it has times." in told.err


def test_times_of_what_diverged_are_kept_too(calibrate: Calibrate) -> None:
    """It is trained again each time, as no result of that key is found."""
    before, _ = calibrate(accuracy=0.1, outcome="diverged")
    assert calibrate("--shared", accuracy=0.1, outcome="diverged")[0] == before


@pytest.mark.parametrize(
    ("first", "then", "alone"),
    [
        ((), ("--fresh",), True),
        (("--shared",), ("--fresh",), True),
        (("--shared",), ("--fresh", "--shared"), False),
    ],
)
def test_where_no_times_are_lost_what_is_new_is_the_reference(
    calibrate: Calibrate, first: tuple[str, ...], then: tuple[str, ...], alone: bool
) -> None:
    """What was asked to be trained anew takes the place of what was there."""
    calibrate(*first, accuracy=0.87)
    found, _ = calibrate(*then, accuracy=0.80)
    assert [record.test_accuracy for record in found] == [0.80, 0.801]
    assert {(record.spec.alone, record.run) for record in found} == {(alone, None)}


def test_times_of_other_code_are_none_of_this(calibrate: Calibrate) -> None:
    """A stale reference gives way to one without times."""
    calibrate(accuracy=0.87)
    found, _ = calibrate("--shared", accuracy=0.80, training="changed")
    assert [record.test_accuracy for record in found] == [0.80, 0.801]


def test_a_few_seeds_trained_anew_leave_bounds_to_the_whole_reference(calibrate: Calibrate) -> None:
    """Bounds rest on every seed that there is, not on those of the last call."""
    _, suggested = calibrate("--seeds", "4", accuracy=0.87)
    assert calibrate("--fresh", accuracy=0.87)[1].out == suggested.out
    assert "seeds = 4" in suggested.out


def test_trials_side_by_side_have_no_times(calibrate: Calibrate) -> None:
    """Two at once are one reference each, and not timed."""
    found, _ = calibrate("--shared", "--jobs", "2", accuracy=0.87)
    assert [(record.spec.seed, record.spec.alone) for record in found] == [(0, False), (1, False)]


def test_trials_side_by_side_are_not_to_be_timed(tmp_path: Path) -> None:
    """Each would slow the other down."""
    assert "Add --shared" in run(tmp_path, "--jobs", "2", status=2).err


def test_a_disturbed_trial_has_no_times_to_replace_others_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told what disturbed it, and gives way to a quiet one."""
    quiet, reference = published(make_record(case=CASE), alone=True), Store(tmp_path)
    for record, expected in ((disturbed(quiet), disturbed(quiet)), (quiet, quiet)):
        calibrate_command._refer(record, reference, alone=True)
        assert list(reference.all()) == [expected]
    assert "3 of 4 epochs waited for a core" in capsys.readouterr().err
    calibrate_command._refer(disturbed(quiet), reference, alone=True)
    assert list(reference.all()) == [quiet]
    assert "its reference stays, because it has times" in capsys.readouterr().err


@pytest.mark.parametrize(("lost", "prices"), [({1}, True), ({0, 1, 2}, False)])
def test_diverged_seeds_of_a_reference_are_kept_and_not_priced(
    lost: set[int], prices: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others suggest bounds and say what these cost; where none is left, nothing is said."""

    def make(job: Job, listen: Listener = silent) -> Record:
        seed = job.spec.seed
        if seed in lost:
            known = {"outcome": "diverged", "training_accuracy": [0.5, 0.1]}
            return trial(job, listen, test_accuracy=None, test_loss=None, **known)
        return trial(job, listen, training_accuracy=0.89 + seed / 1000)

    pretend(monkeypatch, make)
    out = run(tmp_path, "--seeds", "3").out
    assert (f"| {CASE} | training accuracy" in out) == prices
    assert (f"# {CASE}: 0 completed seeds" in out) != prices
    assert len(list((tmp_path / "reference" / CASE).glob("*-diverged.json"))) == len(lost)


def test_a_case_whose_trials_all_crash_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to calibrate by: status 2, with the place of the reasons, and no bounds."""
    pretend(monkeypatch, partial(scored, 0.87, "crashed"))
    out, err = run(tmp_path, "--seeds", "2", status=2)
    assert f"# {CASE}: 0 completed seeds" in out
    assert f"error: {CASE}: no trial came to a result." in err
    assert f"in {tmp_path / 'trials'}" in err


def test_a_reference_without_a_model_gets_one_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is trained again for the model alone, once."""
    trials = pretend(monkeypatch, kept)
    run(tmp_path, "--seeds", "2")
    before = {path: path.read_bytes() for path in (tmp_path / "reference" / CASE).iterdir()}
    for _ in range(2):
        run(tmp_path, "--seeds", "2", "--keep-models")
    assert len(trials.ran) == 4
    assert {path: path.read_bytes() for path in (tmp_path / "reference" / CASE).iterdir()} == before
    models = sorted(path.name for path in (tmp_path / "models" / CASE).glob("*.keras"))
    assert models == ["seed-000-sample.keras", "seed-001-sample.keras"]


def contents(folder: Path) -> dict[Path, bytes]:
    """Return the content of every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*.json")}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("--backend jax --device gpu", "jax-gpu"),
        ("--device gpu", "tensorflow-gpu"),
        ("--backend torch --device gpu", "torch-gpu"),
    ],
)
def test_another_platform_has_references_of_its_own(
    calibrate: Calibrate, options: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie beside the usual ones, which stay to the byte, and suggest a table of their own."""
    monkeypatch.setattr("fitting_room.cli.session.check_backend", lambda *_: None)
    usual, _ = calibrate(accuracy=0.87)
    before = contents(tmp_path / "reference")
    after, (out, _) = calibrate(*options.split(), accuracy=0.80)
    assert after == usual
    assert before.items() <= contents(tmp_path / "reference").items()
    found = list(Store(tmp_path / "reference" / name).all())
    assert [record.test_accuracy for record in found] == [0.80, 0.801]
    assert {f"{r.spec.backend}-{r.spec.device}" for r in found} == {name}
    assert f"+[{CASE}.{name}]\n" in out
    assert "+test_accuracy = { at_least = " in out
    assert "\n-test_accuracy" not in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--backend", "jax"), "pip install 'fitting-room[jax]'"),
        (("--device", "gpu"), "--device gpu: tensorflow sees no GPU here. Use --device cpu."),
    ],
)
def test_a_platform_that_is_not_here_is_told_before_anything_is_trained(
    options: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the line that helps, and leaves no folder."""
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "jax" else known(n))
    monkeypatch.setattr(probe, "_ask", lambda *_: None)
    assert told in run(tmp_path / "results", *options, status=2).err
    assert not (tmp_path / "results").exists()


def test_only_a_trainer_of_one_s_own_does_without_the_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where TensorFlow is not installed, cases that train by themselves are no mistake."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    asked = Namespace(backend="tensorflow", device="cpu", engine=None)
    case = make_record(case=CASE).spec.case
    own = replace(case, trainer="own:train")
    check_platform(asked, [own])
    with pytest.raises(UserError, match="not installed here"):
        check_platform(asked, [own, case])
