"""What a person sees while trials run: one live line, or plain lines where there is no terminal."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TextIO

from bench.harness.assignment import Message
from bench.harness.durations import in_words
from bench.harness.record import Epoch, Record
from bench.harness.spec import TrialSpec

TICK_S = 1.0
"""How often the time left is counted down."""


class Writer(Protocol):
    """The part of pytest's terminal writer that is used."""

    hasmarkup: bool
    fullwidth: int

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is."""


class Progress:
    """Hears trials from any thread, and shows them from the one thread that waits for a record."""

    def __init__(
        self,
        writer: Writer,
        *,
        live: bool,
        verbosity: int = 0,
        ensure_newline: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = 0
        """Trials to be trained, for the count."""
        self._writer = writer
        self._live = live and verbosity > -2
        self._verbosity = verbosity
        self._ensure_newline = ensure_newline
        self._clock = clock
        self._heard: queue.SimpleQueue[tuple[TrialSpec, Message] | None] = queue.SimpleQueue()
        self._done = 0
        self._status = ""
        self._ends_at: float | None = None

    def listen(self, spec: TrialSpec, message: Message) -> None:
        """Hear a message; safe from any thread."""
        self._heard.put((spec, message))

    def wait(self, future: Future[Record]) -> Record:
        """Return the record once it is there, showing whatever is heard until then."""
        future.add_done_callback(lambda _: self._heard.put(None))
        while not future.done():
            self._show_next(timeout=TICK_S)
        while not self._heard.empty():
            self._show_next(timeout=0)
        return future.result()

    def _show_next(self, timeout: float) -> None:
        try:
            heard = self._heard.get(timeout=timeout)
        except queue.Empty:
            self._redraw()
            return
        if heard is None:
            return  # the record is there: no need to wait out the tick
        spec, message = heard
        if message.record is not None:
            self._finish(message.record)
        else:
            self._status = self._in_words(spec, message)
            self._redraw(told=True)

    def _in_words(self, spec: TrialSpec, message: Message) -> str:
        name = f"[{self._done + 1}/{max(self.total, self._done + 1)}] {name_of(spec)}"
        if message.epoch is None:
            self._ends_at = None
            return f"{name} {message.note}"
        left = (spec.epochs - message.epoch.number) * _seconds(message.epoch)
        self._ends_at = self._clock() + left if left else None
        return f"{name} epoch {message.epoch.number}/{spec.epochs}{_figures(spec, message.epoch)}"

    def _finish(self, record: Record) -> None:
        self._done += 1
        count = f"[{self._done}/{max(self.total, self._done)}]"
        accuracy = record.test_accuracy
        unseen = _unseen(record.spec)
        figures = "" if accuracy is None else f", {unseen} {accuracy:.2%}".replace("%", " %")
        why = "" if record.completed else f": {record.reason}"
        took = f"{record.outcome} in {record.seconds.get('total', 0):.0f} s"
        self._line(f"{count} {name_of(record.spec)} {took}{figures}{why}")
        self._status = ""

    def _redraw(self, *, told: bool = False) -> None:
        if self._live and self._status:
            self._ensure_newline()
            width = self._writer.fullwidth - 1
            text = (self._status + self._left())[:width]
            self._writer.write(f"\r\x1b[2K{text}", flush=True)
        elif told and self._verbosity >= 0:
            self._line(self._status + self._left())

    def _left(self) -> str:
        if self._ends_at is None:
            return ""
        return f", {in_words(max(0.0, self._ends_at - self._clock()))} left"

    def _line(self, text: str) -> None:
        if self._verbosity <= -2:
            return
        self._ensure_newline()
        erase = "\r\x1b[2K" if self._live else ""
        self._writer.write(f"{erase}{text}\n", flush=True)


def name_of(spec: TrialSpec) -> str:
    """Return the case and seed as a line of progress shows them."""
    return f"{spec.case.name} seed {spec.seed}:"


def _seconds(epoch: Epoch) -> float:
    return epoch.seconds + epoch.evaluate_seconds


def _unseen(spec: TrialSpec) -> str:
    return "validation" if spec.dataset.validation else "test"


def _figures(spec: TrialSpec, epoch: Epoch) -> str:
    shown = (("train", epoch.training_accuracy), (_unseen(spec), epoch.test_accuracy))
    return "".join(f" {name} {value:.1%}" for name, value in shown if value is not None)


class PlainWriter:
    """A writer for commands, which have no pytest around them."""

    hasmarkup = False
    fullwidth = 80

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is."""
        print(msg, end="", file=self._stream, flush=flush)
