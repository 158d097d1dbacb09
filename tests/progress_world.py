"""A terminal that remembers, and trials heard of, for tests of what is shown meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from records import make_record

from fitting_room.record import Message, Record
from fitting_room.report.progress import Progress

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
