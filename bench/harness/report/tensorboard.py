"""Records as TensorBoard shows them: curves, and settings beside final figures under HParams.

A folder for each trial: ``<case>/seed-<seed>-<key>`` with its settings and final figures, ``train``
and ``test`` below it with a curve each. All of it is a function of the records: it costs no trial
anything, and writing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams

from bench.harness.assignment import run_name
from bench.harness.disturbed import exclusive
from bench.harness.metrics import METRICS
from bench.harness.record import Epoch, Record
from bench.harness.report.event_file import event_file, file_name, scalars, summary_event
from bench.harness.report.settings import ALWAYS, Setting, Settings, aligned, settings, telling
from bench.harness.store.records import write_whole

Figures = Callable[[Record, Epoch], dict[str, float | None]]

FINAL = (*METRICS, "seconds_per_epoch", "peak_memory_mib")
"""Figures of a whole trial, in the order of the columns."""


def write_logs(records: Sequence[Record], folder: Path) -> int:
    """Write all records into a folder for ``tensorboard --logdir``; return how many trials it was.

    Raises:
        UserError: The folder cannot be written.
    """
    latest = {run_name(record.spec, record.key): record for record in records if record.epochs}
    asked = aligned([settings(record) for record in latest.values()])
    if latest:
        began = min(map(_began, latest.values()))
        figures = {name for record in latest.values() for name in final(record)}
        write_whole(folder / file_name(began), _experiment(asked, figures, began))
    for (name, record), each in zip(latest.items(), asked, strict=True):
        for run, events in {
            "": _session(record, name, each),
            "train": list(_curve(record, _training)),
            "test": list(_curve(record, _test)),
        }.items():
            content = event_file(events, time=_began(record))
            write_whole(folder / name / run / file_name(_ended(record)), content)
    return len(latest)


def final(record: Record) -> dict[str, float]:
    """Return the figures of a whole trial by name, as far as it has them."""
    found = {name: metric(record) for name, metric in METRICS.items()}
    after_first = [epoch.seconds for epoch in record.epochs[1:]]
    if exclusive(record) and after_first:
        found["seconds_per_epoch"] = median(after_first)
    if record.peak_memory_bytes is not None:
        found["peak_memory_mib"] = record.peak_memory_bytes / 2**20
    return {name: value for name, value in found.items() if value is not None}


def _experiment(asked: Sequence[Settings], figures: Collection[str], began: float) -> bytes:
    """Return what the HParams tab compares the trials by: settings that differ, final figures."""
    shown = [name for name in FINAL if name in figures]
    experiment = api_pb2.Experiment(
        hparam_infos=[_column(name, values) for name, values in telling(asked).items()],
        metric_infos=[
            hparams.Metric(f"final/{name}", display_name=name.replace("_", " ")).as_proto()
            for name in shown
        ],
        time_created_secs=began,
    )
    summary = _summary(metadata.EXPERIMENT_TAG, experiment=experiment)
    return event_file([summary_event(summary, time=began)], time=began)


def _column(name: str, values: Sequence[Setting]) -> api_pb2.HParamInfo:
    info = api_pb2.HParamInfo(name=name, differs=name in ALWAYS)  # which comes first
    hparams.Discrete(values, dtype=type(values[0])).update_hparam_info(info)
    return info


def _session(record: Record, name: str, asked: Settings) -> list[Event]:
    began, ended = _began(record), _ended(record)
    started = hparams.hparams_pb(dict(asked), trial_id=name, start_time_secs=began)
    status = api_pb2.STATUS_SUCCESS if record.completed else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
    return [
        summary_event(started, time=began),
        scalars(
            ((f"final/{figure}", value) for figure, value in final(record).items()),
            step=len(record.epochs),
            time=ended,
        ),
        summary_event(_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end), time=ended),
    ]


def _summary(tag: str, **data: Any) -> Summary:
    """Return a summary for the HParams tab, which reads the metadata and no value."""
    told = plugin_data_pb2.HParamsPluginData(**data)
    value = Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(told), tensor=metadata.NULL_TENSOR
    )
    return Summary(value=[value])


def _curve(record: Record, figures: Figures) -> Iterable[Event]:
    """Yield one event an epoch, dated as if nothing had passed between epochs."""
    time = _began(record)
    for epoch in record.epochs:
        time += epoch.seconds + epoch.evaluate_seconds
        if values := figures(record, epoch):
            yield scalars(values.items(), step=epoch.number, time=time)


def _training(record: Record, epoch: Epoch) -> dict[str, float | None]:
    found = {"accuracy": epoch.training_accuracy, "loss": epoch.training_loss}
    return found | ({"seconds": epoch.seconds} if exclusive(record) else {})


def _test(_: Record, epoch: Epoch) -> dict[str, float | None]:
    if epoch.test_accuracy is None:
        return {}
    return {"accuracy": epoch.test_accuracy, "loss": epoch.test_loss}


def _began(record: Record) -> float:
    return datetime.fromisoformat(record.started).timestamp()


def _ended(record: Record) -> float:
    return _began(record) + record.seconds.get("total", 0.0)
