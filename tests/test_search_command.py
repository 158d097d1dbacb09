"""``python -m bench search``, with simulated trials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Printed, printed, shell
from data_world import FakeSource, know, tiny
from scheduler_world import FakeTrials, pretend, trial

from fitting_room.record import Job, Listener, Record
from fitting_room.studies.search import read_log

CANDIDATES = """
[defaults]
builder = "models.minimal:minimal"
recipe = { epochs = 3, optimizer = "sgd", momentum = 0.9 }
[candidates.small]
arguments = { body = "8 p 8" }
[candidates.wide]
arguments = { body = "16 p 16" }
"""


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTrials:
    """Let the sample be the data set, and trials simulated."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    (tmp_path / "candidates.toml").write_text(CANDIDATES)
    return pretend(monkeypatch)


@pytest.fixture
def search(tmp_path: Path, trials: FakeTrials) -> Callable[..., Printed]:
    """Run the command in a folder of its own."""
    assert trials.ran == []
    fixed = ("--held-out", 100, "--results", tmp_path / "results")

    def search(
        *arguments: str, candidates: str | None = "candidates.toml", status: int = 0
    ) -> Printed:
        files = [tmp_path / candidates] if candidates else []
        return printed("search", "mnist", *files, *fixed, *arguments, status=status, by=shell)

    return search


def log(folder: Path) -> list[tuple[str, int]]:
    """Return candidate and seed of every line."""
    found = read_log(folder / "results" / "search" / "mnist.jsonl")
    return [(line.candidate, line.seed) for line in found]


def test_every_trial_is_given_training_images_alone(
    search: Callable[..., Printed], trials: FakeTrials
) -> None:
    """The folder that a child process is told is that of the split, whose mark it bears."""
    search("--seeds", "2")
    told = {job.spec.dataset for job in trials.ran}
    assert [(d.validation, Path(d.folder).name.split("-")[0]) for d in told] == [
        (True, "validation")
    ]
    assert {job.spec.alone for job in trials.ran} == {False}


def test_it_goes_seed_by_seed_and_logs_each_trial(
    search: Callable[..., Printed], tmp_path: Path
) -> None:
    """An early end leaves every candidate with some, and the table shows what there is."""
    out, err = search("--seeds", "2")
    assert log(tmp_path) == [("small", 0), ("wide", 0), ("small", 1), ("wide", 1)]
    assert out.count("(2) |") == 2
    assert "validation 87.50 %" in err and "left" in err


def test_what_is_logged_is_not_trained_again(
    search: Callable[..., Printed], tmp_path: Path, trials: FakeTrials
) -> None:
    """More seeds of some candidates train those alone, also without their records."""
    search()
    for path in (tmp_path / "results" / "search" / "trials").rglob("*.json"):
        path.unlink()
    search("--seeds", "2", "--only", "wide")
    assert [a.spec.case.architecture for a in trials.ran] == ["small", "wide", "wide"]
    assert log(tmp_path) == [("small", 0), ("wide", 0), ("wide", 1)]


def test_a_trial_that_broke_is_logged_and_tried_again(
    search: Callable[..., Printed], tmp_path: Path, trials: FakeTrials
) -> None:
    """One that diverged would diverge again, so it is not."""
    outcomes = iter(["crashed", "diverged", "completed"])

    def make(job: Job, listen: Listener) -> Record:
        return trial(job, listen, outcome=next(outcomes))

    trials.make = make
    search(), search()
    assert log(tmp_path) == [("small", 0), ("wide", 0), ("small", 0)]


def test_an_interrupted_search_keeps_what_it_has(
    search: Callable[..., Printed], tmp_path: Path, trials: FakeTrials
) -> None:
    """Ctrl-C ends it with the usual status, and the next one goes on."""

    def make(job: Job, listen: Listener) -> Record:
        if len(trials.ran) == 2:
            raise KeyboardInterrupt
        return trial(job, listen)

    trials.make = make
    search(status=130)
    assert log(tmp_path) == [("small", 0)]
    search()
    assert log(tmp_path) == [("small", 0), ("wide", 0)]


def test_without_candidates_it_shows_the_whole_log(
    search: Callable[..., Printed], trials: FakeTrials
) -> None:
    """And trains nothing."""
    search()
    assert "small" in search(candidates=None).out
    assert len(trials.ran) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mnits"], "There is no task 'mnits'. Did you mean 'mnist'?"),
        (["mnist", "none.toml"], "none.toml cannot be read: No such file or directory. It holds"),
        (["mnist", "candidates.toml", "--only", "smal"], "'smal'. Did you mean 'small'"),
    ],
)
@pytest.mark.usefixtures("trials")
def test_a_mistake_in_the_call_is_told_in_a_sentence(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    """With status 2, before anything is trained."""
    found = [tmp_path / each if each.endswith("toml") else each for each in arguments]
    assert told in printed("search", *found, status=2, by=shell).err
