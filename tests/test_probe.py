"""The probe: a backend or a GPU that is not there is told before anything is trained."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from records import make_record

from fitting_room.errors import UserError
from fitting_room.lab import probe
from fitting_room.lab.probe import Emulated
from fitting_room.machine import settings
from fitting_room.trial.probe import Probed, accelerator, threads

SAY = "import json, os, sys; os.write(int(sys.argv[-1]), json.dumps({}).encode() + b'\\n')"
THERE = importlib.util.find_spec("json")


def pretend(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let every backend be installed, and ``program`` answer for it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: THERE)
    monkeypatch.setattr(probe, "PROBE", (sys.executable, "-c", program))


def test_missing_backend_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the option and the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"--backend jax: .* pip install 'fitting-room\[jax\]'"):
        probe.check_backend("jax", "cpu")


def test_cpu_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU no process is started: the backend takes seconds to load."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: THERE)
    monkeypatch.setattr(probe, "PROBE", ("no such program",))
    assert probe.check_backend("jax", "cpu") is None


def test_accelerator_is_the_one_that_the_backend_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints besides, as a hook at the interpreter's start may, is no name."""
    pretend(monkeypatch, f"print('a notice'); {SAY.format({'accelerator': 'gpu:0'})}")
    assert probe.check_backend("tensorflow", "gpu") == "gpu:0"


def test_backend_is_asked_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question goes to the backend of the option, not to the one of the environment."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pretend(monkeypatch, SAY.format("{'accelerator': os.environ['KERAS_BACKEND']}"))
    assert probe.check_backend("jax", "gpu") == "jax"


@pytest.mark.parametrize(
    "program", ["print('a notice')", "raise SystemExit(1)", SAY.format({"accelerator": None})]
)
def test_missing_gpu_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A backend that sees none, or cannot say, is no reason to train on the CPU unasked."""
    pretend(monkeypatch, program)
    with pytest.raises(UserError, match=r"jax sees no GPU here. Use --device cpu"):
        probe.check_backend("jax", "gpu")


def pretend_backend(monkeypatch: pytest.MonkeyPatch, name: str, framework: object) -> None:
    """Let this process have a backend, with nothing loaded into it."""
    keras = SimpleNamespace(config=SimpleNamespace(backend=lambda: name))
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, name, framework)


@pytest.mark.parametrize(
    ("platform", "expected"), [("cpu", None), ("gpu", "Example 9000"), ("tpu", "Example 9000")]
)
def test_jax_names_the_device_by_its_maker(
    monkeypatch: pytest.MonkeyPatch, platform: str, expected: str | None
) -> None:
    """A number such as gpu:0 would tell nobody where a figure was measured."""
    device = SimpleNamespace(platform=platform, device_kind="Example 9000")
    pretend_backend(monkeypatch, "jax", SimpleNamespace(devices=lambda: [device]))
    assert accelerator() == expected


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
    pretend_backend(monkeypatch, "tensorflow", SimpleNamespace(config=config))
    assert accelerator() == expected


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
    monkeypatch.setattr("fitting_room.machine.usable_cores", lambda: 3)
    for name in settings(os.environ):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    pretend_backend(monkeypatch, backend, told)
    assert threads() == expected


@pytest.mark.parametrize(
    ("native", "timed", "times"),
    [
        (True, 9.0, None),
        (False, 9.4, 9.4),
        (False, 0.7, None),
        (None, 2.3, 2.3),
        (None, 1.1, None),
        (False, None, math.inf),
    ],
)
def test_a_timed_step_decides_unless_the_processor_has_the_type(
    native: bool | None, timed: float | None, times: float | None
) -> None:
    """Flags that are silent, or say that it has not, are no verdict; a step that fails is one."""
    answer = timed and Probed(accelerator=None, times=timed, calibration_seconds=0.1)
    found = probe.decide("bfloat16", native, lambda: answer or None)
    assert (found and found.times) == times


@pytest.mark.parametrize(("precision", "device"), [("float32", "cpu"), ("mixed_bfloat16", "gpu")])
def test_only_another_precision_on_a_processor_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, precision: str, device: str
) -> None:
    """Nothing is started for what no processor emulates."""
    monkeypatch.setattr(probe, "PROBE", ("no such program",))
    assert probe.emulation(precision, backend="torch", device=device) is None


def test_step_is_timed_where_the_flags_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program of its own, on the backend that was asked for."""
    monkeypatch.setattr(probe, "cpu_flags", frozenset)
    program = SAY.format(
        "{'accelerator': None, 'times': len(json.loads(sys.stdin.readline())['precision']), "
        "'calibration_seconds': 1 * (os.environ['KERAS_BACKEND'] == 'jax')}"
    )
    monkeypatch.setattr(probe, "PROBE", (sys.executable, "-c", program))
    found = probe.emulation.__wrapped__("mixed_bfloat16", backend="jax")
    assert found == Emulated(kind="bfloat16", times=14.0, calibration_seconds=1.0)


def test_warning_has_the_time_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as slow by the calibration step and ten by the type: 40 times its seconds."""
    emulated = Emulated(kind="bfloat16", times=10.0, calibration_seconds=0.4)
    monkeypatch.setattr(probe, "emulation", lambda *_, **__: emulated)
    made = make_record(case="fashion_mnist-compact", epoch_seconds=[1.0] * 10)
    epochs = len(made.epochs)
    record = replace(
        made,
        spec=replace(made.spec, epochs=epochs),
        epochs=tuple(replace(epoch, evaluate_seconds=0.0) for epoch in made.epochs),
        seconds=dict.fromkeys(("total", "train"), 1.0 * epochs),
        calibration_seconds=0.1,
    )
    said = "fashion_mnist-compact: bfloat16 is emulated by this processor: a step takes about 10 "
    assert probe.warnings([record.spec] * 2, [record]) == [
        f"{said}times that in float32; 2 trials will take about {2 * 40 * epochs / 60:.0f} min"
    ]
    assert probe.warnings([record.spec], []) == [f"{said}times that in float32"]
