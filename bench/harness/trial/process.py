"""The parent's side of a trial: start the child, hear it, and see that it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from bench.harness.assignment import Assignment, Listener, Message, silent
from bench.harness.durations import now
from bench.harness.machine import DEVICES, settings, this_machine
from bench.harness.record import Epoch, Outcome, Record
from bench.harness.trial.child import (
    GRACE_S,
    Child,
    end,
    foreign,
    messages,
    start,
    time_limit,
    why,
)
from bench.harness.trial.locks import check_not_ending, ending, machine_held, why_wait

ROOT = Path(__file__).resolve().parents[3]
"""The folder that holds the packages ``bench`` and ``models``."""

RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
"""Unlike ``python -m`` it does not look into the working directory first."""

PINNED = ("KERAS_", "TF_")
"""What the variables begin with that no child inherits, but for those that are recorded."""

NO_HOME = f"{os.devnull}/keras"
"""A home for Keras that cannot be: no ``keras.json`` lies there, and none is written."""

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


def python_path(folder: Path) -> dict[str, str]:
    """Return the variable by which Python finds the packages of a folder before all others."""
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(each for each in (str(folder), before) if each)}


def program(module: str) -> list[str]:
    """Return the command that runs a module of this code, wherever it is started."""
    return [sys.executable, "-c", RUN, str(ROOT), module]


def child_environment(
    backend: str, device: str, set_to: Mapping[str, str] | None = None, folder: Path = ROOT
) -> dict[str, str]:
    """Return the environment of every process that loads a backend.

    A user's ``keras.json`` and variables of Keras have no effect in it, and TensorFlow's none that
    no record tells of.

    Args:
        backend: Of Keras.
        device: ``cpu`` hides every other.
        set_to: The settings that the key of a trial has; None for those of this process.
        folder: Holds the packages to be run.
    """
    own = settings(os.environ)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith(PINNED)
    }
    environment = inherited | (own if set_to is None else dict(set_to)) | python_path(folder)
    environment |= {
        "KERAS_BACKEND": backend,
        "KERAS_HOME": NO_HOME,
        "PYTHONUNBUFFERED": "1",  # what is printed comes before the error that ends a process
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors only
    }
    if device == "cpu":
        environment |= {"CUDA_VISIBLE_DEVICES": "-1", DEVICES: "cpu"}
    return environment


def _start(assignment: Assignment, errors: IO[bytes]) -> Child:
    spec, set_to = assignment.spec, assignment.provenance.settings
    return start(
        program("bench.harness.trial"),
        errors,
        environment=child_environment(spec.backend, spec.device, set_to),
    )


def _explain(record: Record, expired: threading.Event) -> Record:
    if record.outcome != "timed out" or not expired.is_set():
        return record
    limit = record.spec.time_limit_s
    return replace(record, reason=f"still running after its time limit of {limit:g} s")
