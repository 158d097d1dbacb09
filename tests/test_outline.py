"""The header of a run: what is to be trained, on what, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from records import MACHINE, make_record
from scheduler_world import (
    get,
    new_evaluator,
    new_scheduler,
)

from bench.cases import CASES
from fitting_room.judge.verdict import Bound
from fitting_room.lab import evaluator
from fitting_room.lab.evaluator import Evaluator, outline
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.store.bounds import Bounds

CHOSEN = [CASES["fashion_mnist-dense_128"], CASES["mnist-dense_128"]]
RECORDS = [make_record(case=case) for case in CHOSEN]
DATA = {record.spec.case.task: record.spec.dataset for record in RECORDS}


def of_two_cases(
    folder: Path, options: Options | None = None, accelerator: str | None = None
) -> Evaluator:
    """Return the evaluator of a run that selected every test of two cases."""
    options = options or Options()
    scheduler = new_scheduler(folder, accelerator=accelerator)
    planned = plan([Need(case=case) for case in CHOSEN], options, DATA)
    bounds = Bounds(path=Path("bounds.toml"))
    return Evaluator(scheduler=scheduler, bounds=bounds, options=options, planned=planned)


def lines(judge: Evaluator, word: str) -> list[str]:
    """Return what the header says after ``word: ``."""
    found = (line.split(": ", 1) for text in outline(judge) for line in text.splitlines())
    return [rest for first, rest in found if first == word]


@pytest.mark.usefixtures("trials")
def test_trials_that_are_stored_are_not_planned_again(tmp_path: Path) -> None:
    """What is missing is told apart from what is there."""
    judge = of_two_cases(tmp_path, Options(seeds=2))
    get(tmp_path, judge.planned[CHOSEN[0].name][1].spec)
    missing = [(wanted.spec.case.name, wanted.spec.seed) for wanted in judge.missing]
    assert missing == [(CHOSEN[0].name, 0), (CHOSEN[1].name, 0), (CHOSEN[1].name, 1)]


@pytest.mark.usefixtures("trials")
def test_time_is_told_by_earlier_trials(tmp_path: Path) -> None:
    """Two trials of about a minute each take two, and of one that never ran it is said."""
    judge = of_two_cases(tmp_path, Options(seeds=1))
    spent = {"total": 60.0, "train": 17.0, "evaluate": 1.0}
    judge.known = [replace(record, seconds=spent) for record in RECORDS]
    assert lines(judge, "trials")[0].endswith("2 to train, about 2 min")
    judge.known.pop()
    assert lines(judge, "trials")[0].endswith(
        "2 to train, about 58 s without mnist-dense_128, whose time is known after an epoch"
    )


@pytest.mark.usefixtures("trials")
def test_nothing_to_train_says_why(tmp_path: Path) -> None:
    """A run that takes seconds explains itself."""
    judge = of_two_cases(tmp_path)
    for wanted in judge.planned.values():
        get(tmp_path, wanted[0].spec)
    why = "nothing to train: no code, data or version has changed since"
    assert lines(judge, "trials") == [f"2, 2 stored already, {why}"]


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(), "accept, 1 seed a case, up to 6 while a verdict is open"),
        (Options(tier="full"), "full, 10 seeds a case"),
        (Options(seeds=2), "accept, 2 seeds a case"),
        (Options(tier="smoke"), "smoke, 1 seed a case - figures are not for publication"),
        (
            Options(seeds=1, epochs=2),
            "accept, 1 seed a case, epochs overridden: 2 - figures are not for publication",
        ),
    ],
)
def test_tier_is_told_with_its_seeds(tmp_path: Path, options: Options, told: str) -> None:
    """What is not for publication is marked from the start."""
    assert lines(of_two_cases(tmp_path, options), "tier") == [told]


@pytest.mark.usefixtures("trials")
def test_each_data_set_is_told_with_its_source(tmp_path: Path) -> None:
    """Once each, however many trials rest on it."""
    judge = of_two_cases(tmp_path, Options(seeds=3))
    told = ["fashion_mnist from the local cache", "mnist from the local cache"]
    assert lines(judge, "data") == told


@pytest.mark.usefixtures("trials")
def test_device_and_versions_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accelerator by its name, a CPU with its cores, and what is installed."""
    monkeypatch.setattr(evaluator, "this_machine", lambda _: MACHINE)
    monkeypatch.setattr(evaluator, "versions", lambda backend: {"python": "3.13", backend: "1.0"})
    options = Options(backend="jax")
    cpu = of_two_cases(tmp_path, options)
    assert lines(cpu, "device") == ["cpu, 2 cores, Example CPU (avx2)"]
    assert lines(cpu, "versions") == ["python 3.13, jax 1.0"]
    assert lines(of_two_cases(tmp_path, options, "gpu:0"), "device") == ["gpu:0"]


def test_what_is_only_built_is_not_called_training(tmp_path: Path) -> None:
    """A count of parameters needs no epoch."""
    judge = new_evaluator(tmp_path)
    needs = [Need(case=CHOSEN[0], trained=False), Need(case=CHOSEN[1])]
    judge.planned = plan(needs, judge.options, DATA)
    assert "1 to train, 1 to build, " in lines(judge, "trials")[0]


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(backend="jax"), ["1 of 2 cases, no reference for jax on cpu"]),
        (Options(backend="jax", epochs=2), []),
        (Options(), []),
    ],
)
def test_what_cannot_be_judged_is_told_before_it_is_trained(
    tmp_path: Path, options: Options, told: list[str]
) -> None:
    """Of cases that have bounds, those that have none of this backend and device are counted."""
    count = Bound(metric="parameters", exactly=101_770, reason="counted")
    floor = Bound(metric="test_accuracy", at_least=0.8, reason="a round figure")
    bounds = Bounds(
        path=Path("bounds.toml"),
        tables={case.name: {count.metric: count} for case in CHOSEN},
        apart={CHOSEN[0].name: {"jax-cpu": {floor.metric: floor}}},
    )
    judge = replace(of_two_cases(tmp_path, options), bounds=bounds.on(options.platform))
    assert lines(judge, "not judged") == told
