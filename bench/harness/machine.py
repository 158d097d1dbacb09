"""What this machine is, without loading a framework."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

from bench.harness.record import Machine

PACKAGES = ("tensorflow", "keras", "jax", "torch", "numpy")
"""Whose versions can change a result."""

GENERATION = (("family", "cpu family"), ("model", "model"))
"""Word → key of ``/proc/cpuinfo``: virtual machines of two generations may share a name."""


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


def versions(backend: str) -> dict[str, str]:
    """Return the versions of Python, Keras, NumPy and the backend, as installed."""
    wanted = [name for name in PACKAGES if name in ("keras", "numpy", backend)]
    found = {"python": platform.python_version()}
    for name in wanted:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


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
    flags = told.get("flags", "").split()
    generation = " ".join(f"{word} {told[key]}" for word, key in GENERATION if key in told)
    widest = next((flag for flag in ("avx512f", "avx2", "avx") if flag in flags), "")
    details = ", ".join(part for part in (generation, widest) if part)
    name = told.get("model name", "").strip() or platform.processor() or platform.machine()
    return f"{name} ({details})" if details else name


def _memory_gib() -> int:
    total = re.search(r"MemTotal:\s+(\d+) kB", _read("/proc/meminfo"))
    return round(int(total[1]) / 2**20) if total else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
