"""A trial from its spec to its record, run in the process that holds Keras."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from records import make_record
from trials import assigned, run_here, small

from bench.cases import CASES
from fitting_room import data
from fitting_room.record import Epoch, Message, PartialRecord, Record, unpack_classes

pytestmark = pytest.mark.keras


def answer(**changes: Any) -> tuple[Record, list[Message]]:
    """Run a small trial as its process does."""
    return run_here(assigned(**changes))


@cache
def two_epochs() -> tuple[Record, list[Message]]:
    """Train for two epochs, once for all tests that look at it."""
    return answer(epochs=2)


def test_a_trial_tells_what_it_does_and_each_epoch() -> None:
    """It says what it loads, then every epoch of the record, as it comes."""
    record, said = two_epochs()
    assert (record.outcome, record.reason) == ("completed", "trained for 2 epochs")
    assert said[0].note == "loading tensorflow"
    assert tuple(message.epoch for message in said[1:]) == record.epochs
    assert [epoch.number for epoch in record.epochs] == [1, 2]


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the system does not tell")
def test_each_epoch_tells_how_much_other_work_there_was() -> None:
    """Cores that others used are some part of those that there are."""
    record, _ = two_epochs()
    assert record.machine
    others = [epoch.other_cores for epoch in record.epochs if epoch.other_cores is not None]
    assert all(0 <= each <= record.machine.cores + 1 for each in others)
    assert others


def test_the_accuracy_is_that_of_the_kept_predictions() -> None:
    """The class of each test image is kept, and hits as often as the last epoch's accuracy says."""
    record, _ = two_epochs()
    assert record.predictions
    truth = data.load(small().dataset).test_labels
    assert np.mean(unpack_classes(record.predictions) == truth) == record.test_accuracy
    assert record.test_accuracy == record.epochs[-1].test_accuracy
    assert record.test_loss == record.epochs[-1].test_loss
    assert record.confidence
    images, right = sum(record.confidence.images), sum(record.confidence.right)
    assert right / images == record.test_accuracy


def test_trial_beyond_its_limits_is_given_up() -> None:
    """It ends after the first epoch that leaves them, unscored, and says which and where."""
    record, _ = answer(epochs=2, loss_limits=((0.0, 0.001), (0.0, 9.0)))
    assert (record.outcome, len(record.epochs), record.test_accuracy) == ("given up", 1, None)
    assert "after epoch 1, where unchanged code stays within 0.0000–0.0010" in record.reason


def test_each_phase_has_its_seconds() -> None:
    """Training is the sum of its epochs, scoring stands apart, and nothing exceeds the total."""
    record, _ = two_epochs()
    seconds = dict(record.seconds)
    total, train = seconds.pop("total"), seconds["train"]
    assert set(seconds) == {
        "start", "import", "load", "build", "train", "evaluate", "fit_overhead", "inference"
    }  # fmt: skip
    assert train == pytest.approx(sum(epoch.seconds for epoch in record.epochs))
    assert 0 < sum(seconds.values()) < total


def test_no_epoch_waits_for_a_tuner_of_batches() -> None:
    """Keras asks TensorFlow for options by the name that a trial changes, and gets them off."""
    import tensorflow as tf

    made, asked = tf.data.Options, list[Any]()

    def noted() -> Any:
        asked.append(made())
        return asked[-1]

    with mock.patch.object(tf.data, "Options", noted):
        answer()
        assert tf.data.Options is noted
    assert asked
    assert {each.autotune.enabled for each in asked} == {False}


def test_a_record_says_what_was_resolved() -> None:
    """1,000 images in batches of 32 are 32 steps, the last one not full."""
    record, _ = two_epochs()
    assert record.resolved and record.size and record.machine and record.peak_memory_bytes
    assert (record.resolved.steps_per_epoch, record.resolved.jit_compile) == (32, False)
    assert record.size.parameters == 101_770
    assert record.peak_memory_bytes > 100 * 2**20
    assert record.machine.accelerator is None


def test_the_threads_recorded_are_those_that_ran() -> None:
    """XLA's are named and can be counted: as many as the record says."""
    record, _ = answer(jit_compile=True)
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert record.resolved and record.resolved.threads == names.count("tf_XLAEigen")


def test_training_ends_where_the_recipe_says() -> None:
    """An accuracy that the first epoch reaches ends it there, and the reason says so."""
    record, _ = answer(epochs=9, stop_at_accuracy=0.2)
    assert (len(record.epochs), record.outcome) == (1, "completed")
    assert record.reason == "reached its stopping accuracy after epoch 1"


def test_a_loss_that_is_no_number_makes_a_trial_diverge() -> None:
    """It stops at once, has no test figures, and is not completed."""
    record, _ = answer(epochs=9, learning_rate=1e30)
    assert (record.outcome, record.completed) == ("diverged", False)
    assert record.reason == f"the training loss was no finite number in epoch {len(record.epochs)}"
    assert (record.epochs[-1].training_loss, record.test_accuracy) == (None, None)
    assert len(record.epochs) < 9


