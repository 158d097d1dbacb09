"""The end of a run: verdicts, then tables, printed and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from records import make_record

from bench.cases import CASES
from bench.harness.judge.verdict import Outcome, Verdict
from bench.harness.record import Record
from bench.harness.report.properties import Judged
from bench.harness.report.summary import write_summary
from bench.harness.store.records import Store

DENSE, DIGITS = "fashion_mnist-dense_128", "mnist-dense_128"
RECORD = make_record(test_accuracy=0.8731)


def judged(outcome: Outcome | None, *records: Record) -> Judged:
    """Return what one test said of the case of ``records``."""
    verdict = outcome and Verdict(
        metric="test_loss", outcome=outcome, value=0.3, n=1, bound="≤ 0.300", evidence="it is so"
    )
    keys = [record.key for record in records]
    return Judged(case=records[0].spec.case.name, records=keys, verdict=verdict or None)


def write(
    folder: Path, *said: Judged, stored: tuple[Record, ...] = (RECORD,), verbose: bool = False
) -> str:
    """Return the summary of a run whose store holds ``stored``."""
    store = Store(folder / "trials")
    for record in stored:
        store.put(record)
    return write_summary(said, CASES, {}, store, folder / "latest", verbose=verbose)


def test_case_that_met_its_bounds_is_one_line(tmp_path: Path) -> None:
    """How many of how many, and no more."""
    text = write(tmp_path, judged("pass", RECORD), judged("pass", RECORD))
    assert text.splitlines()[0] == f"{DENSE}: 2 of 2 bounds met"
    assert "it is so" not in text


@pytest.mark.parametrize("outcome", ["fail", "undecided", "not comparable"])
def test_bound_that_is_not_met_tells_its_evidence(tmp_path: Path, outcome: Outcome) -> None:
    """What a person has to look at comes first."""
    text = write(tmp_path, judged("pass", RECORD), judged(outcome, RECORD))
    assert text.splitlines()[:2] == [
        f"{DENSE}: 1 of 2 bounds met",
        f"  {outcome} test_loss: it is so",
    ]


def test_verbose_run_tells_all_evidence(tmp_path: Path) -> None:
    """With ``-v`` a bound that is met explains itself as well."""
    assert "  pass test_loss: it is so" in write(tmp_path, judged("pass", RECORD), verbose=True)


def test_table_rests_on_the_records_that_were_judged(tmp_path: Path) -> None:
    """Other records of the store have no part in it."""
    other = make_record(seed=1, test_accuracy=0.1)
    text = write(tmp_path, judged("pass", RECORD), stored=(RECORD, other))
    found = json.loads((tmp_path / "latest" / "summary.json").read_text())
    assert "87.3 (1)" in text
    assert RECORD.key in json.dumps(found)
    assert other.key not in json.dumps(found)


def test_only_cases_that_were_tested_are_shown(tmp_path: Path) -> None:
    """In the order of the registry, whichever was tested first."""
    digits = make_record(case=DIGITS)
    text = write(tmp_path, judged("pass", digits), judged("fail", RECORD), stored=(RECORD, digits))
    assert text.index(f"{DENSE}: 0 of 1") < text.index(f"{DIGITS}: 1 of 1")
    assert "cnn_64" not in text


def test_case_that_was_only_timed_has_a_row_and_no_verdict(tmp_path: Path) -> None:
    """A measurement is not judged."""
    text = write(tmp_path, judged(None, RECORD))
    assert "bounds met" not in text
    assert "| dense_128 " in text


def test_seed_that_diverged_is_told_in_the_table(tmp_path: Path) -> None:
    """A verdict may tolerate it; the table does not hide it."""
    lost = make_record(seed=1, outcome="diverged", test_accuracy=None)
    text = write(tmp_path, judged("pass", RECORD, lost), stored=(RECORD, lost))
    assert "1 of 2 trials diverged" in text


def test_files_are_named_at_the_end(tmp_path: Path) -> None:
    """The same tables lie as Markdown, JSON and CSV in one folder."""
    last = write(tmp_path, judged("pass", RECORD)).splitlines()[-1]
    files = sorted(path.name for path in (tmp_path / "latest").iterdir())
    assert files == ["summary.csv", "summary.json", "summary.md"]
    assert last.startswith(f"Written to {tmp_path / 'latest'}: ")
    assert all(name in last for name in files)
