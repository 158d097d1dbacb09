"""``python -m bench noise``: trials of two seeds, what is kept of them, and the tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from commands import Printed, printed
from scheduler_world import DATASET, ORIGIN, SPEC, FakeTrials, pretend, trial

from fitting_room import data
from fitting_room.cli import noise
from fitting_room.errors import UserError
from fitting_room.record import Job, Listener, PartialRecord, Record, pack_classes, silent
from fitting_room.studies import read_document
from fitting_room.studies.noise import Crossed, Times, noise_block, sample

CASE = "fashion_mnist-dense_128"


def simulated(job: Job, listen: Listener = silent) -> Record:
    """Return a trial whose accuracy has a point for each seed of weights, a tenth for orders."""
    spec = job.spec
    accuracy = 0.8 + 0.01 * spec.seed + 0.001 * (spec.order_seed or 0)
    record = trial(job, listen, test_accuracy=accuracy, test_loss=1 - accuracy)
    classes = np.repeat([spec.seed, spec.order_seed or 0], 50)
    return replace(record, predictions=pack_classes(classes))


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> FakeTrials:
    """Let trials be simulated, and the data be there."""
    monkeypatch.setattr(data, "find", lambda *_, **__: DATASET)
    return pretend(monkeypatch, simulated)


def run(folder: Path, *arguments: str) -> Printed:
    """Run the command."""
    return printed("noise", CASE, "--results", folder, *arguments)


def crossed(folder: Path) -> Crossed:
    """Return what the command kept."""
    found = read_document(folder / "noise" / f"{CASE}.json", Crossed)
    assert found is not None
    return found


def test_every_weight_meets_every_order_and_the_diagonal_comes_twice(
    trials: FakeTrials, tmp_path: Path
) -> None:
    """Three levels are nine pairs and three repeats, none of them in one another's place."""
    run(tmp_path, "--levels", "3")
    pairs = [(a.spec.seed, a.spec.order_seed) for a in trials.ran]
    assert pairs[:9] == [(i, j) for i in range(3) for j in range(3)]
    assert pairs[9:] == [(i, i) for i in range(3)]
    table = crossed(tmp_path).table("test_accuracy")
    assert table == pytest.approx(0.8 + np.add.outer([0, 0.01, 0.02], [0, 0.001, 0.002]))


def test_what_is_there_is_not_trained_again(trials: FakeTrials, tmp_path: Path) -> None:
    """More levels train what they add; the same ones nothing, even without the local records."""
    run(tmp_path, "--levels", "2")
    run(tmp_path, "--levels", "3")
    assert len(trials.ran) == 12
    (tmp_path / "noise" / "trials").rename(tmp_path / "elsewhere")
    run(tmp_path, "--levels", "3")
    assert len(trials.ran) == 12
    assert crossed(tmp_path).levels == 3


@pytest.mark.usefixtures("trials")
def test_components_stand_in_the_table(tmp_path: Path) -> None:
    """Weights scatter by 1 point of sd, orders by a tenth, the same seeds by nothing."""
    text = run(tmp_path, "--levels", "3").out
    row = next(line for line in text.splitlines() if "test accuracy, points" in line)
    cells = [cell.split(" (")[0].strip() for cell in row.strip("|").split("|")]
    assert [float(cell) for cell in cells[2:]] == pytest.approx([1, 1, 0.1, 0, 0], abs=0.01)
    assert "3 are the same to the last bit, 3 in every prediction, 3 in test accuracy." in text
    shares = next(line for line in text.splitlines() if "100.0 |" in line)
    assert shares.split()[3::2] == ["0.0", "50.0", "50.0", "100.0"]


@pytest.mark.usefixtures("trials")
def test_what_the_same_seeds_repeat_is_counted(tmp_path: Path) -> None:
    """Less than every bit may be the same."""
    run(tmp_path, "--levels", "2")
    found = crossed(tmp_path)
    last = replace(found.samples[-1], test_loss=0.5)
    path = tmp_path / "noise" / f"{CASE}.json"
    noise.write_document(path, replace(found, samples=(*found.samples[:-1], last)))
    counted = "1 are the same to the last bit, 2 in every prediction, 2 in test accuracy."
    assert f"2 pairs of trials with the same seeds: {counted}" in noise_block(tmp_path)


def test_other_epochs_are_told(trials: FakeTrials, tmp_path: Path) -> None:
    """One epoch instead of the recipe's five stands below the table."""
    run(tmp_path, "--levels", "2", "--epochs", "1")
    assert {a.spec.epochs for a in trials.ran} == {1}
    assert "1 of the recipe's 5 epochs" in noise_block(tmp_path)


def test_one_level_shows_no_scatter(trials: FakeTrials, tmp_path: Path) -> None:
    """The mistake is met before anything is trained."""
    with pytest.raises(UserError, match="takes at least two"):
        run(tmp_path, "--levels", "1")
    assert trials.ran == []
    assert "`fitting-room noise --times`" in noise_block(tmp_path)


def test_times_are_taken_in_blocks_and_added_to_those_there_are(
    trials: FakeTrials, tmp_path: Path
) -> None:
    """Two blocks of three processes at least, alone on the machine; a later series joins them."""
    for _ in range(2):
        run(tmp_path, "--times", "--minutes", "0.0001")
    found = read_document(tmp_path / "noise" / f"{CASE}-times.json", Times)
    assert found is not None
    assert found.table.shape == (4, 3, 4)
    assert all(a.spec.alone and a.spec.order_seed is None for a in trials.ran)
    assert "4 blocks of 3 processes right after one another, 4 epochs each" in noise_block(tmp_path)


def test_a_trial_that_gave_no_result_is_no_sample() -> None:
    """It is refused with what became of it."""
    record = trial(Job(spec=SPEC, key="k", provenance=ORIGIN, root="."))
    with pytest.raises(UserError, match=r"crashed, it broke\. Run the command again"):
        sample(replace(record, outcome="crashed", reason="it broke"), repeat=0)


@pytest.mark.keras
def test_one_seed_decides_the_weights_and_the_other_the_order() -> None:
    """The same two repeat every bit; either one changed changes what is learned."""
    from trials import small

    from fitting_room.trial.run import run

    def loss(seed: int, order: int | None) -> float:
        measured = PartialRecord()
        spec = small(seed=seed, order_seed=order, train_fraction=0.1, evaluate_each_epoch=False)
        with patch("fitting_room.trial.measure.measure_inference"):  # it takes longer than the rest
            run(spec, measured, lambda _: None)
        assert measured.test_loss is not None
        return measured.test_loss

    again = loss(0, 0)
    assert loss(0, 0) == again
    assert len({again, loss(0, 1), loss(1, 0)}) == 3
