"""The child process of a trial: it is asked a ``Job`` and answers with messages.

SIGINT and SIGTERM end the trial with the record of what there is; the end of standard input ends it
at once, for then the parent is gone.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from fitting_room.errors import UserError
from fitting_room.machine import peak_memory_bytes, this_machine
from fitting_room.record import Epoch, Job, Message, Outcome, PartialRecord, Record, now
from fitting_room.spec import TASKS
from fitting_room.trial import answering, loaded_files, question, say
from fitting_room.trial.prepared import NEEDLESS, absent

AGAIN_S = 1.0
"""The time until a signal is sent again, if the first had no effect."""

PLAIN = 2
"""Arguments of a fresh process, and of the first fork, whose start has all that was imported."""


_asked: list[int] = []
"""The signals that asked this process to end, in their order."""


class Stopped(BaseException):
    """A signal ended the trial. No ``Exception``, so that no library swallows it."""


def main() -> None:
    """Run the job and say its record."""
    output = answering()
    job = question(Job)
    if job.spec.case.trainer:
        os.setpgid(0, 0)  # the parent kills this group: all that a trainer leaves behind
    threading.Thread(target=_die_with_parent, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)  # from here on there is a record to be said
    seconds, began = {"start": max(0.0, time.time() - job.sent)}, time.perf_counter()
    if len(sys.argv) > PLAIN:
        seconds["prepared"] = float(sys.argv[1])
    record = _record(job, seconds, output, began)
    say(output, Message(record=record, files=loaded_files(job.spec.case.builder)))
    # What is left is the frameworks' tear-down, seconds of it: the record is out, so skip it.
    os._exit(0)


def _record(job: Job, seconds: dict[str, float], output: IO[bytes], began: float) -> Record:
    started = now()
    _asked.clear()
    measured = PartialRecord(seconds=seconds)
    try:
        measured.machine = this_machine()
        outcome, reason = _run(job, measured, output)
    except (Stopped, Exception) as error:
        outcome, reason = _ending(error)
    _ignore_signals()
    signal.setitimer(signal.ITIMER_REAL, 0)
    measured.machine = measured.machine or this_machine()
    seconds["total"] = seconds["start"] + time.perf_counter() - began
    measured.peak_memory_bytes = peak_memory_bytes()
    return job.record(outcome, reason, started=started, measured=measured)


def _ending(error: BaseException) -> tuple[Outcome, str]:
    """Return how a trial ended by an error, be it what a library made of a signal's exception."""
    number = error.args[0] if isinstance(error, Stopped) else next(iter(_asked), None)
    if number is not None:
        outcome: Outcome = "timed out" if number == signal.SIGTERM else "interrupted"
        return outcome, f"ended by {signal.Signals(number).name}"
    told = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return "crashed", told


def _run(job: Job, measured: PartialRecord, output: IO[bytes]) -> tuple[Outcome, str]:
    spec = job.spec
    began = time.perf_counter()

    def tell(epoch: Epoch) -> None:
        say(output, Message(epoch=epoch))

    if job.task is not None:
        TASKS.setdefault(job.task.name, job.task)
    told = spec.case.trainer or spec.backend
    say(output, Message(note=f"loading {told}", files=loaded_files(spec.case.builder)))
    keep, log = (None if path is None else Path(path) for path in (job.keep, job.log))
    if spec.case.trainer:
        from fitting_room.project import current
        from fitting_room.trial import trainer

        current(Path(job.root)).use()  # which classes its task has
        train = trainer.trainer_of(spec.case.trainer)
        measured.seconds["import"] = time.perf_counter() - began
        trainer.run(train, spec, measured, tell, job.metrics, keep)
        return _outcome(job, measured)
    with absent(*NEEDLESS):
        from fitting_room.trial import run  # takes seconds: it loads Keras and its backend
        from fitting_room.trial.probe import accelerator

    measured.seconds["import"] = time.perf_counter() - began
    found = accelerator()
    if spec.device == "gpu" and found is None:
        raise UserError(f"{spec.backend} sees no GPU here; use --device cpu.")
    measured.machine = this_machine(found)
    run.run(spec, measured, tell, keep, log, job.metrics)
    return _outcome(job, measured)


def _outcome(job: Job, measured: PartialRecord) -> tuple[Outcome, str]:
    spec, epochs = job.spec, measured.epochs
    loss = epochs[-1].training_loss if epochs else math.nan
    if loss is None:
        return "diverged", f"the training loss was no finite number in epoch {len(epochs)}"
    if epochs and spec.leaves(len(epochs), loss):
        low, high = spec.loss_limits[len(epochs) - 1]
        said = f"training loss {loss:.4f} after epoch {len(epochs)}"
        return "given up", f"{said}, where unchanged code stays within {low:.4f}–{high:.4f}"
    if epochs and len(epochs) == spec.stop_after:
        return "completed", f"stopped after epoch {len(epochs)} of {spec.epochs}, as asked"
    if measured.callbacks and measured.callbacks.stopped_epoch == len(epochs):
        return "completed", f"reached its threshold after epoch {len(epochs)}"
    if len(epochs) < spec.epochs and spec.case.trainer:
        return "completed", f"its trainer ended after epoch {len(epochs)}"
    if len(epochs) < spec.epochs:
        return "completed", f"reached its stopping accuracy after epoch {len(epochs)}"
    return "completed", f"trained for {len(epochs)} epochs" if epochs else "built, not trained"


def _stop(number: int, _frame: object) -> None:
    _asked.append(number)
    _ignore_signals()  # Ctrl-C comes twice, from the terminal and from the parent
    # An exception that is raised while the garbage collector calls back is printed and lost.
    signal.signal(signal.SIGALRM, lambda *_: _stop(number, None))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    raise Stopped(number)


def _ignore_signals() -> None:
    """Let nothing cut the record short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _die_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
