"""What this machine is, told from the files of its system, and what its other work slowed down."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from records import MACHINE, make_record

from fitting_room import machine
from fitting_room.machine import chunks, disturbance, exclusive
from fitting_room.record import Machine, Record

FILES = {
    "/proc/cpuinfo": "processor : 0\nmodel name\t: Example 9000\nflags\t\t: fpu avx avx2 sse\n",
    "/proc/meminfo": "MemTotal:       16283044 kB\nMemFree: 1 kB\n",
    "/proc/self/status": "Name:\tx\nVmPeak:\t 999 kB\nVmHWM:\t  2048 kB\n",
}


def pretend(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Let the system's files be these, and no others."""
    monkeypatch.setattr(machine, "_read", lambda path: files.get(path, ""))


def test_machine_is_told_by_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor with its widest vectors, and memory in whole GiB."""
    pretend(monkeypatch, FILES)
    found = machine.this_machine("gpu:0")
    assert (found.cpu, found.memory_gib) == ("Example 9000 (avx2)", 16)
    assert found.accelerator == "gpu:0"
    assert found.system == f"{platform.system()} {platform.machine()}"


def test_generations_of_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hypervisor names both the same, and one is twice as fast as the other."""
    rows = "cpu family\t: 26\nmodel\t\t: 2\nmodel name\t: X\nflags\t\t: avx2\n"
    pretend(monkeypatch, {"/proc/cpuinfo": rows * 2})
    assert machine.this_machine().cpu == "X (family 26 model 2, avx2)"


@pytest.mark.parametrize(
    ("flags", "shown"),
    [("avx avx2 avx512f", "X (avx512f)"), ("avx", "X (avx)"), ("sse avxish", "X")],
)
def test_widest_vectors_are_named(monkeypatch: pytest.MonkeyPatch, flags: str, shown: str) -> None:
    """Only whole flags count."""
    pretend(monkeypatch, {"/proc/cpuinfo": f"model name : X\nflags : {flags}\n"})
    assert machine.this_machine().cpu == shown


def test_system_without_such_files_is_described_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Mac has no /proc: the platform names the processor, and memory is not known."""
    pretend(monkeypatch, {})
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    found = machine.this_machine()
    assert (found.cpu, found.memory_gib) == ("arm", 0)
    assert machine.peak_memory_bytes() is None


def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """An affinity counts where the system has one, all cores where it has none."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert machine.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cores() == 1


def test_peak_memory_is_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,048 kB are 2 MiB."""
    pretend(monkeypatch, FILES)
    assert machine.peak_memory_bytes() == 2 * 2**20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_peak_memory_is_near_what_the_system_counts() -> None:
    """The kernel's other counter bounds it; it may include the parent's."""
    found = machine.peak_memory_bytes()
    assert found is not None
    limit = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 2**20 < found <= limit * 1.05


def test_versions_are_those_of_what_can_change_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, Keras, NumPy and the backend, and no other backend."""
    installed = {"keras": "3.9", "numpy": "2.0", "jax": "0.5", "torch": "2.9"}

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    wanted = {"python": platform.python_version(), "keras": "3.9", "numpy": "2.0"}
    assert machine.versions("jax") == wanted | {"jax": "0.5"}
    assert machine.versions("tensorflow") == wanted | {"tensorflow": "not installed"}


@pytest.mark.parametrize(
    "name",
    [
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_DETERMINISTIC_OPS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_XLA_FLAGS",
        "XLA_FLAGS",
        "ONEDNN_MAX_CPU_ISA",
        "NVIDIA_TF32_OVERRIDE",
        "JAX_ENABLE_X64",
        "JAX_DEFAULT_MATMUL_PRECISION",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "KMP_AFFINITY",
        "NPROC",
    ],
)
def test_what_can_change_a_result_is_a_setting(name: str) -> None:
    """Numerics and threads of every backend and of the libraries below."""
    assert machine.settings({name: "1", "HOME": "/home/a"}) == {name: "1"}


