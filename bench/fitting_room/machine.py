"""What this machine is, without loading a framework, and which trials its other work slowed down.

A trial that was to be alone keeps its record as it is, whatever disturbed it. But seconds are
served, published and judged only where it was ``exclusive``. The lock of ``lab.process`` keeps away
other trials of the same user; all else is told by what the epochs themselves recorded:

- their two clocks: the same work takes the same CPU seconds whoever waits, and waiting only adds to
  the wall time. Every record has them. What slows down all epochs of a trial alike goes unseen.
- ``other_cores``: what was busy with other work, or held back by the hypervisor, which sees that
  too. Only newer records have it, and only where the system tells.

Load averages and pressure are not asked: both count the threads of the trial itself.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import product, starmap, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from platformdirs import user_cache_path

from fitting_room.record import Epoch, Machine, Record

BACKENDS = ("tensorflow", "jax", "torch")
DEVICES = ("cpu", "gpu")


class Platform(NamedTuple):
    """What trials are trained on: figures and references of two platforms never mix."""

    backend: str = "tensorflow"
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Its name in files and folders: ``jax-gpu``."""
        return "-".join(self)

    @property
    def words(self) -> str:
        """Its name in sentences: ``jax on gpu``."""
        return " on ".join(self)

    @property
    def options(self) -> str:
        """The options that choose it; what is the default is left out."""
        named = zip(("--backend", "--device"), self, USUAL, strict=True)
        return " ".join(f"{option} {value}" for option, value, usual in named if value != usual)


USUAL = Platform()
PLATFORMS = {p.name: p for p in starmap(Platform, product(BACKENDS, DEVICES)) if p != USUAL}
"""Name → every platform but the usual one."""


def platform_of(record: Record) -> Platform:
    """Return what a record was trained on."""
    return Platform(record.spec.backend, record.spec.device)


SETTINGS = (
    # TensorFlow's own. No wider: other programs' variables that begin with TF_ hold secrets.
    *("TF2_", "TF_AUTO", "TF_CONV2D_", "TF_CUBLAS", "TF_CUDNN_", "TF_DETERMINISTIC_"),
    *("TF_DISABLE_", "TF_ENABLE", "TF_FORCE_", "TF_FP16_", "TF_GPU_", "TF_JIT", "TF_MATMUL_"),
    *("TF_MKL_", "TF_NUM_", "TF_ONEDNN_", "TF_OVERRIDE_", "TF_RUN_HANDLER_", "TF_SET_ONEDNN_"),
    *("TF_USE_", "TF_XLA_"),
    # The other backends', compilers' and libraries'.
    *("ATEN_", "BLIS_", "CUBLAS_", "CUDNN_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "GOTO_", "JAX_"),
    *("KMP_", "MKL_", "NPROC", "NPY_", "NVIDIA_TF32_OVERRIDE", "OMP_", "ONEDNN_", "OPENBLAS_"),
    *("PYTORCH_", "TORCH_", "VECLIB_", "XLA_"),
)
"""What the variables begin with that can change a result, or the threads that compute it."""

CHOOSER = "JAX_PLATFORMS"
"""Chooses the device, which a spec does by itself."""

BFLOAT16 = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}
"""Flags of ``/proc/cpuinfo``, any of which says that the processor computes in that type."""

GENERATION = (("family", "cpu family"), ("model", "model"))
"""Word → key of ``/proc/cpuinfo``: virtual machines of two generations may share a name."""

BUSY = (0, 1, 2, 5, 6, 7)
"""Columns of ``/proc/stat`` that are no idleness: user, nice, system, interrupts twice, steal."""

SIZE = 2048
"""Rows and columns of both matrices of the calibration step: 17 GFLOP a product."""

PRODUCTS = 10
FEWEST = 3
AGREE = 1.01
"""The slowest of as many over the quickest: of equal times no more are wanted."""


