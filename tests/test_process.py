"""The parent's side of a trial: children that end in every way there is, and their locks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import IO

import msgspec
import pytest
from bench_runs import PATIENCE_S
from imports import ROOT
from records import make_record
from trials import assigned

from fitting_room.lab import process
from fitting_room.lab.locks import machine_lock
from fitting_room.lab.process import run_trial, trials_ended
from fitting_room.record import Epoch, Job, Message, Record
from fitting_room.spec import TrialSpec

EPOCH = Epoch(number=1, seconds=1.0, cpu_seconds=2.0, training_accuracy=0.5, training_loss=1.0)
SAY = "os.write(int(sys.argv[1]), {})".format
SAY_EPOCH = SAY(msgspec.json.encode(Message(epoch=EPOCH)) + b"\n")

Child = Callable[[str], None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Child:
    """Let a script of our own play the child."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def play(script: str) -> None:
        def start(_: Job, errors: IO[bytes], device: Mapping[str, str]) -> process.Child:
            command = [sys.executable, "-c", f"import os, signal, sys, time\n{script}"]
            return process.start(command, errors, environment=os.environ | dict(device))

        monkeypatch.setattr(process, "_start", start)

    return play


@pytest.mark.parametrize("half", ["", SAY(b'{"epoch": {"num')])
def test_a_killed_child_leaves_a_record_with_its_epochs(play: Child, half: str) -> None:
    """It says which signal killed the process; a message that was cut in half is none."""
    play(f"{SAY_EPOCH}\n{half}\nos.kill(os.getpid(), signal.SIGKILL)")
    record = run_trial(assigned())
    assert record.outcome == "crashed"
    assert record.reason == "its process was killed by SIGKILL"
    assert record.epochs == (EPOCH,)


@pytest.mark.parametrize(
    ("last_words", "said"),
    [("", "it said nothing"), ("first\\n  out of memory\\n", "out of memory")],
)
def test_a_child_that_gives_up_is_quoted(play: Child, last_words: str, said: str) -> None:
    """The reason has the exit status and the last line of its standard error."""
    play(f"sys.stderr.write('{last_words}'); sys.exit(3)")
    assert run_trial(assigned()).reason.endswith(f"status 3: {said}")


def test_a_child_that_hears_nothing_still_has_its_record(play: Child) -> None:
    """Dying before the job is read is a crash, and no broken pipe."""
    play("os.close(0); os._exit(4)")
    record = run_trial(assigned())
    assert (record.outcome, record.epochs) == ("crashed", ())
    assert "status 4" in record.reason


def test_a_child_deaf_to_its_time_limit_is_killed(
    play: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the grace time nothing is waited for, and the reason is the limit."""
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    play(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SAY_EPOCH}\ntime.sleep({PATIENCE_S})")
    record = run_trial(assigned(time_limit_s=0.5))
    assert record.outcome == "timed out"
    assert record.reason == "still running after its time limit of 0.5 s"


def says(files: tuple[str, ...]) -> str:
    """Return a child's program that says a record, and of which files it comes."""
    return SAY(msgspec.json.encode(Message(record=make_record(), files=files)) + b"\n")


def test_a_record_of_another_copy_of_the_code_is_none(play: Child) -> None:
    """A child that imported other files than the parent's has failed, and both are named."""
    play(says((f"{ROOT}/bench/__init__.py", "/elsewhere/models/dense.py")))
    record = run_trial(assigned())
    assert (record.outcome, record.test_accuracy) == ("crashed", None)
    assert f"imported /elsewhere/models/dense.py, not the code in {ROOT}." in record.reason


@pytest.mark.parametrize("files", [(), (f"{ROOT}/../other/bench/__init__.py",)])
def test_a_record_without_proof_of_its_code_is_none(play: Child, files: tuple[str, ...]) -> None:
    """Nor is one whose files are beside the parent's folder, by whatever path."""
    play(says(files))
    record = run_trial(assigned())
    assert record.outcome == "crashed"
    assert f"the code in {ROOT}" in record.reason


def test_a_child_ended_before_it_listens_is_interrupted(play: Child) -> None:
    """Ctrl-C while Python still starts is an interruption, and no crash."""
    play(f"signal.signal(signal.SIGINT, signal.SIG_DFL)\n{SAY_EPOCH}\ntime.sleep({PATIENCE_S})")
    told = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run_trial, assigned(), lambda *_: told.set())
        assert told.wait(PATIENCE_S)
        with trials_ended():
            record = future.result(PATIENCE_S)
    assert (record.outcome, record.epochs) == ("interrupted", (EPOCH,))


