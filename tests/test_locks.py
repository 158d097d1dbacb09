"""Locks between processes: the machine's, and the leases of its GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from imports import ROOT
from test_process import Child, play
from trials import assigned

from fitting_room import machine
from fitting_room.errors import UserError
from fitting_room.lab import process
from fitting_room.lab.locks import gpu_lease, machine_lock
from fitting_room.lab.process import run_trial
from fitting_room.machine import node_folder, visible_gpus

__all__ = ["play"]  # a fixture


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
        with machine_lock(lambda _: waits.set(), exclusive=exclusive):
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
    monkeypatch.setattr(machine, "DRIVER", tmp_path)
    assert visible_gpus({}) == ["0", "1"]


@pytest.fixture
def two_gpus(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two GPUs be visible, on a node where nothing is leased."""
    cache.mkdir(exist_ok=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-1f/1")


def leased(stack: ExitStack, sharing: int = 1) -> dict[str, str]:
    """Lease a GPU that is free at once, for as long as the stack lasts."""
    return stack.enter_context(gpu_lease(sharing, lambda _: pytest.fail("none was free")))


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_has_one_trial() -> None:
    """Two have one each and no limit of memory; a third waits until one of them has ended."""
    waits = threading.Event()

    def third() -> dict[str, str]:
        with gpu_lease(1, lambda _: waits.set()) as found:
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


def interrupted(_: str) -> None:
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
    with pytest.raises(UserError, match=r"No GPU can be leased: .* XDG_CACHE_HOME"):
        run_trial(assigned(device="gpu", alone=False))