def this_machine(accelerator: str | None = None) -> Machine:
    """Describe this machine; it has no name, so that records can be published."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpu=_cpu(),
        cores=usable_cores(),
        memory_gib=_memory_gib(),
        accelerator=accelerator,
    )


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """Return the folder of this user's data and locks.

    It is the user's cache, or a temporary folder where that is no place to write and the user named
    none, as in a container whose user has no home.
    """
    folder = user_cache_path("fitting-room", appauthor=False)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    can_hold = folder.is_absolute() and os.access(there, os.W_OK | os.X_OK)
    return folder if can_hold or "XDG_CACHE_HOME" in os.environ else spare_folder()


def spare_folder() -> Path:
    """Return a temporary folder of this user, who need not have a name."""
    return Path(tempfile.gettempdir()) / f"fitting-room-{os.getuid()}"


NETWORKS = ("9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "panfs", "smb", "weka")
"""What the types of file systems begin with that several machines share; some begin with fuse."""

MOUNTS = Path("/proc/self/mounts")


def node_folder(folder: Path, mounts: Path = MOUNTS) -> Path:
    """Return a folder for locks of this node: the given one, unless other nodes share it."""
    try:
        rows = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:  # no Linux: nothing tells
        return folder
    where = folder.resolve()
    above = [(len(row[1]), row[2]) for row in rows if where.is_relative_to(row[1])]
    kind = max(above, default=(0, ""))[1].removeprefix("fuse.").removeprefix("gluster")
    shared = kind.startswith((*NETWORKS, "fs", "sshfs"))
    return spare_folder() / "locks" if shared else folder


VISIBLE = "CUDA_VISIBLE_DEVICES"  # names the GPUs that a process may use
DRIVER = Path("/dev")
"""Holds a file ``nvidia0``, ``nvidia1``, … for each GPU of this node, or of this container."""


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the GPUs that this process may use, as CUDA names them; none where nothing tells."""
    if VISIBLE not in environment:
        return [str(number) for number in range(len([*DRIVER.glob("nvidia[0-9]*")]))]
    named = [name.strip() for name in environment[VISIBLE].split(",")]
    return [*takewhile(lambda name: name and not name.startswith("-"), named)]  # as CUDA reads it


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that can change a result, by name, as Unicode."""
    return {
        name: value.encode(errors="backslashreplace").decode()
        for name, value in sorted(environment.items())
        if name.startswith(SETTINGS) and name != CHOOSER
    }


def computes_in(kind: str, environment: Mapping[str, str]) -> bool | None:
    """Return whether the processor has instructions for a type, None where that is not known.

    It is not on a Mac, which tells no flags, nor where oneDNN was told to leave some unused.
    """
    flags = cpu_flags()
    if kind != "bfloat16" or not flags or "ONEDNN_MAX_CPU_ISA" in environment:
        return None
    return not BFLOAT16.isdisjoint(flags)


def cpu_flags() -> frozenset[str]:
    """Return the flags of this processor; none where the system does not tell them."""
    told = re.search(r"^(?:flags|Features)\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return frozenset(told[1].split() if told else ())


def versions(backend: str) -> dict[str, str]:
    """Return the versions of Python, Keras, NumPy and the backend, as installed."""
    found = {"python": platform.python_version()}
    for name in (backend, "keras", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Seconds until now, each since some moment of its own."""

    wall: float
    own: float
    """CPU time of this process, all threads."""
    machine: float | None
    """CPU time of all work on the cores that it may use, and what the hypervisor held back."""


def usage() -> Usage:
    """Return what is used up until now; two of them tell what was between."""
    return Usage(wall=time.perf_counter(), own=time.process_time(), machine=_busy_seconds())


def other_cores(before: Usage, after: Usage) -> float | None:
    """Return how many cores were kept from this process, mean; None where the system is silent."""
    wall = after.wall - before.wall
    if before.machine is None or after.machine in (None, before.machine) or wall <= 0:
        return None
    return max(0.0, after.machine - before.machine - (after.own - before.own)) / wall


def calibration_seconds(
    clock: Callable[[], float] = time.perf_counter, *, size: int = SIZE, products: int = PRODUCTS
) -> float:
    """Return the seconds of one float32 matrix product, the quickest of several.

    By NumPy, on all threads of its BLAS: no framework and no compiler of one has a part in it, so
    that it stays the same where those change. It is frozen: another size or type would retire every
    stored figure. One product is made beforehand and not counted. Once the ``FEWEST`` quickest
    agree, no more are timed.
    """
    left, right = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    out = left @ right
    seconds: list[float] = []
    while len(seconds) < products:
        began = clock()
        np.matmul(left, right, out=out)
        seconds.append(clock() - began)
        quickest = sorted(seconds)[:FEWEST]
        if len(quickest) == FEWEST and quickest[-1] <= quickest[0] * AGREE:
            break
    return min(seconds)


