"""The end of a run: what it rests on, in what order, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from records import make_record

from bench.cases import CASES
from fitting_room.judge.verdict import Outcome, Verdict
from fitting_room.metrics import METRICS
from fitting_room.record import Record
from fitting_room.report.ci import Judged
from fitting_room.report.progress import Screen
from fitting_room.report.summary import Summary, shown, write_summary
from fitting_room.store.records import Store

DENSE, DIGITS = "fashion_mnist-dense_128", "mnist-dense_128"
RECORD = make_record(test_accuracy=0.8731)


def judged(outcome: Outcome | None, *records: Record, metric: str = "test_loss") -> Judged:
    """Return what one test said of the case of ``records``."""
    verdict = outcome and Verdict(
        metric=metric, outcome=outcome, estimate=0.3, n=1, against="≤ 0.300", reason="it is so"
    )
    keys = [record.key for record in records]
    return Judged(case=records[0].spec.case.name, records=tuple(keys), verdict=verdict or None)


def write(folder: Path, *said: Judged, stored: tuple[Record, ...] = (RECORD,)) -> Summary:
    """Return the summary of a run whose store holds ``stored``."""
    store = Store(folder / "trials")
    for record in stored:
        store.put(record)
    return write_summary(said, CASES, {}, store, folder / "latest")


def text(folder: Path, *said: Judged, stored: tuple[Record, ...] = (RECORD,)) -> str:
    """Return the summary as a terminal shows it."""
    return shown(write(folder, *said, stored=stored), Screen())


def test_verdicts_come_before_tables(tmp_path: Path) -> None:
    """How many bounds are met is the first line; figures follow, and the files end it."""
    blocks = text(tmp_path, judged("pass", RECORD), judged("fail", RECORD)).split("\n\n")
    assert blocks[0].startswith("2 bounds: 1 fail, 1 pass\nfail ")
    assert blocks[1].startswith("What passed:\n")
    assert blocks[2] == "Fashion MNIST"
    assert "dense_128       87.3 (1)" in blocks[3]
    assert blocks[-1] == f"Report: {tmp_path / 'latest' / 'summary.md'}, .json, .csv"


def test_table_rests_on_the_records_that_were_judged(tmp_path: Path) -> None:
    """Other records of the store have no part in it."""
    other = make_record(seed=1, test_accuracy=0.1)
    assert "87.3 (1)" in text(tmp_path, judged("pass", RECORD), stored=(RECORD, other))
    found = (tmp_path / "latest" / "summary.json").read_text()
    assert RECORD.key in found
    assert other.key not in found


def test_only_cases_that_were_tested_are_shown(tmp_path: Path) -> None:
    """In the order of the registry, whichever was tested first."""
    digits = make_record(case=DIGITS)
    said = judged("pass", digits), judged("fail", RECORD)
    lines = text(tmp_path, *said, stored=(RECORD, digits))
    assert lines.index(f"{DENSE}: 0 of 1") < lines.index(f"{DIGITS}: 1 of 1")
    assert "cnn_64" not in lines


def test_case_that_was_only_timed_has_a_row_and_no_verdict(tmp_path: Path) -> None:
    """A measurement is not judged."""
    lines = text(tmp_path, judged(None, RECORD))
    assert lines.startswith("Fashion MNIST\n")
    assert "\ndense_128 " in lines


@pytest.mark.parametrize("outcome", ["diverged", "given up"])
def test_seed_that_was_lost_is_told_in_the_table(tmp_path: Path, outcome: Outcome) -> None:
    """A verdict may tolerate it; the table does not hide it."""
    lost = make_record(seed=1, outcome=outcome, test_accuracy=None)  # type: ignore[arg-type]
    told = text(tmp_path, judged("pass", RECORD, lost), stored=(RECORD, lost))
    assert f"1 of 2 trials {outcome}" in told


def test_files_are_named(tmp_path: Path) -> None:
    """The same tables lie as Markdown, JSON and CSV in one folder."""
    paths = write(tmp_path, judged("pass", RECORD)).paths
    assert [path.name for path in paths] == ["summary.md", "summary.json", "summary.csv"]
    assert all(path.is_file() for path in paths)


def test_workers_may_end_in_any_order(tmp_path: Path) -> None:
    """Whatever order the tests were reported in, the files are the same to the byte."""
    digits = make_record(case=DIGITS)
    metrics = ("parameters", "training_accuracy", "test_loss", "unheard_of", "test_accuracy")
    said = [judged("pass", RECORD, metric=metric) for metric in metrics]
    said += [judged(None, RECORD), judged("pass", digits)]
    for name, order in (("one", said), ("two", said[::-1])):
        write(tmp_path / name, *order, stored=(RECORD, digits))
    one, two = (
        (tmp_path / name / "latest" / "summary.json").read_text() for name in ["one", "two"]
    )
    assert one == two
    first = json.loads(one)["rows"][0]["verdicts"]
    assert [verdict["metric"] for verdict in first] == [
        *(metric for metric in METRICS if metric in metrics),
        "unheard_of",
    ]
