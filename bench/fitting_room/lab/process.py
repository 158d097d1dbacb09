"""Child processes: the parent's half of the protocol, and their end.

``fitting_room.trial`` says how parent and child speak.
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
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias, TypeVar

import msgspec

from fitting_room.errors import ending, hurry
from fitting_room.lab import prepared
from fitting_room.lab.locks import check_not_ending, gpu_lease, machine_lock
from fitting_room.machine import CHOOSER, settings, this_machine
from fitting_room.project import current, used
from fitting_room.record import Epoch, Job, Listener, Message, PartialRecord, Record, now, silent
from fitting_room.spec import TrialSpec
from fitting_room.store.digest import ENGINE, SOURCES, brings_engine

Answer = TypeVar("Answer")

GRACE_S = 15.0  # time for a child to send its record once it is asked to end; then it is killed
LAST = 2**16  # bytes at the end of a child's output, in which its last line is looked for

CHILDREN = ENGINE / "fitting_room" / "trial"

RUN = (
    "import os, runpy, sys; sys.path[:0] = sys.argv.pop(1).split(os.pathsep); "
    "sys.path += filter(None, [sys.argv.pop(1)]); "
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)
"""A program that, unlike ``python -m``, does not look into the working directory first."""

PINNED = ("KERAS_", "TF_", "PYTEST_CURRENT_TEST")
"""The beginnings of variables that no child inherits unless records have them: Keras and TensorFlow
give them a meaning, and pytest another value for each test."""
NO_HOME = f"{os.devnull}/keras"  # Keras finds no keras.json there, and writes none


Process: TypeAlias = "subprocess.Popen[bytes] | prepared.Fork"


@dataclass(frozen=True)
class Child:
    """A process that speaks the protocol."""

    process: Process
    answers: IO[bytes]
    errors: IO[bytes]
    """The file that all it prints goes into."""

    def ask(self, question: object) -> None:
        """Send a line; a process that died gives no answer."""
        assert self.process.stdin  # a pipe
        with suppress(BrokenPipeError):
            self.process.stdin.write(msgspec.json.encode(question) + b"\n")
            self.process.stdin.flush()

    def answer(self, kind: type[Answer]) -> Answer | None:
        """Return its next answer; None if it ended, or was killed in the middle of one."""
        line = self.answers.readline()
        return msgspec.json.decode(line, type=kind) if line.endswith(b"\n") else None

    def hang_up(self) -> None:
        """Let it know that nothing more will be asked."""
        assert self.process.stdin  # a pipe
        with suppress(BrokenPipeError):  # unsent input of a child that died
            self.process.stdin.close()

    def reap(self) -> None:
        """Wait until it has ended, and kill what it left behind, which may keep its pipe open."""
        self.process.wait()
        with suppress(ProcessLookupError):  # only an own trainer has a group of its own
            os.killpg(self.process.pid, signal.SIGKILL)

    def why(self) -> str:
        """Return how it died, from its exit status and the end of its standard error."""
        status = self.process.wait()
        if status < 0:
            return f"its process was killed by {signal.Signals(-status).name}"
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - LAST))
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        said = lines[-1].strip() if lines else "it said nothing"
        return f"its process ended with status {status}: {said}"

    def close(self) -> None:
        """Kill it and what it left behind, and close the pipes to and from it."""
        self.process.kill()
        self.reap()
        self.answers.close()
        self.hang_up()
        if isinstance(self.process, prepared.Fork):
            self.process.release()


def home() -> Path:
    """Return the folder of the code that runs: of the project at hand, or the engine's checkout."""
    if project := used():
        return project.root
    return ENGINE.parent if brings_engine(ENGINE.parent) else current(Path.cwd()).root


def program(child: str, folder: Path) -> list[str]:
    """Return the command that runs a file of ``trial``, by name, on the code in a folder."""
    engine = "" if brings_engine(folder) else str(ENGINE)
    paths = os.pathsep.join(_sources(folder))
    return [sys.executable, "-c", RUN, paths, engine, str(CHILDREN / f"{child}.py")]


