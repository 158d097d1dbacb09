"""Records as TensorBoard reads them back."""

from __future__ import annotations

import math
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import make_failed_record, make_record
from tensorboard.plugins.hparams import metadata

from bench.harness.assignment import run_name
from bench.harness.record import Epoch, Record
from bench.harness.report.settings import aligned, settings, telling
from bench.harness.report.tensorboard import write_logs

DENSE, CONV, DIGITS = "fashion_mnist-dense_128", "fashion_mnist-cnn_64", "mnist-dense_128"
CURVE = [0.80, 0.85, 0.875]


@pytest.fixture(autouse=True)
def no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TensorBoard read with its own stand-in for TensorFlow, which pytest never imports."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))


def read(folder: Path) -> Any:
    """Return TensorBoard's own reader of the event files in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def folder_of(record: Record, logs: Path) -> Path:
    """Return where the logs of a record are."""
    return logs / run_name(record.spec, record.key)


def hparams(folder: Path, tag: str) -> Any:
    """Return what the HParams tab is told in a folder."""
    found = read(folder).summary_metadata[tag].plugin_data.content
    return {
        metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
        metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
        metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
    }[tag](found)


def test_training_and_test_are_curves_apart(tmp_path: Path) -> None:
    """Under one name, so that one chart shows both, epoch by epoch from 1."""
    record = make_record(training_accuracy=CURVE, test_accuracy=0.7)
    assert write_logs([record], tmp_path) == 1
    train, test = (read(folder_of(record, tmp_path) / name) for name in ("train", "test"))
    assert train.Tags()["scalars"] == ["accuracy", "loss", "seconds"]
    assert test.Tags()["scalars"] == ["accuracy", "loss"]
    points = [(point.step, point.value) for point in train.Scalars("accuracy")]
    assert points == [(n, pytest.approx(value)) for n, value in enumerate(CURVE, start=1)]
    assert [point.value for point in test.Scalars("accuracy")] == [pytest.approx(0.7)] * 3


def test_final_figures_are_those_of_the_record(tmp_path: Path) -> None:
    """One value each, after the last epoch; seconds are the median without the first epoch."""
    record = make_record(epoch_seconds=[9.0, 3.0, 2.0, 4.0, 3.0], test_accuracy=0.7)
    write_logs([record], tmp_path)
    found = read(folder_of(record, tmp_path))
    values = {tag: found.Scalars(tag)[-1].value for tag in found.Tags()["scalars"]}
    assert values["final/test_accuracy"] == pytest.approx(0.7)
    assert values["final/parameters"] == 101_770
    assert values["final/seconds_per_epoch"] == 3.0
    assert values["final/peak_memory_mib"] == 512


def test_trial_that_shared_its_machine_has_no_times(tmp_path: Path) -> None:
    """Neither in its curve nor among its figures."""
    record = alone(make_record(), False)
    write_logs([record], tmp_path)
    found = read(folder_of(record, tmp_path))
    assert "final/seconds_per_epoch" not in found.Tags()["scalars"]
    train = read(folder_of(record, tmp_path) / "train")
    assert "seconds" not in train.Tags()["scalars"]


def alone(record: Record, value: bool) -> Record:
    """Return a record of a trial that ran alone, or not."""
    return replace(record, spec=replace(record.spec, alone=value))


def test_loss_that_was_no_number_is_shown_as_none(tmp_path: Path) -> None:
    """A curve that ends in nothing shows where."""
    lost = Epoch(number=2, seconds=1.0, cpu_seconds=1.0, training_accuracy=0.1, training_loss=None)
    record = make_record(outcome="diverged", test_accuracy=None, training_accuracy=[0.1])
    write_logs([replace(record, epochs=(*record.epochs, lost))], tmp_path)
    train = read(folder_of(record, tmp_path) / "train")
    assert math.isnan(train.Scalars("loss")[-1].value)
    end = hparams(folder_of(record, tmp_path), metadata.SESSION_END_INFO_TAG)
    assert end.status == 2  # failure, as api.proto numbers it


def test_page_compares_cases_and_seeds(tmp_path: Path) -> None:
    """Its columns are what differs, task, architecture and seed first, and the final figures."""
    records = [make_record(case=case, seed=seed) for case in (DENSE, DIGITS) for seed in (0, 1)]
    assert write_logs(records, tmp_path) == 4
    experiment = hparams(tmp_path, metadata.EXPERIMENT_TAG)
    first = {info.name for info in experiment.hparam_infos if info.differs}
    assert first == {"task", "architecture", "seed"}
    columns = {info.name: list(info.domain_discrete) for info in experiment.hparam_infos}
    assert columns["seed"] == [0.0, 1.0]
    assert columns["epochs"] == [5.0, 10.0]
    assert "optimizer" not in columns
    shown = {info.name.tag for info in experiment.metric_infos}
    assert {"final/test_accuracy", "final/parameters"} <= shown
    assert shown <= set(read(folder_of(records[0], tmp_path)).Tags()["scalars"])


def test_every_trial_tells_all_its_settings(tmp_path: Path) -> None:
    """Also those that all trials share, and by what name it is found."""
    record = make_record(seed=3)
    write_logs([record], tmp_path)
    start = hparams(folder_of(record, tmp_path), metadata.SESSION_START_INFO_TAG)
    assert start.group_name == run_name(record.spec, record.key)
    assert start.hparams["optimizer"].string_value == "adam"
    assert start.hparams["seed"].number_value == 3
    assert start.hparams["jit_compile"].bool_value is True


def test_setting_that_some_lack_is_a_word(tmp_path: Path) -> None:
    """A line through all the columns of a trial needs a place in each."""
    records = [make_record(case=case) for case in (DENSE, CONV)]
    dense, conv = aligned([settings(record) for record in records])
    assert (dense["units"], conv["units"]) == ("128", "—")
    assert telling([dense, conv])["filters"] == ["64", "—"]
    write_logs(records, tmp_path)
    start = hparams(folder_of(records[1], tmp_path), metadata.SESSION_START_INFO_TAG)
    assert start.hparams["units"].string_value == "—"


def test_words_that_are_numbers_are_in_the_order_of_numbers() -> None:
    """What comes after 16 is 128, and what is missing comes last."""
    found = aligned([{"units": 128.0}, {"units": 16.0}, {"seed": 0.0}])
    assert telling(found)["units"] == ["16", "128", "—"]


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    """The logs are a function of the records: no clock, no second file beside the first."""
    records = [make_record(case=case) for case in (DENSE, CONV)]
    found = []
    for _ in range(2):
        write_logs(records, tmp_path)
        found.append({p: p.read_bytes() for p in tmp_path.rglob("*tfevents*")})
    assert found[0] == found[1]
    assert len(found[0]) == 1 + 3 * len(records)


def test_trials_without_an_epoch_have_no_logs(tmp_path: Path) -> None:
    """What was only built, or died at once, has no curve to show."""
    assert write_logs([make_failed_record()], tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_tensorflow_is_not_needed(tmp_path: Path) -> None:
    """Pytest's own process writes them, and must not load a framework."""
    write_logs([make_record()], tmp_path)
    read(tmp_path)
    assert "tensorflow" not in sys.modules