@pytest.mark.parametrize(
    "name", ["TF_VAR_password", "TF_TOKEN_example_org", "TF_CPP_MIN_LOG_LEVEL", "JAX_PLATFORMS"]
)
def test_what_changes_no_result_is_no_setting(name: str) -> None:
    """Other programs' secrets never reach a record; a device is named by the spec."""
    assert machine.settings({name: "1"}) == {}


def test_a_setting_of_odd_bytes_can_be_recorded() -> None:
    """A value that is no UTF-8 is told by its escapes, for JSON has none of it."""
    assert machine.settings({"XLA_FLAGS": "--to=\udcff"}) == {"XLA_FLAGS": "--to=\\udcff"}


@pytest.mark.parametrize(
    ("kind", "flags", "set_to", "expected"),
    [
        ("bfloat16", "avx2 avx512f avx512_bf16", {}, True),
        ("bfloat16", "avx2 amx_bf16", {}, True),
        ("bfloat16", "avx2 avx_ne_convert", {}, True),
        ("bfloat16", "fp asimd bf16", {}, True),
        ("bfloat16", "avx2 fma", {}, False),
        ("bfloat16", "avx2 avx512f", {}, False),
        ("bfloat16", "", {}, None),
        ("bfloat16", "avx2 avx512_bf16", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, None),
        ("float64", "avx2", {}, None),
    ],
)
def test_processor_has_a_type_by_its_flags(
    kind: str,
    flags: str,
    set_to: dict[str, str],
    expected: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole flags count; a timed step has to say where there are none, or oneDNN uses only some."""
    monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags.split()))
    assert machine.computes_in(kind, set_to) is expected


@pytest.mark.parametrize("key", ["flags", "Features"])
def test_flags_are_those_of_the_system_s_file(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """An ARM processor tells them under another name."""
    pretend(monkeypatch, {"/proc/cpuinfo": f"{key}\t\t: fpu bf16\n{key}\t\t: other\n"})
    assert machine.cpu_flags() == {"fpu", "bf16"}


def ticks(core0: int, core1: int, core2: int) -> str:
    """Return the system's count, in ticks, of three cores that did work of every kind."""
    rows = (
        f"cpu{i} {each - 15} 1 2 9999 999 3 4 5 77 7\n"
        for i, each in enumerate((core0, core1, core2))
    )
    return f"cpu  1 2 3 4 5 6 7 8 9 10\n{''.join(rows)}intr 5\n"


def test_other_work_is_what_the_usable_cores_did_beyond_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All work took 9 s in 4 s, of which 7 s were its own; the third core is not its to use."""
    hertz = os.sysconf("SC_CLK_TCK")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    told = []
    for wall, own, cores in ((10.0, 1.0, (100, 100, 100)), (14.0, 8.0, (500, 600, 9000))):
        pretend(monkeypatch, {"/proc/stat": ticks(*(each * hertz // 100 for each in cores))})
        told.append(replace(machine.usage(), wall=wall, own=own))
    assert machine.other_cores(*told) == pytest.approx(2 / 4)


@pytest.mark.parametrize("stat", ["", "cpu  0 0 0 0\ncpu0 0 0 0 0\n", ticks(100, 100, 100)])
def test_system_that_does_not_count_tells_of_no_other_work(
    monkeypatch: pytest.MonkeyPatch, stat: str
) -> None:
    """No such file, zeros, or a count that stands still: unknown is not none."""
    pretend(monkeypatch, {"/proc/stat": stat})
    before = machine.usage()
    assert machine.other_cores(before, replace(before, wall=before.wall + 1)) is None


def ran(*clocks: tuple[float, float], seed: int = 0, machine: Machine = MACHINE) -> Record:
    """Return a record whose epochs took those wall and CPU seconds."""
    record = make_record(seed=seed, epochs=len(clocks), machine=machine)
    pairs = zip(record.epochs, clocks, strict=True)
    return replace(
        record,
        epochs=tuple(replace(epoch, seconds=wall, cpu_seconds=cpu) for epoch, (wall, cpu) in pairs),
    )


def marks(records: Sequence[Record]) -> list[bool]:
    """Return which epochs are said to be disturbed."""
    return [chunk.disturbed for chunk in chunks(records)]


def test_waiting_tells_a_disturbance() -> None:
    """Twice the wall time for the same CPU time is one, more work on both clocks is none."""
    assert marks([ran((9, 10), (3, 6), (6, 6), (6, 12))]) == [False, False, True, False]


def test_first_epoch_is_not_judged_and_judges_none() -> None:
    """Tracing uses one core, or waits for the compiler: its clocks are of another kind."""
    assert marks([ran((9, 9), (3, 6)), ran((1, 9), (3, 6), seed=1)]) == [False] * 4


def test_least_wait_of_all_seeds_is_the_measure() -> None:
    """A seed that was disturbed all along is told by the others."""
    assert marks([ran((5, 10), (3, 6)), ran((9, 10), (6, 6), seed=1)]) == [
        False,
        False,
        False,
        True,
    ]


def test_machines_are_not_mixed() -> None:
    """Only epochs on the machine of most are shown."""
    other = replace(MACHINE, cores=64)
    records = [ran((1, 1), (1, 9), machine=other), *(ran((1, 1), (1, 2), seed=s) for s in (1, 2))]
    assert [chunk.seed for chunk in chunks(records)] == [1, 1, 2, 2]
    assert not any(marks(records))


def test_epoch_without_cpu_time_is_no_measure() -> None:
    """A clock that stood still says nothing of the machine."""
    assert marks([ran((1, 1), (1, 0), (1, 2))]) == [False, False, False]


def busy(cores: float, *, seconds: Sequence[float] = (5, 3, 3, 3)) -> Record:
    """Return a record of a machine of two cores, so many of which did other work meanwhile."""
    record = ran(*((each, 2 * each) for each in seconds))
    return replace(record, epochs=tuple(replace(e, other_cores=cores) for e in record.epochs))


@pytest.mark.parametrize(
    ("clocks", "why"),
    [
        ([(9, 9), (3, 6), (3, 6), (6, 6)], ""),
        ([(9, 9), (3, 6), (6, 6), (6, 6)], "2 of 3 epochs waited for a core"),
        ([(9, 9), (3, 6), (6, 6)], "1 of 2 epochs waited for a core"),
        ([(9, 9)], ""),
        ([], ""),
    ],
)
def test_a_trial_is_disturbed_where_a_median_of_its_epochs_is(
    clocks: list[tuple[float, float]], why: str
) -> None:
    """Fewer than half of them leave its seconds as they were."""
    assert disturbance(ran(*clocks)) == why
    assert exclusive(ran(*clocks)) is (not why)


@pytest.mark.parametrize(
    ("cores", "why"), [(0.0, ""), (0.19, ""), (0.21, "other work kept 0.2 of 2 cores busy")]
)
def test_other_work_all_along_is_told_by_what_it_used(cores: float, why: str) -> None:
    """Nine in ten cores are enough, though both clocks of all epochs look alike."""
    assert disturbance(busy(cores)) == why


def test_work_during_a_short_part_is_no_disturbance() -> None:
    """Epochs count by their seconds, as few ticks of the system say little."""
    record = busy(0.0, seconds=(5, 3, 3, 0.1))
    *others, last = record.epochs
    assert exclusive(replace(record, epochs=(*others, replace(last, other_cores=2.0))))


def test_a_trial_that_was_to_share_its_machine_was_not_exclusive() -> None:
    """However quiet it was there."""
    record = busy(0.0)
    assert not exclusive(replace(record, spec=replace(record.spec, alone=False)))
