"""``python -m bench gate`` with simulated trials: what it keeps, prints and answers."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from commands import Printed, printed
from imports import ROOT
from records import PROJECT
from scheduler_world import FakeTrials, pretend, trial

from bench.cases import CASES
from bench.variants import CRIPPLED, MINIMAL, ORIGINAL
from fitting_room import data
from fitting_room.cli import gate
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import METRICS
from fitting_room.record import Job, Listener, Record, silent
from fitting_room.store.bounds import Bounds, read_bounds
from fitting_room.store.records import Store
from fitting_room.studies import ABSENT, read_document
from fitting_room.studies.gate import Variants, outcome_of
from fitting_room.studies.gate_page import (
    BLOCKS,
    COST,
    QUICK_RUNS,
    STALE,
    VARIANTS,
    Costs,
    QuickRuns,
)
from fitting_room.studies.gate_simulation import (
    ACCEPT,
    QUICK,
    SIMULATION,
    completed,
    digest_of,
    gauges,
    reference_values,
)

REFERENCE = ROOT / "results" / "reference"
RECORDS = list(Store(REFERENCE).all())
SEEN_EARLY = {"training_loss_by_epoch", "drop_in_training_loss"}
BOUNDS = read_bounds(PROJECT.bounds, cases=CASES, metrics=METRICS)


def usual(job: Job, listen: Listener = silent) -> Record:
    """Return what the reference of its case gave on average; a changed one is off by a tenth.

    Seeds that no reference holds take longer, each by another ten seconds.
    """
    known = [record for record in RECORDS if record.spec.case.name == job.spec.case.original]
    changed = job.spec.case.variant
    off = 0.1 if changed and CRIPPLED[changed].red else 0.0
    record = trial(
        job,
        listen,
        test_accuracy=fmean(r.test_accuracy or 0 for r in known) - off,
        test_loss=fmean(r.test_loss or 0 for r in known) + off,
    )
    curves = zip(*(r.epochs for r in known), strict=True)
    epochs = tuple(
        replace(
            each[0],
            training_accuracy=fmean(e.training_accuracy or 0 for e in each) - off,
            training_loss=fmean(e.training_loss or 0 for e in each) + off,
        )
        for each in curves
    )
    extra = 10 + job.spec.seed - gate.OTHER_SEEDS
    seconds = {**record.seconds, "total": float(extra if extra > 0 else record.seconds["total"])}
    counts = {"size": known[0].size, "resolved": known[0].resolved}
    return replace(record, **counts, epochs=epochs, seconds=seconds)  # type: ignore[arg-type]


def must_fail(variant: str) -> bool:
    """Whether the gate must notice a variant; the untouched case has none."""
    return bool(variant) and CRIPPLED[variant].red


def blind(job: Job, listen: Listener = silent) -> Record:
    """Return the same for every variant, as if nothing had been changed."""
    case = replace(job.spec.case, variant="")
    untouched = replace(job, spec=replace(job.spec, case=case))
    return replace(usual(untouched, listen), spec=job.spec)


def worse(job: Job, listen: Listener = silent) -> Record:
    """Return a training loss that is off by a tenth, though nothing was changed."""
    record = usual(job, listen)
    off = (replace(each, training_loss=(each.training_loss or 0) + 0.1) for each in record.epochs)
    return replace(record, epochs=tuple(off))


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that holds the references of the cases that have variants."""
    found = {record.spec.case.task: record.spec.dataset for record in RECORDS}
    monkeypatch.setattr(data, "find", lambda task, **_: found[task])
    for case in (ORIGINAL, MINIMAL):
        shutil.copytree(REFERENCE / case.name, tmp_path / "reference" / case.name)
    return tmp_path


def run(folder: Path, *arguments: str, status: int = 0) -> Printed:
    """Run the command over few runs."""
    runs = ("--runs", 100, "--again", 2)
    return printed("gate", "--results", folder, *runs, *arguments, status=status)


