"""Progress in a terminal: one line that is written over, beside the line that pytest writes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from progress_world import EPOCHS, NAME, RECORD, SPEC, Screen, Waiting, hear, plain

from fitting_room.record import Message
from fitting_room.report import progress as module
from fitting_room.report.progress import ERASE, Progress


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


def test_line_that_was_begun_goes_on_where_nothing_is_told() -> None:
    """A record that is there at once interrupts nobody."""
    screen = Screen()
    progress = Progress(screen, live=False, leave=lambda: screen.write("<left>", flush=True))
    assert hear(progress) == ""


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