def _sources(root: Path) -> list[str]:
    return [str((root / folder).resolve()) for folder in SOURCES]


def python_path(folder: Path) -> dict[str, str]:
    """Return the variable by which Python finds the packages of a folder before all others."""
    inherited = filter(None, [os.environ.get("PYTHONPATH")])
    return {"PYTHONPATH": os.pathsep.join([*_sources(folder), *inherited])}


def child_environment(
    backend: str, device: str, set_to: Mapping[str, str] | None = None, folder: Path | None = None
) -> dict[str, str]:
    """Return the environment of every process that loads a backend, for the code in a folder.

    A user's ``keras.json`` and variables of Keras have no effect in it. Of TensorFlow's variables
    only those have that records hold: ``set_to``, or else those of this process.
    """
    own = settings(os.environ)
    unpinned = {k: v for k, v in os.environ.items() if not k.startswith(PINNED)}
    inherited = {name: value for name, value in unpinned.items() if name not in own}
    recorded = own if set_to is None else dict(set_to)
    environment = inherited | recorded | python_path(folder or home())
    environment |= {
        "KERAS_BACKEND": backend,
        "KERAS_HOME": NO_HOME,
        "PYTHONUNBUFFERED": "1",  # what is printed comes before the error that ends a process
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors only
    }
    if device == "cpu":
        environment |= {"CUDA_VISIBLE_DEVICES": "-1", CHOOSER: "cpu"}
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
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return Child(process, os.fdopen(reading, "rb"), errors)


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[Child]:
    """Start a process in a folder, and kill it at the end of the block."""
    with tempfile.TemporaryFile() as errors:
        child = start(command, errors, environment=environment, folder=folder)
        try:
            yield child
        finally:
            child.close()


