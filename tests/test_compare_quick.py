"""``compare BASE --tier quick``: what is trained, what is looked at, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import DENSE, call, of_code, printed, seeds
from records import stored
from scheduler_world import FakeTrials, get, pretend, trial

from bench.cases import CASES
from fitting_room import data
from fitting_room.analysis.sides import SEEN_EARLY, beginnings, facts_of
from fitting_room.errors import UserError
from fitting_room.lab.plan import Options, specify
from fitting_room.record import Job, Listener, Record

DIGITS = "mnist-dense_128"
QUICK = ("--tier", "quick", "-v")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with eight seeds of two cases, by other code than that of this checkout."""
    records = [*seeds(8), *seeds(8, case=DIGITS)]
    found = {record.spec.case.task: record.spec.dataset for record in records}
    monkeypatch.setattr(data, "find", lambda task, **_: found[task])
    return stored(tmp_path / "base", records)


def like(off: float, *, case: str = DENSE, epoch: int = 1) -> Callable[[Job, Listener], Record]:
    """Return what trains as the base did, with the loss of one case off from an epoch on."""

    def make(job: Job, listen: Listener) -> Record:
        (wanted,) = seeds(1, first=job.spec.seed + 9)
        known = {"training_accuracy": wanted.epochs[-1].training_accuracy}
        whole = trial(job, listen, **known)
        shift = off if job.spec.case.name == case else 0.0
        epochs = tuple(
            replace(each, training_loss=(each.training_loss or 0) + shift * (each.number >= epoch))
            for each in whole.epochs
        )
        return replace(whole, epochs=epochs[: job.spec.last_epoch])

    return make


def asked(trials: FakeTrials) -> list[tuple[str, int]]:
    """Return case and seed of what was trained, and see that it stopped after two epochs."""
    assert {job.spec.stop_after for job in trials.ran} <= {2}
    return [(job.spec.case.name, job.spec.seed) for job in trials.ran]


def test_unchanged_code_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would repeat stands for it, and is the same seed by seed."""
    trials = pretend(monkeypatch)
    folder = stored(tmp_path / "base", of_code(seeds(8)))
    out = printed(folder, *QUICK, "--results", tmp_path / "results").out
    assert trials.ran == []
    assert f"{DENSE} | drop_in_training_loss" in " ".join(out.split())
    assert "- head: this checkout, the first 2 epochs of each trial; 1 case, 8 seeds each" in out


def test_changed_code_that_learns_alike_is_green(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each changed case trains until it is decided; only what two epochs know is compared."""
    trials = pretend(monkeypatch, like(0.0))
    out, told = printed(base, *QUICK, "--undecided", "fail", "--results", tmp_path)
    ran = asked(trials)
    assert {case for case, _ in ran} == {DENSE, DIGITS}
    assert max(seed for _, seed in ran) <= 2
    assert "2 cases changed, 2 trials to train, about " in told
    assert all(metric in out for metric in SEEN_EARLY)
    assert "test_accuracy" not in out
    assert "epochs_to_target" not in out


def test_a_regression_ends_it_at_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One seed far off is enough; the case that was not trained is named, and not called same."""
    trials = pretend(monkeypatch, like(0.3))
    out = printed(base, *QUICK, "--results", tmp_path, status=1).out
    assert asked(trials) == [(DENSE, 0)]
    assert f"{DENSE} training_loss regression" in out
    assert f"{DIGITS} is missing: head (" in out
    assert "not trained, as a regression was found before" in out


def test_an_open_verdict_adds_seeds_to_its_case_alone(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single diverged seed leaves one case open; what is decided trains no more."""
    calm = like(0.0, case="")

    def make(job: Job, listen: Listener) -> Record:
        if (job.spec.case.name, job.spec.seed) != (DIGITS, 0):
            return calm(job, listen)
        lost = trial(job, listen, outcome="diverged")
        return replace(lost, epochs=(replace(lost.epochs[0], training_loss=None),))

    trials = pretend(monkeypatch, make)
    assert call(base, *QUICK, "--results", tmp_path) == 0
    ran = asked(trials)
    assert [seed for case, seed in ran if case == DIGITS][:2] == [0, 1]
    assert len([case for case, _ in ran if case == DENSE]) < len(ran) / 2


def test_what_is_only_seen_later_passes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole trial in the store serves, and its third epoch does not count."""
    trials = pretend(monkeypatch, like(9.0, epoch=3))
    case = CASES[DENSE]
    for seed in range(3):
        get(tmp_path / "trials", specify(case, seed, Options(), data.find(case.task)))
    trials.ran.clear()
    assert call(base, *QUICK, "--case", DENSE, "--results", tmp_path) == 0
    assert trials.ran == []


def test_what_stands_for_another_is_left_out(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two cases that are one network in two precisions the machine trains one."""
    names = ("fashion_mnist-compact", "fashion_mnist-compact_float32")
    stored(base, [record for name in names for record in seeds(8, case=name)])
    trials = pretend(monkeypatch, like(0.0))
    out = printed(base, *QUICK, "--results", tmp_path).out
    assert len({case for case, _ in asked(trials)} & {*names}) == 1
    assert ", without fashion_mnist-compact" in out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("HEAD",), "Leave out HEAD, or --tier"),
        (("--time",), "Leave out --time, or --tier"),
        (("--train", "--update-reference"), "Leave out --train and --update-reference, or --tier"),
    ],
)
def test_what_trains_otherwise_is_refused(given: tuple[str, ...], told: str, base: Path) -> None:
    """It is said which of the two is to go."""
    with pytest.raises(UserError, match=told):
        call(base, *given, *QUICK)


def test_a_beginning_says_what_is_known_by_then() -> None:
    """A trial that diverged later began well; one that diverged at once did not."""
    whole, early = seeds(2)
    late = replace(whole, outcome="diverged")
    lost = replace(early, outcome="diverged", epochs=early.epochs[:1])
    facts = beginnings([late, lost], epochs=2)[DENSE]
    assert set(facts.samples) == set(SEEN_EARLY)
    assert {(len(each.values), each.diverged) for each in facts.samples.values()} == {(1, 1)}
    assert facts.samples["training_loss"].values == (whole.epochs[1].training_loss,)
    assert facts_of([late, lost])[DENSE].samples["training_loss"].diverged == 2
