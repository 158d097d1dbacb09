"""What a trial itself writes for TensorBoard, beside its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.harness.record import Confidence, Mistake

IMAGES = np.random.default_rng(0).random((8, 28, 28, 1), np.float32)
LABELS = np.arange(8, dtype=np.uint8)
ARCHITECTURE = ("models.dense:dense", {"units": 4})


def read(folder: Path) -> Any:
    """Return TensorBoard's own reader of the event files in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def train(epochs: int, *callbacks: Any) -> Any:
    """Return a model that ``fit.train`` has trained on a few images of noise."""
    from bench.harness.trial import fit
    from models.recipe import Recipe

    recipe = Recipe(epochs=epochs, batch_size=4)
    model = fit.build(*ARCHITECTURE, recipe, seed=0, steps=2)
    data = fit.TrainingImages(images=IMAGES, labels=LABELS)
    run = fit.train
    for wrap in callbacks:
        run = wrap(run, model)
    run(model, data, recipe, epochs=epochs, callbacks=[])
    return model


@pytest.mark.keras
def test_log_has_graph_and_weights_and_changes_nothing(tmp_path: Path) -> None:
    """Histograms before training and after each epoch; what is learned is the same to the bit."""
    from bench.harness.trial.logs import logged

    model = train(2, lambda run, model: logged(run, tmp_path, model))
    found = read(tmp_path / "train")
    # Keras numbers the layers of a process, and tests share theirs.
    kernel = next(tag for tag in found.Tags()["tensors"] if tag.endswith("/kernel/histogram"))
    assert [tensor.step for tensor in found.Tensors(kernel)] == [0, 1, 2]
    assert found.Tags()["graph"]
    assert "MatMul" in {node.op for node in found.Graph().node}
    assert "keras" in found.Tags()["tensors"]  # the layers, for the conceptual graph
    plain = train(2)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.keras
def test_log_is_written_while_the_clock_stands_still(tmp_path: Path) -> None:
    """The hooks that Keras calls within an epoch do nothing."""
    from bench.harness.trial.logs import TrialLogs

    model = train(1)
    log = TrialLogs(tmp_path, model)
    log.set_model(model)
    log.on_train_begin()
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    for batch in range(3):
        log.on_train_batch_begin(batch)
        log.on_train_batch_end(batch, {"loss": 1.0})
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == before


@pytest.mark.keras
def test_images_are_shown_with_what_they_were_taken_for(tmp_path: Path) -> None:
    """Training images as they were fed, and the surest mistakes with a word on each."""
    from bench.harness.trial.logs import write_images

    wrong = Mistake(image=3, predicted=5, probability=0.987)
    confidence = Confidence(
        images=(8,), right=(7,), mean=(0.9,), first=((0.1,) * 10,), mistakes=(wrong,)
    )
    measured = {"confidence": confidence, "epochs": (1, 2)}
    write_images(tmp_path, IMAGES, (255 * IMAGES, LABELS), measured)
    training, test = (read(tmp_path / name) for name in ("train", "test"))
    width, height, *pictures = training.Tensors("training images")[0].tensor_proto.string_val
    assert (width, height, len(pictures)) == (b"28", b"28", 8)
    told = test.summary_metadata["surest mistakes"].summary_description
    assert told == "In order: image 3, a 3, taken for 5 (98.7 %)."
    assert test.Tensors("surest mistakes")[0].step == 2


@pytest.mark.keras
def test_trial_that_was_not_scored_has_no_mistakes(tmp_path: Path) -> None:
    """A trial that diverged shows what it was fed, and no more."""
    from bench.harness.trial.logs import write_images

    write_images(tmp_path, IMAGES, (IMAGES, LABELS), {"epochs": ()})
    assert not (tmp_path / "test").exists()
