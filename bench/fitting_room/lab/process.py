"""The parent's side of a trial: start the child, hear it, and see that it ends."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO

from fitting_room.durations import now
from fitting_room.job import Assignment, Listener, Message, silent
from fitting_room.lab.locks import check_not_ending, machine_held, why_wait
from fitting_room.machine import this_machine
from fitting_room.record import Epoch, Outcome, Record
from fitting_room.surroundings import ending
from fitting_room.trial.child import (
    GRACE_S,
    ROOT,
    Child,
    child_environment,
    end,
    foreign,
    messages,
    program,
    start,
    time_limit,
    why,
)

_living: set[subprocess.Popen[bytes]] = set()


def run_trial(assignment: Assignment, listen: Listener = silent) -> Record:
    """Run one trial in a fresh process and return its record, whatever becomes of it.

    A spec that is to be timed waits until no other trial runs on this machine, and any other until
    none is timed there. Raises CancelledError if the trials of this process are ended before it
    began, and a UserError if it is to be timed where no lock can be written.
    """
    spec = assignment.spec
    waiting = Message(note=why_wait(alone=spec.alone))
    held = machine_held(lambda: listen(spec, waiting), alone=spec.alone)
    with held, tempfile.TemporaryFile() as errors:
        check_not_ending()
        started = now()
        child = _start(assignment, errors)
        _living.add(child.process)
        try:
            return _attend(child, assignment, listen, started, errors)
        finally:
            _living.discard(child.process)
            child.close()


@contextmanager
def trials_ended() -> Iterator[None]:
    """Ask every living child to end with the record of what it has, and let no other begin."""
    ending.set()
    for child in list(_living):
        end(child, signal.SIGINT)
    try:
        yield
    finally:
        ending.clear()


def _attend(
    child: Child,
    assignment: Assignment,
    listen: Listener,
    started: str,
    errors: IO[bytes],
) -> Record:
    epochs: list[Epoch] = []
    with time_limit(child.process, assignment.spec.time_limit_s) as expired:
        for message in messages(child, assignment):
            if said := foreign(message, ROOT):
                return assignment.record("crashed", said, started=started, machine=this_machine())
            if message.record is not None:
                listen(assignment.spec, message)
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(GRACE_S)  # it has nothing left to do but to end
                return _explain(message.record, expired)
            if message.epoch is not None:
                epochs.append(message.epoch)
            listen(assignment.spec, message)
    status = child.process.wait()
    outcome: Outcome = "interrupted" if status == -signal.SIGINT else "crashed"
    if expired.is_set():
        outcome = "timed out"
    died = assignment.record(
        outcome,
        why(status, errors),
        started=started,
        epochs=tuple(epochs),
        machine=this_machine(),
    )
    return _explain(died, expired)


def _start(assignment: Assignment, errors: IO[bytes]) -> Child:
    spec, set_to = assignment.spec, assignment.provenance.settings
    return start(
        program("fitting_room.trial"),
        errors,
        environment=child_environment(spec.backend, spec.device, set_to),
    )


def _explain(record: Record, expired: threading.Event) -> Record:
    if record.outcome != "timed out" or not expired.is_set():
        return record
    limit = record.spec.time_limit_s
    return replace(record, reason=f"still running after its time limit of {limit:g} s")
