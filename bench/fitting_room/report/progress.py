"""What a person sees while trials run: one live line, or plain lines where there is no terminal."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from fitting_room.format import in_terminal, in_words, one_line
from fitting_room.record import Epoch, Message, Record
from fitting_room.spec import TrialSpec

Mark = Callable[..., str]
"""``mark(text, red=True)``, as pytest's ``TerminalWriter.markup``."""

COLOURS = {"pass": "green", "fail": "red", "undecided": "yellow", "not comparable": "cyan"}
"""The colours of outcomes; each is told in words as well."""


def plain(text: str, **_: bool) -> str:
    """Return text without colour."""
    return text


ANSI = {"bold": 1, "light": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def coloured(text: str, **marks: bool) -> str:
    """Return text as pytest marks it, for commands, which have none of it around them."""
    codes = ";".join(str(ANSI[name]) for name, wanted in marks.items() if wanted)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text


WIDE = 160
"""Columns of a pipe or a file, which has no width of its own."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A terminal, or what stands for one where output goes elsewhere."""

    width: int = 80
    """Columns."""
    mark: Mark = plain
    verbosity: int = 0
    """The verbosity of pytest: -1 for ``-q``, 1 for ``-v``."""

    @classmethod
    def of_output(cls) -> Screen:
        """Return what standard output is shown on."""
        if not sys.stdout.isatty():
            return cls(width=WIDE)
        mark = plain if os.environ.get("NO_COLOR") else coloured
        return cls(width=shutil.get_terminal_size().columns, mark=mark)

    def outcome(self, text: str, outcome: str) -> str:
        """Return text in the colour of an outcome; one that is unknown has none."""
        colour = COLOURS.get(outcome)
        return self.mark(text, **{colour: True}) if colour else text

    def folded(self, text: str, *, first: str = "", rest: str = "") -> str:
        """Return text in lines that fit; ``first`` leads the first one, ``rest`` the others."""
        lines = textwrap.fill(
            one_line(text),
            max(self.width, 20),
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return in_terminal(lines)


TICK_S = 1.0
"""How often the time left is counted down."""

ERASE = "\r\x1b[2K"
"""Empties a terminal's line."""


class Writer(Protocol):
    """The output that shows it."""

    @property
    def fullwidth(self) -> int:
        """Columns."""

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is."""


class Progress:
    """Hears trials from any thread, and shows them from the one thread that waits for a record.

    Without a ``writer`` it has a line for each on standard error, as for commands. ``leave`` is
    called before anything is shown, ``resume`` after it: they end the line that somebody else had
    begun, and take it up again.
    """

    def __init__(
        self,
        writer: Writer | None = None,
        *,
        live: bool = False,
        verbosity: int = 0,
        leave: Callable[[], None] = lambda: None,
        resume: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = 0
        """Trials to be trained, for the count."""
        self.left_after: Callable[[Record], float | None] = lambda _: None
        """Hears each record; returns the seconds that the trials after it will take, if known."""
        self._writer = writer
        self._live = live and verbosity > -2
        self._verbosity = verbosity
        self._leave = leave
        self._resume = resume
        self._clock = clock
        self._heard: queue.SimpleQueue[tuple[TrialSpec, Message] | None] = queue.SimpleQueue()
        self._done = 0
        self._numbers: dict[str, int] = {}
        """The numbers of the trials that run, by name."""
        self._doing = self._figures = ""
        """What a trial does, and how good it is by now."""
        self._ends_at: float | None = None
        self._left_line = False
        self._drawn = False
        """Whether a live line is on the screen."""

    def listen(self, spec: TrialSpec, message: Message) -> None:
        """Hear a message; safe from any thread."""
        self._heard.put((spec, message))

    def wait(self, future: Future[Record]) -> Record:
        """Return the record once it is there, showing whatever is heard until then."""
        future.add_done_callback(lambda _: self._heard.put(None))
        try:
            while not future.done():
                self._show_next(timeout=TICK_S)
            while not self._heard.empty():
                self._show_next(timeout=0)
        finally:
            if self._drawn:
                self._write(ERASE)
            if self._left_line:
                self._resume()
            self._left_line = self._drawn = False
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
            return
        self._doing, self._figures = f"{self._count(spec)} {message.note}", ""
        self._ends_at = None
        if (epoch := message.epoch) is not None:
            self._doing = f"{self._count(spec)} epoch {epoch.number}/{spec.last_epoch}"
            self._figures = _figures(spec, epoch)
            left = (spec.last_epoch - epoch.number) * (epoch.seconds + epoch.evaluate_seconds)
            self._ends_at = self._clock() + left if left else None
        self._redraw(told=True)

    def _count(self, spec: TrialSpec) -> str:
        """Name a trial, with the number that it gets when it is first heard of."""
        name = _name(spec)
        number = self._numbers.setdefault(name, self._done + len(self._numbers) + 1)
        return f"[{number}/{max(self.total, number)}] {name}"

    def _finish(self, record: Record) -> None:
        count, accuracy = self._count(record.spec), record.test_accuracy
        del self._numbers[_name(record.spec)]
        self._done += 1
        figures = "" if accuracy is None else f", {_scored(record.spec)} {100 * accuracy:.2f} %"
        why = "" if record.completed else f": {record.reason}"
        took = f"{record.outcome} in {record.seconds.get('total', 0):.0f} s"
        left = self.left_after(record)
        others = f"; about {in_words(left)} left in all" if left else ""
        self._line(f"{count} {took}{figures}{why}{others}")
        self._doing = self._figures = ""

    def _redraw(self, *, told: bool = False) -> None:
        ends = self._ends_at
        left = "" if ends is None else f", {in_words(max(0.0, ends - self._clock()))} left"
        text = f"{self._doing}{self._figures}{left}"
        if self._writer and self._live and self._doing:
            room = self._writer.fullwidth - 1
            if len(text) > room:
                text = f"{self._doing}{left}"[:room]
            self._write(f"{ERASE}{in_terminal(one_line(text))}")
            self._drawn = True
        elif told and self._verbosity >= 0:
            self._line(text)

    def _line(self, text: str) -> None:
        if self._verbosity > -2:
            self._write(f"{ERASE if self._drawn else ''}{in_terminal(one_line(text))}\n")
            self._drawn = False

    def _write(self, text: str) -> None:
        if not self._left_line:
            self._leave()
        self._left_line = True
        if self._writer:
            self._writer.write(text, flush=True)
        else:
            print(text, end="", file=sys.stderr, flush=True)


def _name(spec: TrialSpec) -> str:
    return f"{spec.case.name} seed {spec.seed}:"


def _scored(spec: TrialSpec) -> str:
    return "validation" if spec.dataset.validation else "test"


def _figures(spec: TrialSpec, epoch: Epoch) -> str:
    shown = (("train", epoch.training_accuracy), (_scored(spec), epoch.test_accuracy))
    return "".join(f" {name} {value:.1%}" for name, value in shown if value is not None)
