"""The probe: a backend or a GPU that is not there is told before anything is trained."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bench.harness.errors import UserError
from bench.harness.lab import probe
from bench.harness.machine import settings

SAY = 'import os, sys; os.write(int(sys.argv[-1]), f"{}".encode())'
THERE = importlib.util.find_spec("json")


def pretend(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let every backend be installed, and ``program`` answer for it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: THERE)
    monkeypatch.setattr(probe, "ASK", (sys.executable, "-c", program))


def test_missing_backend_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the option and the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"--backend jax: .* pip install 'fitting-room\[jax\]'"):
        probe.check_backend("jax", "cpu")


def test_cpu_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU no process is started: the backend takes seconds to load."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: THERE)
    monkeypatch.setattr(probe, "ASK", ("no such program",))
    assert probe.check_backend("jax", "cpu") is None


def test_accelerator_is_the_one_that_the_backend_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints besides, as a hook at the interpreter's start may, is no name."""
    pretend(monkeypatch, f"print('a notice'); {SAY.format('gpu:0')}")
    assert probe.check_backend("tensorflow", "gpu") == "gpu:0"


def test_backend_is_asked_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question goes to the backend of the option, not to the one of the environment."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pretend(monkeypatch, SAY.replace("{}", "{os.environ['KERAS_BACKEND']}"))
    assert probe.check_backend("jax", "gpu") == "jax"


@pytest.mark.parametrize("program", ["print('a notice')", "raise SystemExit(1)"])
def test_missing_gpu_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A backend that sees none, or cannot say, is no reason to train on the CPU unasked."""
    pretend(monkeypatch, program)
    with pytest.raises(UserError, match=r"jax sees no GPU here. Use --device cpu"):
        probe.check_backend("jax", "gpu")


def named(monkeypatch: pytest.MonkeyPatch, backend: str, framework: object) -> str | None:
    """Return the accelerator that a backend tells of."""
    found: str | None = program(monkeypatch, backend, framework)["accelerator"]()
    return found


def program(monkeypatch: pytest.MonkeyPatch, backend: str, framework: object) -> dict[str, Any]:
    """Return the functions of the program, with nothing loaded into this process."""
    keras = SimpleNamespace(config=SimpleNamespace(backend=lambda: backend))
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, backend, framework)
    return runpy.run_module("bench.harness.trial.accelerator")


@pytest.mark.parametrize(
    ("platform", "expected"), [("cpu", None), ("gpu", "Example 9000"), ("tpu", "Example 9000")]
)
def test_jax_names_the_device_by_its_maker(
    monkeypatch: pytest.MonkeyPatch, platform: str, expected: str | None
) -> None:
    """A number such as gpu:0 would tell nobody where a figure was measured."""
    device = SimpleNamespace(platform=platform, device_kind="Example 9000")
    assert named(monkeypatch, "jax", SimpleNamespace(devices=lambda: [device])) == expected


@pytest.mark.parametrize(
    ("devices", "details", "expected"),
    [
        (["GPU:0"], {"device_name": "Example 9000"}, "Example 9000"),
        (["GPU:0", "GPU:1"], {}, "GPU:0"),
        ([], {}, None),
    ],
)
def test_tensorflow_names_the_device_by_its_maker(
    monkeypatch: pytest.MonkeyPatch,
    devices: list[str],
    details: dict[str, str],
    expected: str | None,
) -> None:
    """Where TensorFlow cannot tell, the name that it uses itself remains."""
    config = SimpleNamespace(
        list_physical_devices=lambda _: [SimpleNamespace(name=name) for name in devices],
        experimental=SimpleNamespace(get_device_details=lambda _: details),
    )
    assert named(monkeypatch, "tensorflow", SimpleNamespace(config=config)) == expected


@pytest.mark.parametrize(
    ("backend", "framework", "variables", "expected"),
    [
        ("tensorflow", 0, {}, 3),
        ("tensorflow", 0, {"OMP_NUM_THREADS": "1"}, 3),
        ("tensorflow", 0, {"TF_NUM_INTRAOP_THREADS": "1"}, 1),
        ("tensorflow", 0, {"TF_NUM_INTRAOP_THREADS": "many"}, 3),
        ("tensorflow", 5, {"TF_NUM_INTRAOP_THREADS": "1"}, 5),
        ("jax", 0, {}, 3),
        ("jax", 0, {"NPROC": "2"}, 2),
        ("torch", 4, {}, 4),
    ],
)
def test_threads_are_those_that_the_backend_makes(
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    framework: int,
    variables: dict[str, str],
    expected: int,
) -> None:
    """Of three cores: what the backend was told, else what it was left, else all three."""
    threading = SimpleNamespace(get_intra_op_parallelism_threads=lambda: framework)
    config = SimpleNamespace(threading=threading)
    told = SimpleNamespace(config=config, get_num_threads=lambda: framework)
    monkeypatch.setattr("bench.harness.machine.usable_cores", lambda: 3)
    for name in settings(os.environ):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert program(monkeypatch, backend, told)["threads"]() == expected