@pytest.mark.parametrize(
    ("held", "wanted", "told"),
    [
        (True, True, "waiting for the other trials on this machine to end"),
        (False, True, "waiting for the other trials on this machine to end"),
        (True, False, "waiting for a timed trial on this machine to end"),
    ],
)
@pytest.mark.usefixtures("play")
def test_a_run_that_is_ended_does_not_wait_for_the_machine(
    held: bool, wanted: bool, told: str
) -> None:
    """A trial that waits while another run uses the machine gives up, and never begins."""
    heard: list[str | None] = []
    waiting = threading.Event()

    def listen(_: TrialSpec, message: Message) -> None:
        heard.append(message.note)
        waiting.set()

    with machine_lock(exclusive=held), ThreadPoolExecutor(1) as pool:
        future = pool.submit(run_trial, assigned(alone=wanted), listen)
        assert waiting.wait(PATIENCE_S)
        with trials_ended(), pytest.raises(CancelledError):
            future.result(PATIENCE_S)
    assert heard == [told]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_timed_trial_runs_alone(play: Child, tmp_path: Path, first: bool, second: bool) -> None:
    """One of two trials begins when the other has ended, unless neither is timed."""
    beside = tmp_path / "beside"
    play(
        f"import pathlib; beside = pathlib.Path({str(beside)!r}); beside.mkdir(exist_ok=True)\n"
        "(beside / str(os.getpid())).touch(); deadline = time.time() + 0.5\n"
        "while len(list(beside.iterdir())) < 2 and time.time() < deadline: time.sleep(0.01)\n"
        "sys.stderr.write(str(len(list(beside.iterdir())))); sys.stderr.flush()\n"
        "time.sleep(0.1); (beside / str(os.getpid())).unlink(); sys.exit(3)"
    )
    with ThreadPoolExecutor(2) as pool:
        records = list(pool.map(run_trial, [assigned(alone=first), assigned(alone=second)]))
    together = "1" if first or second else "2"
    assert [record.reason[-1] for record in records] == [together] * 2


@pytest.mark.parametrize(("device", "hidden"), [("cpu", "-1"), ("gpu", None)])
def test_a_child_on_the_cpu_sees_no_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, hidden: str | None
) -> None:
    """The backend is the spec's, and the GPUs are hidden from it unless they were asked for."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    environment = process.child_environment("jax", device)
    assert environment.get("CUDA_VISIBLE_DEVICES") == hidden
    assert environment["KERAS_BACKEND"] == "jax"


def test_a_child_has_the_settings_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those of a worker that runs it nor what no record tells of: Keras' and secrets."""
    here = {"OMP_NUM_THREADS": "1", "KERAS_MAX_EPOCHS": "1", "TF_VAR_password": "x", "MY_OWN": "y"}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    environment = process.child_environment("tensorflow", "cpu", {"XLA_FLAGS": "--a"})
    assert {name: environment.get(name) for name in (*here, "XLA_FLAGS")} == {
        **dict.fromkeys(here), "MY_OWN": "y", "XLA_FLAGS": "--a"
    }  # fmt: skip
    assert process.child_environment("tensorflow", "cpu")["OMP_NUM_THREADS"] == "1"


def test_what_a_process_prints_is_no_answer() -> None:
    """An answer has a descriptor of its own, and what was printed explains a failure."""
    said = "import os, sys\nprint('hello')\nasked = sys.stdin.buffer.read()\n"
    answer = "os.write(int(sys.argv[-1]), asked)\n"
    program = [sys.executable, "-c", f"{said}{answer}"]
    assert process.ask(program, {"a": 1}, dict, environment=os.environ) == ({"a": 1}, "")


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("sys.exit(3)", "ended with status 3: hello"),
        ("os.write(int(sys.argv[-1]), b'{}')", "ended with status 0: hello"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    ],
)
def test_a_process_without_an_answer_says_why(end: str, why: str) -> None:
    """Status or signal, and the last that it printed; half a line is no answer."""
    program = [sys.executable, "-c", f"import os, sys\nprint('hello', flush=True)\n{end}"]
    assert process.ask(program, None, dict, environment=os.environ) == (None, f"its process {why}")


def curve(record: Record) -> list[float | None]:
    """Return what a trial learned, and how it was scored."""
    told = [[epoch.training_loss, epoch.training_accuracy] for epoch in record.epochs]
    return [*(value for epoch in told for value in epoch), record.test_accuracy, record.test_loss]


def test_a_user_s_settings_change_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``keras.json``, Keras' variables and a site hook that prints leave a trial as it is."""
    clean = run_trial(assigned(epochs=2))
    own = {"floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1}
    (tmp_path / "keras.json").write_bytes(msgspec.json.encode({**own, "backend": "torch"}))
    (tmp_path / "sitecustomize.py").write_text("print('site hook: hello')", encoding="utf-8")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    again = run_trial(assigned(epochs=2))
    assert (again.outcome, again.key, again.resolved) == ("completed", clean.key, clean.resolved)
    assert curve(again) == pytest.approx(curve(clean), rel=1e-3)


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """The end of its standard input, as when the parent is killed, ends a trial at once."""
    with (tmp_path / "errors").open("wb") as errors:
        orphan = process._start(assigned(), errors, {})
    orphan.ask(assigned())
    orphan.hang_up()
    assert orphan.process.wait(PATIENCE_S) == 1
    orphan.close()