def peak_memory_bytes() -> int | None:
    """Return the peak resident memory of this process, or None where the system does not tell.

    ``VmHWM``, not ``ru_maxrss``: the latter can include the parent's.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", _read("/proc/self/status"))
    return int(found[1]) * 1024 if found else None


def _cpu() -> str:
    """Name the processor, with what tells its generation where a hypervisor hides its number."""
    info = _read("/proc/cpuinfo")
    told = dict(re.findall(r"^(\w[\w ]*\w)\s*: (.+)$", info, re.MULTILINE))
    flags = cpu_flags()
    generation = " ".join(f"{word} {told[key]}" for word, key in GENERATION if key in told)
    widest = next((flag for flag in ("avx512f", "avx2", "avx") if flag in flags), "")
    details = ", ".join(part for part in (generation, widest) if part)
    name = told.get("model name", "").strip() or platform.processor() or platform.machine()
    return f"{name} ({details})" if details else name


def _busy_seconds() -> float | None:
    rows = re.findall(r"^cpu(\d+) (.+)$", _read("/proc/stat"), re.MULTILINE)
    told = {int(number): [int(ticks) for ticks in row.split()] for number, row in rows}
    usable = os.sched_getaffinity(0) & set(told) if hasattr(os, "sched_getaffinity") else set(told)
    ticks = sum(sum(told[core][i] for i in BUSY if i < len(told[core])) for core in usable)
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None


def _memory_gib() -> int:
    total = re.search(r"MemTotal:\s+(\d+) kB", _read("/proc/meminfo"))
    return round(int(total[1]) / 2**20) if total else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Return the records of the machine and platform that most ran on: other times do not mix."""
    kinds = [(record.machine, platform_of(record)) for record in records]
    most = max(kinds, key=kinds.count, default=None)
    return [record for record, kind in zip(records, kinds, strict=True) if kind == most]


LIMIT = 1.25
"""The limit, times the least wall time per CPU second; quiet epochs of records keep to it."""

HALF = 0.5
"""Share of disturbed epochs from which a median over all of them rests on a disturbed one."""

OTHERS = 0.1
"""Share of the cores that may do other work: trials slowed down by a tenth are called slower."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """An epoch in the course of a run."""

    seed: int
    epoch: Epoch
    tracing: bool
    """Whether it is the first, whose tracing and compiling use one core and so wait for none."""
    ratio: float
    """Wall seconds per CPU second, over the smallest of all epochs but first ones."""

    @property
    def disturbed(self) -> bool:
        """Whether the machine did other work meanwhile; not to be told of a first epoch."""
        return self.ratio > LIMIT and not self.tracing


def exclusive(record: Record) -> bool:
    """Whether a trial was to be alone on its machine and was: only then do its times count."""
    return record.spec.alone and not disturbance(record)


def disturbance(record: Record) -> str:
    """Return what disturbed a trial after its first epoch, in words; empty if nothing is known."""
    later = [chunk for chunk in chunks([record]) if not chunk.tracing]
    slowed = sum(chunk.disturbed for chunk in later)
    if slowed and slowed >= HALF * len(later):
        return f"{slowed} of {len(later)} epochs waited for a core"
    known = [chunk.epoch for chunk in later if chunk.epoch.other_cores is not None]
    spent = sum((epoch.other_cores or 0.0) * epoch.seconds for epoch in known)
    # Over all time, as short epochs count few of the system's ticks.
    others = spent / sum(epoch.seconds for epoch in known) if known else 0.0
    cores = record.machine.cores if record.machine else 1
    if others > OTHERS * cores:
        return f"other work kept {others:.1f} of {cores} cores busy"
    return ""


def chunks(records: Sequence[Record]) -> list[Chunk]:
    """Return the epochs of one case, record by record, of the machine that most of them ran on.

    The smallest ratio is of an epoch that was left alone, if any was.
    """
    pairs = [(record, epoch) for record in of_one_machine(records) for epoch in record.epochs]
    later = [_ratio(epoch) for _, epoch in pairs if epoch.number > 1]
    least = min((ratio for ratio in later if ratio > 0), default=1.0)
    return [
        Chunk(
            seed=record.spec.seed,
            epoch=epoch,
            tracing=epoch.number == 1,
            ratio=_ratio(epoch) / least,
        )
        for record, epoch in pairs
    ]


def _ratio(epoch: Epoch) -> float:
    """Return 0 where the clock counted no CPU time, as in an epoch of microseconds."""
    return epoch.seconds / epoch.cpu_seconds if epoch.cpu_seconds > 0 else 0.0
