"""Progress where there is no terminal: a line for each message."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import pytest
from progress_world import EPOCHS, NAME, RECORD, SPEC, Screen, Waiting, hear, plain
from records import make_failed_record

from fitting_room.record import Message, Record
from fitting_room.report import progress as module
from fitting_room.report.progress import PlainWriter, Progress


def test_plain_output_has_a_line_for_each_message() -> None:
    """Which of how many, case, seed, epoch, accuracies, time left; then outcome and result."""
    messages = [Message(note="loading Keras"), *(Message(epoch=epoch) for epoch in EPOCHS[:2])]
    assert hear(plain(), *messages, Message(record=RECORD)).splitlines() == [
        f"[1/3] {NAME} loading Keras",
        f"[1/3] {NAME} epoch 1/5 train 85.3% test 87.5%, 21 s left",
        f"[1/3] {NAME} epoch 2/5 train 86.3% test 87.5%, 10 s left",
        f"[1/3] {NAME} completed in 21 s, test 87.50 %",
    ]


def test_trial_after_the_first_has_the_next_number() -> None:
    """Trials are counted as they end, beyond the number that was expected if need be."""
    progress = plain()
    progress.total = 1
    hear(progress, Message(record=RECORD))
    text = hear(progress, Message(note="loading Keras"), Message(record=RECORD))
    assert text.splitlines()[1:] == [
        f"[2/2] {NAME} loading Keras",
        f"[2/2] {NAME} completed in 21 s, test 87.50 %",
    ]


def test_failed_trial_tells_why() -> None:
    """Without a result, its reason is shown."""
    failed = make_failed_record(outcome="timed out")
    shown = hear(plain(), Message(record=failed))
    assert shown == f"[1/3] {NAME} timed out in 0 s: the trial timed out\n"


def test_last_epoch_has_no_time_left() -> None:
    """After the last epoch there is nothing to count down."""
    assert hear(plain(), Message(epoch=EPOCHS[-1])).endswith("epoch 5/5 train 89.3% test 87.5%\n")


def test_accuracy_that_is_not_known_is_not_shown() -> None:
    """An epoch that was not scored, or diverged, has no figure to show."""
    unknown = replace(EPOCHS[-1], training_accuracy=None, test_accuracy=None)
    assert hear(plain(), Message(epoch=unknown)).endswith("epoch 5/5\n")


def test_quiet_run_shows_results_alone() -> None:
    """With ``-q`` there is a line for a trial, and with ``-qq`` none."""
    messages = [Message(epoch=EPOCHS[0]), Message(record=RECORD)]
    assert len(hear(plain(verbosity=-1), *messages).splitlines()) == 1
    assert hear(plain(verbosity=-2), *messages) == ""
    silent = Progress(Screen(), live=True, verbosity=-2)
    assert hear(silent, *messages) == ""


def test_note_ends_the_countdown_of_the_trial_before() -> None:
    """A trial that only loads has no time left to tell."""
    progress = plain()
    hear(progress, Message(epoch=EPOCHS[0]))
    assert hear(progress, Message(note="loading Keras")).endswith("loading Keras\n")


def test_record_that_is_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored record is returned as soon as it was read, and not at the next tick."""
    monkeypatch.setattr(module, "TICK_S", 60.0)
    progress, future = plain(), Future[Record]()
    threading.Timer(0.05, future.set_result, [RECORD]).start()
    began = time.monotonic()
    assert progress.wait(future) is RECORD
    assert time.monotonic() - began < module.TICK_S / 2


def test_error_of_a_trial_is_raised() -> None:
    """Waiting hides nothing."""
    future = Future[Record]()
    future.set_exception(OSError("disk"))
    with pytest.raises(OSError, match="disk"):
        plain().wait(future)


def test_command_without_pytest_writes_plain_lines() -> None:
    """The writer of commands writes to the stream it was given."""
    stream = io.StringIO()
    progress = Progress(PlainWriter(stream), live=False)
    progress.listen(SPEC, Message(record=RECORD))
    progress.wait(Waiting())
    assert stream.getvalue() == f"[1/1] {NAME} completed in 21 s, test 87.50 %\n"
