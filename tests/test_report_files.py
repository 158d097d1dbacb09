"""The report's three files."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from records import make_record

from bench.cases import CASES
from fitting_room.analysis.rows import Row, rows
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Verdict
from fitting_room.record import Confidence
from fitting_room.report.summary import write_report
from fitting_room.store.claims import Claim

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
RECORDS = [make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in range(3)]
VERDICT = Verdict(
    metric="test_loss", outcome="pass", estimate=0.3, n=3, against="≤ 1", reason="0.3"
)
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


def test_the_calibration_error_is_in_both(tmp_path: Path) -> None:
    """Of 90 images at 90 % 80 are right; it is a fraction there as it is in a record."""
    sure = Confidence(images=(0, 90), right=(0, 80), mean=(0.0, 0.9), first=(), mistakes=())
    records = [replace(record, confidence=sure) for record in RECORDS]
    write_report(tmp_path, rows([CASES[DENSE]], records, {}, {}), records)
    told = json.loads((tmp_path / "summary.json").read_text("utf-8"))["rows"][0]
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        (flat,) = csv.DictReader(file)
    assert told["calibration_error"]["mean"] == pytest.approx(1 / 90)
    assert (float(flat["calibration_error"]), flat["calibration_error_n"]) == (
        pytest.approx(1 / 90),
        "3",
    )


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the folder's place gives an error that says what to do."""
    (tmp_path / "latest").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="Cannot write"):
        written(tmp_path / "latest")
