"""The parent's side of a trial: children that end in every way there is, and their locks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import msgspec
import pytest
from bench_runs import PATIENCE_S
from filelock import FileLock, Timeout
from imports import ROOT
from records import make_record
from trials import assigned

from fitting_room.errors import UserError
from fitting_room.lab import locks, process
from fitting_room.lab.locks import gpu_lease, machine_lock, node_folder, visible_gpus
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


def test_a_killed_child_leaves_a_record_with_its_epochs(play: Child) -> None:
    """A record says which signal killed the process, and keeps what it had told."""
    play(f"{SAY_EPOCH}\nos.kill(os.getpid(), signal.SIGKILL)")
    record = run_trial(assigned())
    assert record.outcome == "crashed"
    assert record.reason == "its process was killed by SIGKILL"
    assert record.epochs == (EPOCH,)


def test_a_message_cut_in_half_is_no_message(play: Child) -> None:
    """A child killed while it spoke leaves the epochs before, and no traceback."""
    half = SAY(b'{"epoch": {"num')
    play(f"{SAY_EPOCH}\n{half}\nos.kill(os.getpid(), signal.SIGKILL)")
    record = run_trial(assigned())
    assert (record.outcome, record.epochs) == ("crashed", (EPOCH,))


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
    assert f"imported /elsewhere/models/dense.py, and not the code in {ROOT}." in record.reason


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
    """Of two trials one begins when the other has ended, unless neither is timed."""
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


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the machine's lock be this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "fitting-room"


@contextmanager
def waiter(*, exclusive: bool) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Start what wants the machine; yield when it was told to wait, and when it has the machine."""
    waits, has = threading.Event(), threading.Event()

    def want() -> None:
        with machine_lock(waits.set, exclusive=exclusive):
            has.set()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(want)
        yield waits, has
        future.result(10)


@pytest.mark.usefixtures("cache")
def test_untimed_trials_share_the_machine() -> None:
    """The second has it at once, and is told nothing."""
    with machine_lock(exclusive=False), waiter(exclusive=False) as (waits, has):
        assert has.wait(10)
    assert not waits.is_set()


@pytest.mark.usefixtures("cache")
def test_nothing_overtakes_a_timed_trial_that_waits() -> None:
    """An untimed one that comes later waits too, though only untimed ones have the machine."""
    with ExitStack() as first:
        first.enter_context(machine_lock(exclusive=False))
        with waiter(exclusive=True) as (timed_waits, timed_has):
            assert timed_waits.wait(10)
            with waiter(exclusive=False) as (later_waits, later_has):
                assert later_waits.wait(10)
                assert not timed_has.is_set()
                assert not later_has.is_set()
                first.close()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("exclusive", [True, False])
def test_death_releases_the_machine(exclusive: bool) -> None:
    """A killed process locks nothing any more, exclusively or not."""
    program = (
        "from fitting_room.lab.locks import machine_lock\n"
        f"with machine_lock(exclusive={exclusive}): print('held', flush=True); input()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    environment = os.environ | process.python_path(ROOT)
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe) as other:
        assert other.stdout and other.stdout.readline() == b"held\n"
        with waiter(exclusive=True) as (waits, has):
            assert waits.wait(10)
            assert not has.is_set()
            other.kill()
            assert has.wait(10)


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_older_checkout_keeps_out_and_is_kept_out(cache: Path, exclusive: bool) -> None:
    """One that uses ``filelock`` locks the same file, exclusively."""
    with machine_lock(exclusive=exclusive), pytest.raises(Timeout):
        FileLock(cache / "machine.lock").acquire(blocking=False)
    with ExitStack() as older:
        older.enter_context(FileLock(cache / "machine.lock"))
        with waiter(exclusive=exclusive) as (waits, has):
            assert waits.wait(10)
            assert not has.is_set()
            older.close()


def test_where_no_lock_can_be_written_nothing_is_timed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An untimed trial goes without; a timed one says what to do."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with machine_lock(exclusive=False):
        pass
    with pytest.raises(UserError, match="XDG_CACHE_HOME"), machine_lock(exclusive=True):
        pass


