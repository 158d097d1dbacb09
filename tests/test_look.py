"""What a kept model is asked, in the process that holds Keras and from outside of it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from trials import small

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.lab import look
from fitting_room.spec import TrialSpec
from fitting_room.trial.look import ACTIVATION, Arrays, Look, seen

CNN = "fashion_mnist-cnn_32"


def asked(folder: Path, name: str, *, inside: bool = True) -> tuple[Look, Any]:
    """Save an untrained model and three images; return the look at them, and the model."""
    from fitting_room.trial.fit import build

    spec = small(name)
    model = build(spec.case.builder, spec.case.arguments, spec.case.recipe, seed=0, steps=1)
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
    request, model = quietly(asked, tmp_path, CNN)
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
        request, model = quietly(asked, tmp_path, name)
        filters = seen(request)["filters"]
        assert filters.shape == shape
        weights = next(layer for layer in model.layers if layer.weights).get_weights()[0]
        assert np.array_equal(filters.ravel(), weights.ravel())


@pytest.mark.keras
def test_what_there_is_to_be_seen_is_known_without_training(tmp_path: Path) -> None:
    """A model that is built and no more has the layers and the filters of a trained one."""
    trained, _ = quietly(asked, tmp_path, CNN)
    kept, built = seen(trained), seen(replace(trained, model=None))
    assert [array.shape for array in built.values()] == [array.shape for array in kept.values()]
    assert not np.array_equal(built["probabilities"], kept["probabilities"])


@pytest.mark.keras
def test_answers_alone_are_asked_for_where_that_is_enough(tmp_path: Path) -> None:
    """A prediction does not look inside."""
    request, _ = quietly(asked, tmp_path, "mnist-dense_128", inside=False)
    assert list(seen(request)) == ["probabilities"]


def test_a_model_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last that its process said is the reason, and the user hears what to do."""
    program = "raise ValueError('no model')"
    monkeypatch.setattr(look, "program", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(UserError, match=r"bad\.keras could not .*: ValueError: no model\. Remove"):
        look.look(tmp_path / "bad.keras", small(), np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"^mnist-dense_128 could not .*: ValueError: no model\.$"):
        look.look(None, small(), np.zeros((1, 28, 28), np.uint8))


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

    monkeypatch.setattr(look, "ask", ask)
    told = look.look(tmp_path / "a.keras", small(), np.zeros((1, 28, 28), np.uint8), inside=True)
    assert (list(told.activations), told.filters) == (["b", "a"], None)
    assert np.array_equal(told.probabilities, np.eye(3))


def test_a_look_crosses_between_processes() -> None:
    """A process of its own builds the model and answers with whole arrays."""
    spec = small("mnist-dense_128")
    found = look.look(None, spec, images(spec), inside=True)
    assert found.probabilities.sum(axis=1) == pytest.approx([1, 1, 1])
    assert found.filters is not None
    assert found.filters.shape == (28, 28, 128)


def quietly(call: Any, *arguments: Any, **named: Any) -> Any:
    """Call what saves a model: Keras does so in a way that NumPy 2 deprecates."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return call(*arguments, **named)
