"""What a process with a backend is asked once: its device, its speed, what a model sees."""

from __future__ import annotations

import importlib.util
import io
import math
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from trials import quiet, small

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.lab import probe
from fitting_room.lab.probe import Emulated
from fitting_room.machine import settings
from fitting_room.spec import TrialSpec
from fitting_room.trial.probe import ACTIVATION, Arrays, Look, Probed, accelerator, seen, threads

SAY = "import json, os, sys; os.write(int(sys.argv[-1]), json.dumps({}).encode() + b'\\n')"
THERE = importlib.util.find_spec("json")


def pretend(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let every backend be installed, and ``program`` answer for it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: THERE)
    monkeypatch.setattr(probe, "PROBE", (sys.executable, "-c", program))


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
    """The name that TensorFlow uses itself remains where it cannot tell."""
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
    """Three cores give what the backend was told, else what it was left, else all three."""
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
    monkeypatch: pytest.MonkeyPatch, native: bool | None, timed: float | None, times: float | None
) -> None:
    """Flags that are silent, or say that it has not, are no verdict; a step that fails is one."""
    answer = timed and Probed(accelerator=None, times=timed)
    monkeypatch.setattr(probe, "computes_in", lambda *_: native)
    monkeypatch.setattr(probe, "_ask", lambda *_: answer or None)
    found = probe.emulation.__wrapped__("mixed_bfloat16", backend="jax")
    assert (found and found.times) == times


@pytest.mark.parametrize(("precision", "device"), [("float32", "cpu"), ("mixed_bfloat16", "gpu")])
def test_only_another_precision_on_a_processor_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, precision: str, device: str
) -> None:
    """Nothing is started for what no processor emulates."""
    monkeypatch.setattr(probe, "PROBE", ("no such program",))
    assert probe.emulation(precision, backend="torch", device=device) is None


def test_step_is_timed_where_the_flags_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of its own times it, on the backend that was asked for."""
    monkeypatch.setattr("fitting_room.machine.cpu_flags", frozenset)
    program = SAY.format(
        "{'accelerator': None, 'times': len(json.loads(sys.stdin.readline())['precision'] "
        "+ os.environ['KERAS_BACKEND'])}"
    )
    monkeypatch.setattr(probe, "PROBE", (sys.executable, "-c", program))
    found = probe.emulation.__wrapped__("mixed_bfloat16", backend="jax")
    assert found == Emulated(kind="bfloat16", times=17.0)


CNN = "fashion_mnist-cnn_32"


def asked(folder: Path, name: str, *, inside: bool = True) -> tuple[Look, Any]:
    """Save an untrained model and three images; return the look at them, and the model."""
    from fitting_room.trial.fit import build

    spec = small(name)
    model = build(spec.case.builder, spec.case.arguments, spec.case.recipe, seed=0, steps=1)
    with quiet():
        model.save(folder / "model.keras")
    shown = io.BytesIO()
    np.save(shown, images(spec))
    found = Look(
        model=str(folder / "model.keras"), spec=spec, images=shown.getvalue(), inside=inside
    )
    return found, model


def images(spec: TrialSpec) -> NDArray[np.uint8]:
    """Return three test images."""
    return np.asarray(data.load(spec.dataset).test_images[:3])


@pytest.mark.keras
def test_each_layer_that_makes_a_picture_is_seen(tmp_path: Path) -> None:
    """Two convolutions and two poolings of 32 filters, whose last is what the head gets."""
    request, model = asked(tmp_path, CNN)
    found = seen(request)
    shapes = [array.shape for name, array in found.items() if name.startswith(ACTIVATION)]
    assert shapes == [(3, 26, 26, 32), (3, 13, 13, 32), (3, 11, 11, 32), (3, 5, 5, 32)]
    shown = images(request.spec)[..., None].astype("float32") / 255
    assert np.allclose(found["probabilities"], model.predict(shown, verbose=0), atol=1e-6)
    first = next(array for name, array in found.items() if name.startswith(ACTIVATION))
    kernel, bias = model.layers[0].get_weights()
    by_hand = np.maximum(np.einsum("hw,hwf->f", shown[1, 5:8, 7:10, 0], kernel[:, :, 0]) + bias, 0)
    assert np.allclose(first[1, 5, 7], by_hand, atol=1e-5)


@pytest.mark.keras
def test_filters_are_the_weights_on_the_pixels(tmp_path: Path) -> None:
    """A convolution's own, and those of a dense layer as images."""
    for name, shape in ((CNN, (3, 3, 32)), ("mnist-dense_128", (28, 28, 128))):
        request, model = asked(tmp_path, name)
        filters = seen(request)["filters"]
        assert filters.shape == shape
        weights = next(layer for layer in model.layers if layer.weights).get_weights()[0]
        assert np.array_equal(filters.ravel(), weights.ravel())


@pytest.mark.keras
def test_what_there_is_to_be_seen_is_known_without_training(tmp_path: Path) -> None:
    """A model that is built and no more has the layers and the filters of a trained one."""
    trained, _ = asked(tmp_path, CNN)
    kept, built = seen(trained), seen(msgspec.structs.replace(trained, model=None))
    assert [array.shape for array in built.values()] == [array.shape for array in kept.values()]
    assert not np.array_equal(built["probabilities"], kept["probabilities"])


@pytest.mark.keras
def test_answers_alone_are_asked_for_where_that_is_enough(tmp_path: Path) -> None:
    """A prediction does not look inside."""
    request, _ = asked(tmp_path, "mnist-dense_128", inside=False)
    assert list(seen(request)) == ["probabilities"]


def test_a_model_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last that its process said is the reason, and the user hears what to do."""
    program = "raise ValueError('no model')"
    monkeypatch.setattr(probe, "program", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(UserError, match=r"bad\.keras could not .*: ValueError: no model\. Remove"):
        probe.look(tmp_path / "bad.keras", small(), np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"^mnist-dense_128 could not .*: ValueError: no model\.$"):
        probe.look(None, small(), np.zeros((1, 28, 28), np.uint8))


def test_a_look_is_read_back_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images, layers in order and by their own names, and no filters where there are none."""
    found = {"probabilities": np.eye(3), f"{ACTIVATION}b": np.ones(2), f"{ACTIVATION}a": np.ones(1)}

    def ask(_: object, asked: Look, *__: object, **___: object) -> tuple[Arrays, str]:
        assert np.load(io.BytesIO(asked.images)).shape == (1, 28, 28)
        npz = io.BytesIO()
        np.savez(npz, **found)
        return Arrays(npz.getvalue()), ""

    monkeypatch.setattr(probe, "ask", ask)
    told = probe.look(tmp_path / "a.keras", small(), np.zeros((1, 28, 28), np.uint8), inside=True)
    assert (list(told.activations), told.filters) == (["b", "a"], None)
    assert np.array_equal(told.probabilities, np.eye(3))


def test_a_look_crosses_between_processes() -> None:
    """A process of its own builds the model and answers with whole arrays."""
    spec = small("mnist-dense_128")
    found = probe.look(None, spec, images(spec), inside=True)
    assert found.probabilities.sum(axis=1) == pytest.approx([1, 1, 1])
    assert found.filters is not None
    assert found.filters.shape == (28, 28, 128)