def test_a_lock_is_of_one_node(tmp_path: Path) -> None:
    """A cache that a network brings to many nodes holds no lock; a local folder does."""
    mounts = tmp_path / "mounts"
    here = "server:/home {0} {1} rw 0 0\n"
    for kind, local in (("ext4", True), ("nfs4", False), ("lustre", False), ("fuse.sshfs", False)):
        mounts.write_text("/dev/sda / ext4 rw 0 0\n" + here.format(tmp_path, kind), "utf-8")
        assert (node_folder(tmp_path / "cache", mounts) == tmp_path / "cache") is local, kind
    mounts.write_text("host:/ / nfs rw 0 0\n" + here.format(tmp_path, "tmpfs"), "utf-8")
    assert node_folder(tmp_path / "cache", mounts) == tmp_path / "cache"
    assert node_folder(tmp_path, tmp_path / "none") == tmp_path


@pytest.mark.parametrize(
    ("named", "expected"),
    [("0,2", ["0", "2"]), ("GPU-1f, GPU-2f", ["GPU-1f", "GPU-2f"]), ("1,-1,0", ["1"]), ("", [])],
)
def test_gpus_are_those_that_a_process_may_use(named: str, expected: list[str]) -> None:
    """CUDA's own variable names them, up to the first that is none."""
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": named}) == expected


def test_where_nothing_names_gpus_the_driver_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a file of its own; those of the driver itself are none."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(locks, "DRIVER", tmp_path)
    assert visible_gpus({}) == ["0", "1"]


@pytest.fixture
def two_gpus(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two GPUs be visible, on a node where nothing is leased."""
    cache.mkdir(exist_ok=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-1f/1")


def leased(stack: ExitStack, sharing: int = 1) -> dict[str, str]:
    """Lease a GPU that is free at once, for as long as the stack lasts."""
    return stack.enter_context(gpu_lease(sharing, lambda: pytest.fail("none was free")))


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_has_one_trial() -> None:
    """Two have one each and no limit of memory; a third waits until one of them has ended."""
    waits = threading.Event()

    def third() -> dict[str, str]:
        with gpu_lease(1, waits.set) as found:
            return found

    with ExitStack() as first, ExitStack() as second, ThreadPoolExecutor(1) as pool:
        assert leased(first) == {"CUDA_VISIBLE_DEVICES": "0"}
        assert leased(second) == {"CUDA_VISIBLE_DEVICES": "GPU-1f/1"}
        future = pool.submit(third)
        assert waits.wait(10) and not future.done()
        second.close()
        assert future.result(10) == {"CUDA_VISIBLE_DEVICES": "GPU-1f/1"}


@pytest.mark.usefixtures("two_gpus")
def test_trials_share_a_gpu_only_where_each_asks_to() -> None:
    """They fill all GPUs before any has two; each keeps to its part, and one alone waits."""
    with ExitStack() as stack:
        found = [leased(stack, 2) for _ in range(4)]
        assert [each["CUDA_VISIBLE_DEVICES"] for each in found] == ["0", "GPU-1f/1"] * 2
        assert {each["XLA_PYTHON_CLIENT_MEM_FRACTION"] for each in found} == {"0.450"}
        assert {each["TF_FORCE_GPU_ALLOW_GROWTH"] for each in found} == {"true"}
        with pytest.raises(KeyboardInterrupt), gpu_lease(1, interrupted):
            pass
    with ExitStack() as stack:
        leased(stack), leased(stack)
        with pytest.raises(KeyboardInterrupt), gpu_lease(2, interrupted):
            pass


def interrupted() -> None:
    """End what waits."""
    raise KeyboardInterrupt


@pytest.mark.usefixtures("two_gpus")
def test_a_trial_on_a_gpu_has_the_one_that_is_free(play: Child) -> None:
    """Its process sees no other, whatever the shell names."""
    play("sys.stderr.write(os.environ['CUDA_VISIBLE_DEVICES']); sys.exit(3)")
    with ExitStack() as stack:
        leased(stack)
        assert run_trial(assigned(device="gpu", alone=False)).reason.endswith(" GPU-1f/1")
    assert run_trial(assigned(device="gpu")).reason.endswith(" 0")


def test_an_unwritable_lease_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial never takes a GPU that another may have."""
    cache.mkdir(exist_ok=True)
    (cache / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "file"))
    with pytest.raises(UserError, match=r"No GPU can be leased, as .* XDG_CACHE_HOME"):
        run_trial(assigned(device="gpu", alone=False))
