"""Trained models that are kept: where they are, what lies beside them, when one is made anew."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scheduler_world import SPEC, FakeTrials, answer, new_scheduler, trial
from trials import assigned, run_here

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.lab.scheduler import Scheduler
from fitting_room.record import Callbacks, Job, Listener, Record, best_file
from fitting_room.report.model import card
from fitting_room.store.records import Models

CONFIG = {"module": "keras.layers", "class_name": "Dense", "config": {}}


def write_model(file: Path, *, config: object = CONFIG) -> None:
    """Write what looks like a saved model."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps(config))


def kept(job: Job, listen: Listener) -> Record:
    """Run a made-up trial that saves its model where it is told to."""
    if job.keep:
        write_model(Path(job.keep))
    return trial(job, listen)


def scheduler(folder: Path, *, keep: bool = True, fresh: str | None = None) -> Scheduler:
    """Return the scheduler of a new run, which keeps models or does not."""
    models = Models(folder / "models", card, fresh) if keep else None
    return new_scheduler(folder / "trials", fresh=fresh, models=models)


FILE = Path("models", SPEC.case.name, "seed-000.keras")


def test_a_model_has_its_record_and_its_card_beside_it(tmp_path: Path, trials: FakeTrials) -> None:
    """And nothing else is left there; a second run trains nothing."""
    trials.make = kept
    record = answer(scheduler(tmp_path))
    names = sorted(path.name for path in (tmp_path / FILE).parent.iterdir())
    assert names == ["seed-000.json", "seed-000.keras", "seed-000.md"]
    found = scheduler(tmp_path).saved_model(SPEC)
    assert found and (found.record, found.file) == (record, tmp_path / FILE)
    assert answer(scheduler(tmp_path)) == record
    assert len(trials.ran) == 1


def test_what_is_stored_without_its_model_is_trained_again(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """Only where models are wanted, and once."""
    trials.make = kept
    for keep in (False, True, True, False):
        answer(scheduler(tmp_path, keep=keep))
    assert [bool(job.keep) for job in trials.ran] == [False, True]


def test_a_model_of_other_code_is_none(tmp_path: Path, trials: FakeTrials) -> None:
    """Its record beside it has another key, and a fresh run does not take an old one."""
    trials.make = kept
    record = answer(scheduler(tmp_path))
    assert scheduler(tmp_path, fresh="a").saved_model(SPEC) is None
    beside = (tmp_path / FILE).with_suffix(".json")
    beside.write_text(beside.read_text("utf-8").replace(record.key, "0" * 64), "utf-8")
    assert scheduler(tmp_path).saved_model(SPEC) is None
    assert scheduler(tmp_path).stored(SPEC, timed=False) is None
    answer(scheduler(tmp_path))
    assert len(trials.ran) == 2


@pytest.mark.usefixtures("trials")
def test_a_model_that_cannot_be_written_is_told_and_its_record_kept(tmp_path: Path) -> None:
    """The disk was full when the child saved it: without --keep-models the run goes on."""
    with pytest.raises(UserError, match=r"could not be written under .*Free the disk"):
        answer(scheduler(tmp_path))
    assert scheduler(tmp_path, keep=False).stored(SPEC, timed=False) is not None


def test_the_best_model_of_a_recipe_lies_beside_the_last(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """The card says of which epoch it is."""

    def best(job: Job, listen: Listener) -> Record:
        write_model(best_file(Path(job.keep or "")))
        did = Callbacks(stopped_epoch=None, best_epoch=3, learning_rates=())
        return replace(kept(job, listen), callbacks=did)

    trials.make = best
    answer(scheduler(tmp_path))
    file = tmp_path / FILE
    assert best_file(file).exists()
    assert "its lowest validation loss, epoch 3." in file.with_suffix(".md").read_text("utf-8")


def test_a_trial_that_was_ended_leaves_no_model(tmp_path: Path, trials: FakeTrials) -> None:
    """Not even the part of one that its process had begun to write."""

    def ended(job: Job, listen: Listener) -> Record:
        kept(job, listen)
        return trial(job, listen, outcome="interrupted")

    trials.make = ended
    answer(scheduler(tmp_path))
    assert list((tmp_path / FILE).parent.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "seed-000"),
        ({"dataset": replace(SPEC.dataset, sample=True)}, "seed-000-sample"),
        ({"epochs": 3, "backend": "jax", "device": "gpu"}, "seed-000-3-epochs-jax-gpu"),
        ({"order_seed": 2}, "seed-000-order-2"),
    ],
)
def test_what_a_reader_does_not_expect_has_a_name_of_its_own(
    change: dict[str, object], name: str
) -> None:
    """A quick look on the sample does not take the place of a real model."""
    models = Models(Path("models"), card)
    assert models.file(replace(SPEC, **change)).stem == name  # type: ignore[arg-type]


SCRIPT = """
import json, sys
sys.modules["bench"] = sys.modules["models"] = None  # importing either is an error
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
images, labels = np.load(sys.argv[2]), np.load(sys.argv[3])
probabilities = model.predict(images[..., None].astype("float32") / 255, verbose=0)
print(json.dumps(float(np.mean(probabilities.argmax(axis=1) == labels))))
"""


@pytest.mark.keras
def test_a_kept_model_loads_with_plain_keras_and_scores_what_was_recorded(tmp_path: Path) -> None:
    """In another folder, where neither package of this project can be imported."""
    job = replace(assigned(), keep=str(tmp_path / "model.keras"))
    record, _ = run_here(job)
    arrays = data.load(job.spec.dataset)
    np.save(tmp_path / "images.npy", arrays.test_images)
    np.save(tmp_path / "labels.npy", arrays.test_labels)
    command = [sys.executable, "-c", SCRIPT, "model.keras", "images.npy", "labels.npy"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout) == record.test_accuracy
