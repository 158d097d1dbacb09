"""Progress: a line for each message, or one line of a terminal that is written over."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import pytest
from records import make_failed_record, make_record

from fitting_room.record import Message, Record
from fitting_room.report import progress as module
from fitting_room.report.progress import ERASE, Progress

RECORD = replace(make_record(), seconds={"total": 21.4})
SPEC, EPOCHS = RECORD.spec, RECORD.epochs
NAME = "fashion_mnist-dense_128 seed 0:"


class Screen:
    """A terminal that keeps what is written."""

    fullwidth = 100

    def __init__(self) -> None:
        self.text = ""

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Keep it; a person wants to see it at once."""
        assert flush
        self.text += msg


class Waiting(Future[Record]):
    """A record that is there once it was asked for so many times in vain."""

    def __init__(self, *, in_vain: int = 0) -> None:
        super().__init__()
        self._left = in_vain

    def done(self) -> bool:
        """Say whether it is there."""
        self._left -= 1
        if self._left < 0 and not super().done():
            self.set_result(RECORD)
        return self._left < 0


def hear(progress: Progress, *messages: Message, spec: object = SPEC) -> str:
    """Return what is shown once these messages were heard."""
    for message in messages:
        progress.listen(spec, message)  # type: ignore[arg-type]
    progress.wait(Waiting())
    return progress._writer.text  # type: ignore[attr-defined, no-any-return]


def plain(**settings: int) -> Progress:
    """Return the progress of three trials where there is no terminal."""
    progress = Progress(Screen(), live=False, clock=lambda: 0.0, **settings)
    progress.total = 3
    return progress


def test_plain_output_has_a_line_for_each_message() -> None:
    """A line has number, case, seed, epoch, accuracies, time left; then outcome and result."""
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


def test_command_without_pytest_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """They stand on standard error, apart from what the command was asked for."""
    progress = Progress()
    progress.listen(SPEC, Message(record=RECORD))
    progress.wait(Waiting())
    assert capsys.readouterr() == ("", f"[1/1] {NAME} completed in 21 s, test 87.50 %\n")


def test_terminal_shows_one_line_that_is_written_over() -> None:
    """Only the result of a trial stays; what it was doing is erased."""
    progress = Progress(Screen(), live=True, clock=lambda: 0.0)
    shown = hear(progress, Message(epoch=EPOCHS[3]), Message(record=RECORD))
    assert shown == (
        f"{ERASE}[1/1] {NAME} epoch 4/5 train 88.3% test 87.5%, 3 s left"
        f"{ERASE}[1/1] {NAME} completed in 21 s, test 87.50 %\n"
    )


def test_time_left_is_counted_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between epochs the clock goes on, and never below nothing."""
    monkeypatch.setattr(module, "TICK_S", 0)
    now = iter([0.0, 0.0, 1.0, 2.0, 60.0])
    progress = Progress(Screen(), live=True, clock=lambda: next(now))
    progress.listen(SPEC, Message(epoch=EPOCHS[3]))
    progress.wait(Waiting(in_vain=4))
    *left, gone = progress._writer.text.split(ERASE)[1:]  # type: ignore[attr-defined]
    assert [line.rsplit(", ", 1)[1] for line in left] == [f"{n} s left" for n in (3, 2, 1, 0)]
    assert gone == ""


def test_nothing_is_counted_where_nothing_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before the first message, nor in a file, does waiting write anything."""
    monkeypatch.setattr(module, "TICK_S", 0)
    for live in (True, False):
        progress = Progress(Screen(), live=live)
        progress.wait(Waiting(in_vain=3))
        assert progress._writer.text == ""  # type: ignore[attr-defined]


def test_live_line_is_no_wider_than_the_terminal() -> None:
    """A line that wraps could not be erased."""
    screen = Screen()
    screen.fullwidth = 30
    shown = hear(Progress(screen, live=True), Message(epoch=EPOCHS[0]))
    assert len(shown.split(ERASE)[1]) == 29


def test_narrow_terminal_goes_without_the_accuracies() -> None:
    """How far a trial is, and how long it takes, is worth more than how good it is by now."""
    screen = Screen()
    screen.fullwidth = 60
    shown = hear(Progress(screen, live=True, clock=lambda: 0.0), Message(epoch=EPOCHS[0]))
    assert shown.split(ERASE)[1] == f"[1/1] {NAME} epoch 1/5, 21 s left"


@pytest.mark.parametrize("live", [True, False])
def test_line_that_was_begun_is_left_and_taken_up_again(live: bool) -> None:
    """What pytest has begun to write is ended once, and goes on where the record is there."""
    screen = Screen()
    progress = Progress(
        screen,
        live=live,
        leave=lambda: screen.write("<left>", flush=True),
        resume=lambda: screen.write("<resumed>", flush=True),
    )
    shown = hear(progress, Message(epoch=EPOCHS[4]), Message(record=RECORD))
    assert re.fullmatch(r"<left>[^<]*\n<resumed>", shown)


def test_live_line_does_not_outlive_the_wait() -> None:
    """Another trial may be on the screen when the record is there: it makes room for pytest."""
    progress = Progress(Screen(), live=True, clock=lambda: 0.0)
    other = replace(SPEC, seed=1)
    progress.listen(other, Message(note="loading Keras"))
    assert hear(progress, Message(record=RECORD), Message(note="waits")).endswith(ERASE)


def test_trials_that_run_side_by_side_have_numbers_of_their_own() -> None:
    """Each is numbered when it is first heard of, and keeps its number."""
    progress, other = plain(), replace(SPEC, seed=1)
    progress.listen(SPEC, Message(note="loading Keras"))
    progress.listen(other, Message(note="loading Keras"))
    shown = hear(progress, Message(record=RECORD)).splitlines()
    assert [line.split()[0] for line in shown] == ["[1/3]", "[2/3]", "[1/3]"]
