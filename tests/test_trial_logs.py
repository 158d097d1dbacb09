"""What a trial writes for TensorBoard, beside its record."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import make_record

from bench.cases import CASES
from fitting_room.record import Epoch, PartialRecord

IMAGES = np.random.default_rng(0).random((8, 28, 28, 1), np.float32)
LABELS = np.arange(8, dtype=np.uint8)
ARCHITECTURE = ("models.dense:dense", {"units": 4})
SPEC = make_record(seed=3).spec
EPOCH = Epoch(
    number=1, seconds=1, cpu_seconds=1, training_accuracy=0.1, training_loss=1, test_accuracy=0.5
)
MEASURED = PartialRecord(epochs=(EPOCH, EPOCH), test_accuracy=0.75)


def read(folder: Path) -> Any:
    """Return TensorBoard's own reader of the event files in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def train(epochs: int, *callbacks: Any) -> Any:
    """Return a model that ``fit.train`` has trained on a few images of noise."""
    from fitting_room.recipe import Recipe
    from fitting_room.trial import fit

    recipe = Recipe(epochs=epochs, batch_size=4)
    model = fit.build(*ARCHITECTURE, recipe, seed=0, steps=2)
    data = fit.TrainingImages(images=IMAGES, labels=LABELS)
    run = fit.train
    for wrap in callbacks:
        run = wrap(run)
    with warnings.catch_warnings():
        # Histograms take a variable as an array in a way that NumPy 2 deprecates.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        run(model, data, recipe, epochs=epochs, callbacks=[])
    return model


@pytest.mark.keras
def test_trial_is_one_run_and_what_is_learned_stays_the_same(tmp_path: Path) -> None:
    """Curves, weights, layers and settings are in one folder; the weights are equal to the bit."""
    from tensorboard.plugins.hparams import metadata

    from fitting_room.trial.logs import logged, write_score

    folder = tmp_path / "case" / "seed-3"
    model = train(2, lambda run: logged(run, folder, SPEC, MEASURED))
    write_score(folder, MEASURED)
    assert {path.parent for path in tmp_path.rglob("*tfevents*")} == {folder / "train"}
    found = read(folder / "train")
    tensors = set(found.Tags()["tensors"])
    figures = {f"epoch_{name}" for name in ("accuracy", "loss", "learning_rate", "test_accuracy")}
    assert figures | {"keras", "test_accuracy"} <= tensors
    assert "test_loss" not in tensors  # it was no number
    # Keras numbers the layers of a process, and tests share theirs.
    kernel = next(tag for tag in tensors if tag.endswith("/kernel/histogram"))
    assert [tensor.step for tensor in found.Tensors(kernel)] == [0, 1]
    told = found.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(told)
    assert start.group_name == "case/seed-3"
    assert start.hparams["seed"].number_value == 3
    plain = train(2)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.keras
def test_hyperparameters_are_all_settings_that_were_made() -> None:
    """The epochs asked for, not those of the recipe; what is left to a library is not told."""
    from fitting_room.trial.logs import hyperparameters

    case = replace(CASES["fashion_mnist-dense_128"], arguments={"units": 16, "sizes": (1, 2)})
    found = hyperparameters(replace(SPEC, case=case, epochs=2))
    assert (found["task"], found["seed"], found["epochs"]) == ("fashion_mnist", 3, 2)
    assert (found["units"], found["sizes"]) == (16, "(1, 2)")
    assert (found["optimizer"], found["jit_compile"]) == ("adam", True)
    assert None not in found.values()
