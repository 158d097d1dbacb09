"""The log of metrics: what a file holds while training goes on, and after it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_public_callbacks import fit, model

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_each_epoch_is_a_line_with_all_that_was_reported(tmp_path: Path, suffix: str) -> None:
    """What comes later has its column, what is missing is empty, and a second fit goes on."""
    from fitting_room.training.callbacks import EpochClock, MetricsLog

    path, clock = tmp_path / "new" / f"metrics{suffix}", EpochClock()
    of = model(steps_per_execution=4)
    for append in (False, True):
        log = MetricsLog(path, append=append, clock=clock)
        history = fit(clock, log, of=of, epochs=2, validation_split=0.25, validation_freq=2)
    lines = path.read_text("utf-8").splitlines()
    rows = [*csv.DictReader(lines)] if suffix == ".csv" else [json.loads(line) for line in lines]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 1, 2]
    assert [bool(row.get("val_loss")) for row in rows] == [False, True, False, True]
    assert [float(row["accuracy"]) for row in rows[2:]] == history.history["accuracy"]
    assert [float(row["seconds"]) for row in rows[2:]] == clock.history
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.01)


def test_a_log_starts_anew_and_has_no_nan_in_json(tmp_path: Path) -> None:
    """A file that is not gone on with is emptied when training begins."""
    from fitting_room.training.callbacks import MetricsLog

    path = tmp_path / "log.jsonl"
    path.write_text("old\n", encoding="utf-8")
    log = MetricsLog(path)
    log.set_model(SimpleNamespace(optimizer=None))
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": float("nan"), "f1": [0.5, float("inf")]})
    assert path.read_text("utf-8") == '{"epoch": 1, "loss": null, "f1": [0.5, null]}\n'


def test_a_log_of_another_kind_is_refused() -> None:
    """The message has the two that there are."""
    from fitting_room.training.callbacks import MetricsLog

    with pytest.raises(ValueError, match=r"\.csv or \.jsonl, not 'metrics\.txt'"):
        MetricsLog("metrics.txt")