def ask(
    command: Sequence[str],
    question: object,
    kind: type[Answer],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> tuple[Answer | None, str]:
    """Run a process that answers once; return its answer, if it gave one, and why it failed."""
    with running(command, environment=environment, folder=folder) as child:
        child.ask(question)
        child.hang_up()
        answer = child.answer(kind)
        return answer, child.why() if child.process.wait() or answer is None else ""


def strays(files: Iterable[str], root: Path) -> list[str]:
    """Return the files of another copy of the project; an engine of its own may be elsewhere."""
    engine = [] if brings_engine(root) else [ENGINE / "fitting_room"]
    homes = [root, root.resolve(), *engine]

    def astray(file: Path) -> bool:
        return not any(file.is_relative_to(each) for each in homes)

    outside = [file for file in files if astray(Path(os.path.normpath(file)))]
    return [file for file in outside if astray(Path(file).resolve())]


_living: dict[Process, str] = {}  # child → run that it trains for, if any
ended: set[str] = set()  # runs that want no more trials of this process


def run_trial(job: Job, listen: Listener = silent, *, run: str = "") -> Record:
    """Run one trial in a process of its own; return its record, whatever its outcome.

    A timed trial waits until no other runs on this machine; any other waits until none is timed.
    A trial on a GPU has the GPU alone, unless its spec shares it.

    Raises:
        CancelledError: The trials of this process were ended before it began.
        UserError: A lock that it needs cannot be written.
    """
    spec = job.spec

    def waiting(why: str) -> None:
        listen(spec, Message(note=why))

    lock, gpu = machine_lock(waiting, exclusive=spec.alone), gpu_lease(spec.per_gpu or 1, waiting)
    place: AbstractContextManager[dict[str, str]] = gpu if spec.device == "gpu" else nullcontext({})
    with lock, place as device, tempfile.TemporaryFile() as errors:
        check_not_ending()
        started, job = now(), replace(job, sent=time.time())
        child = _start(job, errors, device)
        _living[child.process] = run
        if ending.is_set() or run in ended:  # told before the child was among the living
            end(child.process, signal.SIGINT)
        try:
            with time_limit(child.process, spec.time_limit_s) as expired:
                record = _attend(child, job, listen, started)
        finally:
            _living.pop(child.process, None)
            child.close()
    if expired.is_set() and record.outcome in ("timed out", "crashed"):
        reason = f"still running after its time limit of {spec.time_limit_s:g} s"
        return replace(record, outcome="timed out", reason=reason)
    return record


def end_of(run: str | None = None) -> None:
    """Ask the living children, or those of a run, to end with a record of their epochs so far.

    A child of that run that is about to start is asked once it lives.
    """
    if run is not None:
        ended.add(run)
    for child, of in list(_living.items()):
        if run in (None, of):
            end(child, signal.SIGINT)


@contextmanager
def trials_ended() -> Iterator[None]:
    """Ask every living child to end, with a record of its epochs so far; let no other begin."""
    ending.set()
    end_of()
    try:
        yield
    finally:
        ending.clear()


def _attend(child: Child, job: Job, listen: Listener, started: str) -> Record:
    """Hear a child until its record is there, or write one for it if it died without."""
    measured, epochs = PartialRecord(machine=this_machine()), list[Epoch]()
    ended = partial(job.record, started=started, measured=measured)
    try:
        child.ask(job)
        while message := child.answer(Message):
            if problem := _foreign(message, Path(job.root)):
                return ended("crashed", problem)
            listen(job.spec, message)
            if message.record is not None:
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(GRACE_S)  # it has nothing left to do but to end
                return message.record
            if message.epoch is not None:
                epochs.append(message.epoch)
    except msgspec.MsgspecError as error:  # something else of its process wrote there
        return ended("crashed", f"its process answered what is no message: {error}")
    measured.epochs = tuple(epochs)
    # A framework that is asked to end may abort in the middle of a call. A child sets an alarm only
    # once it is asked to end.
    if child.process.wait() in (-signal.SIGINT, -signal.SIGALRM) or ending.is_set():
        return ended("interrupted", "ended by SIGINT")
    return ended("crashed", child.why())


def _start(job: Job, errors: IO[bytes], device: Mapping[str, str]) -> Child:
    spec, root = job.spec, Path(job.root)
    environment = child_environment(spec.backend, spec.device, job.provenance.settings, root)
    if _prepares(spec) and (fork := prepared.fork(program("prepared", root), environment, errors)):
        return Child(*fork, errors)
    child = start(program("__main__", root), errors, environment={**environment, **device})
    if spec.case.trainer:
        threading.Thread(target=child.reap, daemon=True).start()
    return child


def _prepares(spec: TrialSpec) -> bool:
    """Return whether a prepared process can be forked for a trial.

    An own trainer may load anything, JAX warns of forks, and a GPU's variables differ by trial.
    """
    linux = sys.platform == "linux"
    return linux and spec.backend == "tensorflow" and spec.device == "cpu" and not spec.case.trainer


def _foreign(message: Message, root: Path) -> str | None:
    """Return what is wrong if a child runs code that is not under ``root``, or does not say."""
    if found := strays(message.files, root):
        return (
            f"its process imported {found[0]}, not the code in {root}. "
            "Take the other copy off Python's path, or uninstall it."
        )
    if message.record is not None and not message.files:
        return f"its process did not confirm that it runs the code in {root}"
    return None


@contextmanager
def time_limit(child: Process, seconds: float | None) -> Iterator[threading.Event]:
    """Ask the child to end after so many seconds; the event is set once that happened."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        end(child, signal.SIGTERM)

    timer = threading.Timer(seconds or 0, expire)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def end(child: Process, number: signal.Signals) -> None:
    """Send a child that lives a signal, and kill it if that does not end it in time."""

    def kill() -> None:
        hurry.wait(GRACE_S)
        child.kill()

    if child.poll() is None:
        child.send_signal(number)
        threading.Thread(target=kill, daemon=True).start()
