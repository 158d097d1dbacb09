"""The whole bench on the shipped sample: what it prints, writes and leaves alone."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from bench_runs import Run, bench
from junit_schema import faults

from bench.cases import CASES, LONG
from conftest import Bench
from fitting_room.store.records import Store

QUICK = [name for name in CASES if name not in LONG]
"""What the smoke tier trains; of the others it counts the parameters."""


def properties(run: Run) -> dict[str, dict[str, str]]:
    """Return what the JUnit file of a run tells of each test, among the suite's properties."""
    found: dict[str, dict[str, str]] = {}
    for each in ElementTree.parse(run.results / "junit.xml").iterfind(".//testsuite//property"):
        test, _, name = each.get("name", "").rpartition(".")
        found.setdefault(test, {})[name] = each.get("value", "")
    return found


def verdicts(results: Path) -> dict[str, Any]:
    """Return what ``summary.json`` says of each case."""
    rows = json.loads((results / "latest" / "summary.json").read_text("utf-8"))["rows"]
    return {row["case"]: row for row in rows}


def test_the_sample_passes(smoke: Run) -> None:
    """What is quick is trained once, the rest built, every bound is met, and that is all."""
    assert (smoke.status, smoke.red) == (0, set())
    trained = re.findall(r"^\[\d+/\d+\] (\S+) seed 0: epoch 1/", smoke.output, re.MULTILINE)
    assert sorted(trained) == sorted(QUICK)
    assert sorted(smoke.completed) == sorted(CASES)
    work = f"{len(QUICK)} to train, {len(CASES) - len(QUICK)} to build"
    assert smoke.header.startswith(f"trials: {len(CASES)}, 0 stored already, {work}")
    assert "figures are not for publication" in smoke.output


def test_every_trial_is_on_disk(smoke: Run) -> None:
    """One record a case, completed, and nothing half-written beside it."""
    records = list(Store(smoke.results / "trials").all())
    assert sorted(record.spec.case.name for record in records) == sorted(CASES)
    assert all(record.completed for record in records)
    assert {record.spec.case.name for record in records if record.predictions} == set(QUICK)
    files = [path for path in (smoke.results / "trials").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".lock"}


def test_progress_is_plain_lines_where_there_is_no_terminal(smoke: Run) -> None:
    """Each epoch of each trial is a line of its own, and nothing moves the cursor."""
    assert not re.search(r"[\r\x1b]", smoke.output)
    told = re.findall(r"^\[\d+/\d+\] mnist-dense_128 seed 0: epoch (\d+)/10 ", smoke.output, re.M)
    assert [int(number) for number in told] == list(range(1, len(told) + 1))
    assert len(told) > 3


def test_the_tables_are_printed_and_written(smoke: Run) -> None:
    """What the terminal shows has the figures of ``summary.md``, with a row for every case."""
    latest = smoke.results / "latest"
    tables = (latest / "summary.md").read_text("utf-8")
    lines = [line.strip(" |") for line in tables.splitlines() if line.startswith("|")]
    figures = [re.split(r" *\| *", line) for line in lines if "(1)" in line]
    shown = [" ".join(line.split()) for line in smoke.output.splitlines()]
    for name, accuracy, *_ in figures:
        assert any(line.startswith(f"{name} {accuracy} ") for line in shown), name
    trained = {case.architecture for case in CASES.values() if case.name not in LONG}
    assert {name for name, *_ in figures} == trained  # the others are built, and have counts alone
    with (latest / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert [row["case"] for row in csv.DictReader(file)] == list(CASES)
    assert list(verdicts(smoke.results)) == list(CASES)


def test_the_page_has_every_case_and_images_of_the_sample(smoke: Run) -> None:
    """It lies beside the tables, and the end of the run names it."""
    page = smoke.results / "latest" / "report.html"
    text = page.read_text("utf-8")
    assert [case for case in CASES if f'<tbody id="{case}">' not in text] == []
    assert "data:image/png;base64," in text
    assert f"Page: {page}" in smoke.output


def test_junit_obeys_its_schema(smoke: Run) -> None:
    """Consumers that validate take the file of a whole run."""
    assert list(faults(ElementTree.parse(smoke.results / "junit.xml").getroot())) == []


@pytest.mark.parametrize("case", QUICK)
def test_junit_has_the_figures(smoke: Run, case: str) -> None:
    """Metric, value, number of seeds and outcome of a test are the record's."""
    (record,) = (r for r in Store(smoke.results / "trials").all() if r.spec.case.name == case)
    judged = json.loads(properties(smoke)[f"test_accuracy[{case}]"]["judged"])
    verdict = judged["verdict"]
    assert (verdict["metric"], verdict["n"], verdict["outcome"]) == ("test_accuracy", 1, "pass")
    assert verdict["estimate"] == record.test_accuracy
    assert judged["records"] == verdict["records"] == [record.key]


def test_benchmark_has_the_seconds_that_the_trial_measured(smoke: Run) -> None:
    """The rounds of ``--benchmark-json`` are the record's epochs but the first."""
    times = json.loads((smoke.results / "times.json").read_text("utf-8"))["benchmarks"]
    of = {each["name"]: each for each in times}
    for record in (each for each in Store(smoke.results / "trials").all() if each.epochs):
        found = of[f"test_epoch_time[{record.spec.case.name}]"]
        seconds = [epoch.seconds for epoch in record.epochs[1:]]
        assert found["stats"]["data"] == pytest.approx(seconds)
        assert record.size
        assert found["extra_info"]["parameters"] == record.size.parameters
        assert found["extra_info"]["test_accuracy"] == record.test_accuracy


def test_a_second_run_trains_nothing_and_says_why(run: Bench, stored: Path) -> None:
    """With nothing changed the stored records serve, and the verdicts are kept."""
    before = sorted(path.name for path in stored.rglob("*.json"))
    again = run(results=stored)
    n = len(CASES)
    why = "nothing to train: no code, data or version has changed since"
    assert f"trials: {n}, {n} stored already, {why}" in again.outlines
    assert (again.ret, "failed" in again.parseoutcomes()) == (0, False)
    assert sorted(p.name for p in stored.rglob("seed-*.json")) == before


def test_workers_of_xdist_give_the_same_verdicts_and_tables(smoke: Run, stored: Path) -> None:
    """Two processes that share the tests say together what one says."""
    together = bench("-n", "2", results=stored)
    assert (together.status, together.red) == (0, set())
    assert verdicts(stored) == verdicts(smoke.results)
    tables = (stored / "latest" / "summary.md").read_text("utf-8")
    assert tables == (smoke.results / "latest" / "summary.md").read_text("utf-8")
