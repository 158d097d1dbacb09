"""Options and the plan: what tiers, seeds and overrides train, and the header that tells it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import MACHINE, make_record
from scheduler_world import get, new_evaluator, new_scheduler

from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Bound
from fitting_room.lab import evaluator
from fitting_room.lab.evaluator import Evaluator, outline
from fitting_room.lab.plan import MOST_SEEDS, Need, Options, Planned, plan, specify
from fitting_room.plugin import options as plugin_options
from fitting_room.spec import TrialSpec
from fitting_room.store.bounds import Bounds

RUN = "a1"


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        (Options(), 1, MOST_SEEDS),
        (Options(tier="smoke"), 1, 1),
        (Options(tier="full"), 10, 10),
        (Options(tier="quick"), 1, MOST_SEEDS),
        (Options(tier="quick", seeds=2), 2, 2),
        (Options(seeds=3), 3, 3),
        (Options(tier="full", seeds=2), 2, 2),
    ],
)
def test_only_an_open_verdict_of_some_tiers_adds_seeds(
    options: Options, least: int, most: int
) -> None:
    """Other tiers, and a number that was asked for, are exact."""
    assert (options.least_seeds, options.most_seeds) == (least, most)


@pytest.mark.parametrize(
    ("options", "published"),
    [
        (Options(), True),
        (Options(tier="full", seeds=1), True),
        (Options(tier="smoke"), False),
        (Options(tier="quick"), False),
        (Options(epochs=5), False),
    ],
)
def test_sample_and_override_are_not_for_publication(options: Options, published: bool) -> None:
    """Neither the small sample nor another number of epochs gives a figure to publish."""
    assert options.for_publication == published


@pytest.mark.parametrize("known", [{"epochs": 3}, {"keep_models": True}])
def test_quick_trials_end_before_what_contradicts_them(known: dict[str, Any]) -> None:
    """Neither another schedule nor a trained model can be had of one that is stopped."""
    with pytest.raises(UserError, match=r"stops each trial after epoch 2 .* one of the two out"):
        Options(tier="quick", **known)


@pytest.mark.parametrize("known", [{"seeds": 2}, {"tier": "full"}])
def test_no_first_seed_is_ended_where_none_is_judged_alone(known: dict[str, Any]) -> None:
    """It is refused, and not ignored; with one seed asked for it is not."""
    with pytest.raises(UserError, match=r"--stop-early .* Leave it out, or add --seeds 1"):
        Options(stop_early=True, **known)
    assert Options(stop_early=True, **{**known, "seeds": 1}).stop_early


class Config:
    """Reads a command line as pytest would, with the bench's own group of options."""

    def __init__(self, rootpath: Path, arguments: Sequence[str]) -> None:
        self.rootpath = rootpath
        parser = argparse.ArgumentParser(exit_on_error=False)
        self.addoption = parser.add_argument
        plugin_options.add_options(self)  # type: ignore[arg-type]
        self.found = vars(parser.parse_args(arguments))

    def getgroup(self, name: str) -> Config:
        """Give the one group there is."""
        assert name == "fitting room"
        return self

    def parse_known_and_unknown_args(self, names: Sequence[str]) -> tuple[None, list[str]]:
        """Know no option but those that are about to be added."""
        return None, list(names)

    def getoption(self, name: str) -> Any:
        """Return what the command line says."""
        return self.found[name]


def read(folder: Path, *arguments: str) -> Options:
    """Return the options of a command line in a project."""
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text('[tool.fitting-room]\ncases = "a:B"\n', encoding="utf-8")
    return plugin_options.read_options(Config(folder, arguments), run=RUN)  # type: ignore[arg-type]


def test_nothing_asked_for_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options a run is accepted or not, on the CPU, with records in the root folder."""
    monkeypatch.delenv("FITTING_ROOM_DATA", raising=False)
    assert read(tmp_path) == Options(results=tmp_path / "results")


def test_every_option_is_read(tmp_path: Path) -> None:
    """Each option reaches the value that the scheduler is given."""
    line = "--tier full --seeds 3 --epochs 2 --device gpu --backend jax --data-dir d --offline"
    more = "--fresh --time-limit 1.5 --results r"
    assert read(tmp_path, *line.split(), *more.split()) == Options(
        tier="full",
        seeds=3,
        epochs=2,
        device="gpu",
        backend="jax",
        data_dir=Path.cwd() / "d",
        offline=True,
        fresh=RUN,
        time_limit_s=1.5,
        results=tmp_path / "r",
    )


def test_folder_of_data_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable counts, and the option overrules it."""
    monkeypatch.setenv("FITTING_ROOM_DATA", "there")
    assert read(tmp_path).data_dir == Path.cwd() / "there"
    assert read(tmp_path, "--data-dir", "here").data_dir == Path.cwd() / "here"


def test_absolute_results_folder_stays_where_it_is(tmp_path: Path) -> None:
    """Only a relative one lies in the root folder."""
    elsewhere = tmp_path / "elsewhere"
    assert read(tmp_path / "root", "--results", str(elsewhere)).results == elsewhere


@pytest.mark.parametrize("option", ["--seeds", "--epochs"])
@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "two", "²", ""])
def test_number_that_is_none_is_refused(tmp_path: Path, option: str, wrong: str) -> None:
    """Seeds and epochs are whole numbers from 1."""
    with pytest.raises(argparse.ArgumentError, match="expected a whole number from 1, not"):
        read(tmp_path, f"{option}={wrong}")


@pytest.mark.parametrize("wrong", ["0", "-1", "inf", "nan", "soon"])
def test_time_limit_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    """A time limit is a finite number of seconds above 0."""
    with pytest.raises(argparse.ArgumentError, match="expected a number of seconds above 0, not"):
        read(tmp_path, f"--time-limit={wrong}")


@pytest.mark.parametrize("wrong", ["--tier=fast", "--device=tpu", "--backend=mxnet"])
def test_word_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    """Tiers, devices and backends are those there are."""
    with pytest.raises(argparse.ArgumentError, match="invalid choice"):
        read(tmp_path, wrong)


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


CHOSEN = [CASES["fashion_mnist-dense_128"], CASES["mnist-dense_128"]]
RECORDS = [make_record(case=case) for case in CHOSEN]


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
