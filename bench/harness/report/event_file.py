"""Event files of TensorBoard, written whole and without TensorFlow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

VERSION = "brain.Event:2"


def file_name(time: float) -> str:
    """Return a name that TensorBoard knows an event file by; it reads those of a folder in order.

    What is written by Keras while a trial runs begins earlier: take the time when the trial ended,
    in seconds since 1970, so that a TensorBoard that looks on reads this file as well.
    """
    return f"events.out.tfevents.{int(time)}.fitting-room"


def event_file(events: Sequence[Event], *, time: float) -> bytes:
    """Return the content of a file that begins at a time, in seconds since 1970."""
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in (Event(wall_time=time, file_version=VERSION), *events):
        writer.write(event.SerializeToString())
    return buffer.getvalue()


def scalars(values: Iterable[tuple[str, float | None]], *, step: int, time: float) -> Event:
    """Return one event of named numbers; one that is missing is no number, and shown as such."""
    told = [
        Summary.Value(tag=tag, simple_value=float("nan") if value is None else value)
        for tag, value in values
    ]
    return Event(wall_time=time, step=step, summary=Summary(value=told))


def summary_event(summary: Summary, *, time: float) -> Event:
    """Return an event of a finished summary."""
    return Event(wall_time=time, summary=summary)
