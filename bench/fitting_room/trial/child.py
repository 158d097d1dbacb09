"""A process that answers its parent: how it is started, heard and ended, and what its death says.

It answers on a descriptor of its own, whose number is its last argument, so that nothing printed
there, by a library or as the interpreter starts, can be taken for an answer. POSIX only: Windows
hands no descriptor on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec
from fitting_room.job import Assignment, Message
from fitting_room.machine import DEVICES, settings
from fitting_room.store.digest import PACKAGES, SOURCES
from fitting_room.surroundings import hurry

GRACE_S = 15.0
"""Time for a child to say its record after it was asked to end; then it is killed."""

ROOT = Path(__file__).resolve().parents[3]
"""The folder that holds the packages ``bench`` and ``models``."""

RUN = (
    "import os, runpy, sys; sys.path[:0] = sys.argv.pop(1).split(os.pathsep); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
"""Unlike ``python -m`` it does not look into the working directory first."""

PINNED = ("KERAS_", "TF_")
"""What the variables begin with that no child inherits, but for those that are recorded."""

NO_HOME = f"{os.devnull}/keras"
"""A home for Keras that cannot be: no ``keras.json`` lies there, and none is written."""


@dataclass(frozen=True)
class Child:
    """A process that is asked on its standard input."""

    process: subprocess.Popen[bytes]
    answers: IO[bytes]

    def ask(self, content: bytes) -> None:
        """Send bytes; a process that died does not answer, which tells."""
        assert self.process.stdin  # a pipe
        with suppress(BrokenPipeError):
            self.process.stdin.write(content)
            self.process.stdin.flush()

    def close(self) -> None:
        """End it, if it lives, and what leads to and from it."""
        self.process.kill()
        self.process.wait()
        self.answers.close()
        if self.process.stdin:
            with suppress(BrokenPipeError):  # unsent input of a child that died
                self.process.stdin.close()


def program(module: str) -> list[str]:
    """Return the command that runs a module of this code, wherever it is started."""
    return [sys.executable, "-c", RUN, os.pathsep.join(sources(ROOT)), module]


def sources(root: Path) -> list[str]:
    """Return the folders of a checkout that its packages are imported from."""
    return [str((root / folder).resolve()) for folder in SOURCES]


def python_path(folder: Path) -> dict[str, str]:
    """Return the variable by which Python finds the packages of a folder before all others."""
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join([*sources(folder), *([before] if before else [])])}


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


def start(
    command: Sequence[str],
    errors: IO[bytes],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Child:
    """Start a process in a folder; all that it prints goes into the file ``errors``."""
    reading, writing = os.pipe()
    answers = os.fdopen(reading, "rb")
    try:
        process = subprocess.Popen(
            [*command, str(writing)],
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            cwd=folder,
            env=environment,
            pass_fds=(writing,),
        )
    except BaseException:
        answers.close()
        raise
    finally:
        os.close(writing)
    return Child(process, answers)


def ask(
    command: Sequence[str],
    question: bytes = b"",
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> tuple[bytes, str]:
    """Run a process that answers once; return its answer, and why there is none, else ""."""
    with tempfile.TemporaryFile() as errors:
        child = start(command, errors, environment=environment, folder=folder)
        try:
            child.ask(question)
            assert child.process.stdin  # a pipe
            with suppress(BrokenPipeError):
                child.process.stdin.close()
            answer = child.answers.read()
            status = child.process.wait()
        finally:
            child.close()
        return answer, why(status, errors) if status else ""


def answering() -> IO[bytes]:
    """Open what this process answers on, and keep it from processes that it starts."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)
    return os.fdopen(descriptor, "wb")


def messages(child: Child, assignment: Assignment) -> Iterator[Message]:
    """Hand the child its assignment, and yield what it says until it ends or is killed."""
    child.ask(msgspec.json.encode(assignment) + b"\n%f\n" % time.time())
    for line in child.answers:
        if not line.endswith(b"\n"):
            return  # it was killed in the middle of a message
        yield msgspec.json.decode(line, type=Message)


def foreign(message: Message, root: Path) -> str | None:
    """Say what is wrong if a child runs code that is not under ``root``, or tells of none."""
    if found := strays(message.files, root):
        return (
            f"its process imported {found[0]}, and not the code in {root}. "
            "Take the other copy off Python's path, or uninstall it."
        )
    if message.record is not None and not message.files:
        return f"its process did not tell that it runs the code in {root}"
    return None


def loaded_files() -> tuple[str, ...]:
    """Return the files of the project's modules that this process has imported."""
    ours = [
        m for name, m in [*sys.modules.items()] if name.split(".")[0] in (*PACKAGES, "fitting_room")
    ]
    files = [getattr(module, "__file__", None) for module in ours]
    return tuple(sorted({file for file in files if file}))


def strays(files: Iterable[str], root: Path) -> list[str]:
    """Return the files that are not under ``root``: code of another copy of the project."""
    outside = [file for file in files if not Path(os.path.normpath(file)).is_relative_to(root)]
    return [file for file in outside if not Path(file).resolve().is_relative_to(root.resolve())]


@contextmanager
def time_limit(child: subprocess.Popen[bytes], seconds: float | None) -> Iterator[threading.Event]:
    """Ask the child to end after so many seconds; the event tells whether that was so."""
    expired = threading.Event()
    if seconds is None:
        yield expired
        return

    def expire() -> None:
        expired.set()
        end(child, signal.SIGTERM)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def end(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a child that lives a signal, and kill it if that does not end it in time."""
    if child.poll() is None:
        child.send_signal(number)
        threading.Thread(target=_kill, args=(child,), daemon=True).start()


def _kill(child: subprocess.Popen[bytes]) -> None:
    hurry.wait(GRACE_S)
    child.kill()


def why(status: int, errors: IO[bytes]) -> str:
    """Say how a child died, from its exit status and the end of its standard error."""
    if status < 0:
        return f"its process was killed by {signal.Signals(-status).name}"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    said = lines[-1].strip() if lines else "it said nothing"
    return f"its process ended with status {status}: {said}"