def test_everything_is_measured_kept_and_printed(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variant goes red by one seed, cases stay green, ten seeds are there to compare."""
    trials: FakeTrials = pretend(monkeypatch, usual)
    shown, told_of = run(results)
    found = read_document(results / VARIANTS, Variants)
    costs = read_document(results / COST, Costs)
    assert found is not None
    assert costs is not None
    assert costs.measured is not None
    of_case = Counter(variant.case.original for variant in CRIPPLED.values())
    assert Counter(f.case for f in found.findings) == of_case + Counter(set(of_case))
    told = {(must_fail(f.variant), f.outcome, outcome_of(f.quick)) for f in found.findings}
    assert told == {(False, "pass", "pass"), (True, "fail", "fail")}
    assert {f.seeds for f in found.findings} == {1}
    measured = costs.measured
    assert (measured.runs, measured.sequential_seeds, measured.sequential_seconds) == (2, 1, 15)
    assert measured.ten_seconds == pytest.approx(70)
    assert {f.outcome for f in found.anew} == {"pass"}
    compared = {(must_fail(f.variant), f.compared.partition(" ")[0]) for f in found.findings}
    assert compared == {(False, "green"), (False, "open"), (True, "red")}  # a target wants two
    assert {f.compared for f in found.anew} == {"green"}
    assert [a.spec.seed for a in trials.ran][-2:] == [1000, 1010]
    assert len(trials.ran) == len(CRIPPLED) + len(of_case) - 1 + 10 + 2
    assert f"{len(trials.ran)} trials to train, about " in told_of
    assert shown == f"{BLOCKS['gate'](results, BOUNDS)}\n\n{BLOCKS['cost'](results, BOUNDS)}\n"
    assert "| learning rate × 0.5" in shown
    assert f"Neither sees: {CRIPPLED['one_order'].words} ({ORIGINAL.name})." in shown
    assert ABSENT.format("gate") not in shown
    assert STALE.format("gate") not in shown


def test_a_run_is_resumed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained before an interruption is not trained again."""

    def interrupted(job: Job, listen: Listener = silent) -> Record:
        if job.spec.case.variant == "dropout":
            raise KeyboardInterrupt
        return usual(job, listen)

    before = pretend(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(results)
    assert not (results / VARIANTS).exists()
    whole = pretend(monkeypatch, usual)
    run(results)
    assert len(whole.ran) == len(CRIPPLED) + 1 + 10 + 2 - (len(before.ran) - 1)
    assert "0 trials to train\n" in run(results).err


def test_a_gate_that_lets_a_changed_case_pass_is_a_finding(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with status 1 and names what was missed."""
    pretend(monkeypatch, blind)
    told = run(results, status=1).err
    assert f"{ORIGINAL.name}, labels shuffled changed: pass after 1 seed" in told
    assert CRIPPLED["one_order"].words not in told  # it is known to pass


def test_simulation_alone_trains_nothing_and_gives_the_same_figures(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured on real data stays, and the simulated runs have a seed of their own."""
    trials = pretend(monkeypatch, usual)
    run(results)
    before, simulated = len(trials.ran), (results / SIMULATION).read_bytes()
    run(results, "--simulate-only")
    assert len(trials.ran) == before
    assert (results / SIMULATION).read_bytes() == simulated
    costs = read_document(results / COST, Costs)
    assert costs is not None
    assert costs.measured is not None


def test_changed_bounds_make_the_tables_stale(results: Path) -> None:
    """A reason reworded does not; a limit moved does."""
    run(results, "--simulate-only")
    old, stale = BOUNDS.for_case(ORIGINAL.name, "test_accuracy"), STALE.format("gate")

    def with_bound(bound: Bound) -> Bounds:
        table = {**BOUNDS.tables[ORIGINAL.name], bound.metric: bound}
        return replace(BOUNDS, tables={**BOUNDS.tables, ORIGINAL.name: table})

    reworded = with_bound(replace(old, reason="in other words"))
    moved = with_bound(replace(old, at_least=0.5))
    assert digest_of(reworded) == digest_of(BOUNDS)
    assert [stale in BLOCKS["cost"](results, each) for each in (reworded, moved)] == [False, True]
    assert stale in BLOCKS["gate"](results, moved)


@pytest.mark.parametrize(("act", "red"), [(usual, 0), (worse, 2)])
def test_quick_runs_train_the_beginning_of_every_case_with_seeds_of_their_own(
    act: Any, red: int, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run is judged for itself; one with a case that fails is red, and ends with status 1."""
    trials = pretend(monkeypatch, act)
    names = (ORIGINAL.name, MINIMAL.name)
    asked = ("gate", "--results", results, "--quick-runs", 2, *names)
    assert "4 trials to train, " in printed(*asked, status=1 if red else 0).err
    assert {a.spec.stop_after for a in trials.ran} == {QUICK.stop_after}
    assert {a.spec.seed for a in trials.ran} == {1000, 1010}
    found = read_document(results / QUICK_RUNS, QuickRuns)
    assert found is not None
    assert (len(found.runs), found.red) == (2, red)
    assert f"Red: {red} of 2 whole runs" in BLOCKS["quick runs"](results, BOUNDS)
    before = len(trials.ran)
    printed(*asked, status=1 if red else 0)
    assert len(trials.ran) == before


def test_without_references_there_is_nothing_to_simulate(tmp_path: Path) -> None:
    """The message says how to make them."""
    with pytest.raises(UserError, match="fitting-room calibrate"):
        run(tmp_path, "--simulate-only")


@pytest.mark.parametrize("name", CASES)
def test_every_reference_fits_the_bounds_that_rest_on_it(name: str) -> None:
    """Column by column, the values simulated from are those whose mean and sd a bound names."""
    case = CASES[name]
    records = completed(case.name, RECORDS)
    values = reference_values(case, BOUNDS, records)
    whole, quick = ({g.metric for g in gauges(case, BOUNDS, tier)} for tier in (ACCEPT, QUICK))
    assert quick == whole & SEEN_EARLY
    bounds = [bound for gauge in gauges(case, BOUNDS) for bound in gauge.epochs]
    assert values.shape == (len(records), len(bounds))
    for column, bound in zip(values.T, bounds, strict=True):
        assert column[~(column != column)].mean() == pytest.approx(
            bound.mean, abs=2 * (bound.sd or 0)
        )
