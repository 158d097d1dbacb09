"""What records and files say of their cases, as a side of a comparison."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import MACHINE, VERSIONS, make_failed_record, make_record

from bench.cases import CASES
from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.report.comparison.of_files import read_file
from bench.harness.report.comparison.of_records import facts_of
from bench.harness.report.comparison.side import Facts
from bench.harness.report.files import write_report
from bench.harness.report.replay import circumstances, extra_info
from bench.harness.report.rows import rows

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_32"


def facts(*records: Record) -> Facts:
    """Return what records of one case say."""
    (found,) = facts_of(records).values()
    return found


def benchmark(name: str = f"test_epoch_time[{DENSE}]", **extra: object) -> dict[str, Any]:
    """Return one entry of pytest-benchmark's JSON."""
    group = "seconds per epoch" if "epoch" in name else "latency"
    return {"name": name, "group": group, "stats": {"min": 1.5, "max": 2.0}, "extra_info": extra}


def written(folder: Path, content: object) -> Path:
    """Write JSON into a file."""
    path = folder / "results.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_seeds_are_in_order_and_the_lost_are_counted() -> None:
    """One value a seed, the last started one; diverged seeds are lost, accidents are told of."""
    records = [
        make_record(seed=2, test_accuracy=0.86),
        make_record(seed=0, test_accuracy=0.85),
        make_record(seed=0, test_accuracy=0.87, started="2026-03-02T12:00:00+00:00"),
        make_record(seed=1, outcome="diverged", test_accuracy=None),
        make_failed_record(seed=3),
    ]
    found = facts(*records)
    assert found.samples["test_accuracy"].values == (0.87, 0.86)
    assert (found.samples["test_accuracy"].diverged, len(found.records)) == (1, 3)
    assert found.notes == (f"{DENSE}: left out: 1 crashed",)


def test_records_of_other_code_are_left_out() -> None:
    """Two codes do not mix into one sample: the one that ran last counts."""
    old = [make_record(seed=seed) for seed in range(3)]
    origin = replace(old[0].provenance, training_digest="f" * 64)
    new = replace(make_record(started="2026-04-01T12:00:00+00:00"), provenance=origin)
    found = facts(*old, new)
    assert found.records == (new,)
    assert found.notes[0].endswith("3 of other code, data or versions than the last one's")


def test_records_with_an_order_of_their_own_are_no_seeds() -> None:
    """What was trained to find where the noise comes from is no sample of the case."""
    record = make_record()
    other = replace(record, spec=replace(record.spec, order_seed=3))
    assert facts(record, other).records == (record,)


def test_the_pace_is_that_of_one_that_ran_alone() -> None:
    """The quickest epoch but the first, of the middle record, with its calibration step."""
    timed = [
        replace(
            make_record(seed=seed, epoch_seconds=[9.0, second, second + 1, 5.0, 6.0]),
            calibration_seconds=0.1,
        )
        for seed, second in enumerate((3.0, 2.0, 4.0))
    ]
    shared = replace(timed[1], spec=replace(timed[1].spec, seed=9, alone=False))
    pace = facts(*timed, shared).pace
    assert pace
    assert (pace.seconds, pace.calibration) == (3.0, 0.1)
    assert pace.conditions["cpu"] == MACHINE.cpu
    assert pace.conditions["tensorflow"] == VERSIONS["tensorflow"]
    assert "python" not in pace.conditions
    assert facts(shared).pace is None


def test_a_name_is_no_part_of_the_identity() -> None:
    """Another name keeps it, another argument does not."""
    case = CASES[DENSE]
    renamed = replace(case, architecture="dense_a")
    other = replace(case, arguments={"units": 129})
    found = [facts(make_record(case=each)).identity for each in (case, renamed, other)]
    assert found[0] == found[1] != found[2]


def test_our_report_is_a_side(tmp_path: Path) -> None:
    """Its figures are read seed by seed, and what makes it unfit is kept."""
    records = [make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in (0, 1)]
    write_report(tmp_path, rows([CASES[DENSE]], records, {}, {}), records)
    found = read_file(tmp_path / "summary.json")[DENSE]
    assert found.samples["test_accuracy"].values == (0.87, 0.88)
    assert found.counts["parameters"] == (101_770,)
    assert found.conditions == {"data": "the whole set", "epochs": "the recipe's"}
    sample = [make_record(sample=True, epochs=2)]
    write_report(tmp_path, rows([CASES[DENSE]], sample, {}, {}), sample)
    unfit = read_file(tmp_path / "summary.json")[DENSE].conditions
    assert unfit == {"data": "the sample", "epochs": "2 instead of the recipe's"}


def test_older_runs_of_pytest_benchmark_are_a_side(tmp_path: Path) -> None:
    """Means are known as means, and seconds by the fastest round of training."""
    extra = {"seeds": 3, "parameters": 101_770, "test_accuracy": 0.87, "records": ["…"]}
    entries = [benchmark(f"test_latency[{DENSE}]", **extra), benchmark(**extra), benchmark("test")]
    found = read_file(written(tmp_path, {"benchmarks": entries, "version": "5.3.1"}))
    sample = found[DENSE].samples["test_accuracy"]
    assert (sample.values, sample.averaged, sample.known) == ((0.87,) * 3, True, 1)
    assert found[DENSE].counts == {"parameters": (101_770,)}
    assert found[DENSE].pace and found[DENSE].pace.seconds == 1.5


def test_newer_runs_of_pytest_benchmark_tell_what_a_fair_comparison_needs(tmp_path: Path) -> None:
    """What the bench puts beside its times has the calibration step, machine, data and epochs."""
    record = replace(make_record(sample=True), calibration_seconds=0.1)
    entries = [benchmark(**extra_info([record]), **circumstances([record]))]
    found = read_file(written(tmp_path, {"benchmarks": entries}))[DENSE]
    by_record = facts(record)
    assert (found.conditions, found.settings["cpu"]) == (by_record.conditions, MACHINE.cpu)
    assert found.pace and by_record.pace
    assert found.pace.conditions == by_record.pace.conditions
    assert found.pace.calibration == 0.1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"rows": [], "schema": 99}, "has report schema 99; this version reads 1"),
        ({"rows": [], "schema": 1}, "holds no figures of any case"),
        ({"rows": [{"case": 3}], "schema": 1}, "cannot be read as JSON of this bench"),
        ({"spec": {}, "schema": 7}, "has record schema 7"),
        ({"benchmarks": [{"name": "test"}]}, "cannot be read as JSON of this bench"),
        ([1, 2], "is neither a summary.json"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: object, told: str) -> None:
    """The message names the file and what was expected of it."""
    path = written(tmp_path, content)
    with pytest.raises(UserError, match=told) as raised:
        read_file(path)
    assert str(path) in str(raised.value)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Half a document, or one that is not there, is no result."""
    path = tmp_path / "half.json"
    path.write_text('{"rows": [', encoding="utf-8")
    for each in (path, tmp_path / "absent.json"):
        with pytest.raises(UserError, match="cannot be read as JSON"):
            read_file(each)
