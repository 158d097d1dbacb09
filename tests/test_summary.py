"""The end of a run: what it rests on, in what order, and the files that are written."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from records import make_record, make_verdict
from records import stored as kept

from bench.cases import CASES
from fitting_room.analysis.trials import Row, rows
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Outcome
from fitting_room.metrics import METRICS
from fitting_room.record import Record
from fitting_room.report.progress import Screen
from fitting_room.report.summary import Judged, Summary, shown, write_report, write_summary
from fitting_room.store.claims import Claim
from fitting_room.store.records import Store

DENSE, DIGITS = "fashion_mnist-dense_128", "mnist-dense_128"
RECORD = make_record(test_accuracy=0.8731)


def judged(outcome: Outcome | None, *records: Record, metric: str = "test_loss") -> Judged:
    """Return what one test said of the case of ``records``."""
    verdict = make_verdict(outcome, metric=metric) if outcome else None
    keys = [record.key for record in records]
    return Judged(case=records[0].spec.case.name, records=tuple(keys), verdict=verdict)


def write(folder: Path, *said: Judged, stored: tuple[Record, ...] = (RECORD,)) -> Summary:
    """Return the summary of a run whose store holds ``stored``."""
    store = Store(kept(folder / "trials", stored))
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


DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
RECORDS = [make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in range(3)]
VERDICT = make_verdict(n=3, reason="0.3")
NEVER = Claim(
    case=DENSE,
    metric="epochs_to_target",
    published="never",
    low=math.inf,
    high=math.inf,
    source="Book",
)


def written(folder: Path) -> list[Row]:
    """Write a report of a case with records and one without, and return its rows."""
    told = rows(
        [CASES[DENSE], CASES[CNN]],
        RECORDS,
        {DENSE: [VERDICT]},
        {DENSE: {"epochs_to_target": NEVER}},
    )
    write_report(folder, told, RECORDS, stale={CNN: "changed"})
    return told


def test_three_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    """No temporary file stays behind."""
    written(tmp_path / "latest")
    names = {path.name for path in (tmp_path / "latest").iterdir()}
    assert names == {"summary.md", "summary.json", "summary.csv"}


def test_json_has_figures_verdicts_and_keys(tmp_path: Path) -> None:
    """It is strict JSON: what is infinite is null, and its printed form stays."""
    written(tmp_path)
    text = (tmp_path / "summary.json").read_text(encoding="utf-8")
    first, second = json.loads(text, parse_constant=pytest.fail)["rows"]
    assert first["test_accuracy"]["mean"] == pytest.approx(0.88)
    assert first["test_accuracy"]["n"] == 3
    assert first["verdicts"][0]["reason"] == "0.3"
    assert first["keys"] == [record.key for record in RECORDS]
    assert first["published"]["epochs_to_target"]["low"] is None
    assert (first["stale"], second["stale"]) == (None, "changed")


def test_csv_has_one_line_per_case(tmp_path: Path) -> None:
    """Numbers are plain, and a missing one is empty."""
    written(tmp_path)
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["case"], first["parameters"], first["verdict"]) == (DENSE, "101770", "pass")
    assert float(first["test_accuracy_sd"]) == pytest.approx(0.01)
    assert (second["test_accuracy"], second["test_accuracy_n"]) == ("", "0")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the folder's place gives an error that says what to do."""
    (tmp_path / "latest").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="Cannot write"):
        written(tmp_path / "latest")