def test_no_epochs_build_and_time_a_model_untrained() -> None:
    """Parameters and latency are there, and no accuracy."""
    record, _ = answer(epochs=0)
    assert (record.outcome, record.reason, record.epochs) == ("completed", "built, not trained", ())
    assert record.size and record.size.parameters == 101_770
    assert record.inference and min(record.inference.latency_seconds) > 0
    assert (record.test_accuracy, record.predictions) == (None, None)


def test_the_test_images_can_wait_for_the_last_epoch() -> None:
    """Without scores in between, the last one is the same."""
    record, _ = answer(epochs=2, evaluate_each_epoch=False)
    assert [epoch.test_accuracy for epoch in record.epochs] == [None, None]
    assert record.test_accuracy == two_epochs()[0].test_accuracy


def test_a_builder_that_raises_is_a_crash_that_says_so() -> None:
    """The error is the reason, and there is a record with what was measured until then."""
    record, _ = answer(arguments={"units": -5})
    assert record.outcome == "crashed"
    assert record.reason.startswith("ValueError: ")
    assert "-5" in record.reason
    assert (record.epochs, "load" in record.seconds) == ((), True)


def test_a_missing_gpu_is_told_and_not_made_up_for() -> None:
    """A trial that was to run on a GPU never runs on the CPU instead."""
    record, _ = answer(device="gpu")
    assert record.outcome == "crashed"
    assert record.reason == "tensorflow sees no GPU here; use --device cpu."


def test_a_phase_that_raises_has_its_seconds_too() -> None:
    """What a failed phase took is added to what it took before."""
    from fitting_room.trial.measure import phase

    seconds = {"load": 100.0}
    with pytest.raises(OSError, match="full"), phase(seconds, "load"):
        raise OSError("full")
    assert 100 < seconds["load"] < 101


def test_what_keras_can_do_without_is_absent_only_while_it_is_loaded() -> None:
    """An import fails inside, for whatever was not loaded before, and works again afterwards."""
    from fitting_room.trial.prepared import absent

    sys.modules.pop("colorsys", None)
    with absent("colorsys", "json"):
        with pytest.raises(ImportError):
            import_module("colorsys")
        assert import_module("json") is json
    assert import_module("colorsys").rgb_to_hsv(0, 0, 1)[2] == 1


def test_the_clock_holds_the_steps_and_not_the_scoring() -> None:
    """In a real ``fit`` of four steps a second each, an hour of scoring is not in the seconds."""
    import keras

    from fitting_room.training.callbacks import EpochClock
    from fitting_room.trial import measure
    from fitting_room.trial.run import EpochLog

    now = [0.0]

    def score(*_: Any) -> Any:
        now[0] += 3600
        return measure.Score(accuracy=0.5, loss=1.5, classes=np.zeros(2, np.uint8))

    class Step(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now[0] += 1

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    measured, told, pixels = PartialRecord(), list[Epoch](), np.zeros((8, 1), np.float32)
    clock = EpochClock(*[lambda: now[0]] * 2)
    log = EpochLog(small(), model, (pixels, pixels), measured, told.append, clock)
    with mock.patch.object(measure, "score", score):
        model.fit(pixels, pixels, batch_size=2, epochs=3, callbacks=[clock, log, Step()], verbose=0)
    assert [(each.seconds, each.cpu_seconds, each.test_loss) for each in told] == [(4, 4, 1.5)] * 3
    assert measured.epochs == tuple(told)


def test_hyperparameters_are_all_settings_that_were_made() -> None:
    """The epochs asked for, not those of the recipe; what is left to a library is not told."""
    from fitting_room.trial.run import hyperparameters

    case = replace(CASES["fashion_mnist-dense_128"], arguments={"units": 16, "sizes": (1, 2)})
    found = hyperparameters(replace(make_record(seed=3).spec, case=case, epochs=2))
    assert (found["task"], found["seed"], found["epochs"]) == ("fashion_mnist", 3, 2)
    assert (found["units"], found["sizes"]) == (16, "(1, 2)")
    assert (found["optimizer"], found["jit_compile"]) == ("adam", True)
    assert None not in found.values()


def test_a_logged_trial_is_one_run_and_learns_the_same(tmp_path: Path) -> None:
    """Curves, weights, layers and settings are in one folder; no figure differs."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata

    folder = tmp_path / "case" / "seed-3"
    record, _ = run_here(replace(assigned(epochs=2), log=str(folder)))
    assert record.predictions == two_epochs()[0].predictions
    assert record.test_loss == two_epochs()[0].test_loss
    assert {path.parent for path in tmp_path.rglob("*tfevents*")} == {folder / "train"}
    found = EventAccumulator(str(folder / "train")).Reload()
    tensors = set(found.Tags()["tensors"])
    names = ("accuracy", "loss", "learning_rate", "test_accuracy", "test_loss")
    assert {"keras", *(f"epoch_{name}" for name in names)} <= tensors
    # Keras numbers the layers of a process, and tests share theirs.
    kernel = next(tag for tag in tensors if tag.endswith("/kernel/histogram"))
    assert [tensor.step for tensor in found.Tensors(kernel)] == [0, 1]
    told = found.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(told)
    assert start.group_name == "case/seed-3"
    assert start.hparams["seed"].number_value == 0
