"""What the exercise about stopping early answers, of made-up records."""

from __future__ import annotations

import numpy as np
from records import make_record
from scipy import stats

from bench.exercises import EXERCISES
from bench.harness.record import Record
from bench.harness.report.exercises.blocks import answer, block

STOPPING = EXERCISES["stopping"]


def stopped(seed: int, *, epochs: int, seconds: float, accuracy: float) -> list[Record]:
    """Return a run that stopped at 85 %, and the one of its seed that went on."""
    whole = make_record(
        case=STOPPING.points["Fashion MNIST, never"],
        seed=seed,
        test_accuracy=0.88,
        epoch_seconds=[seconds] * 30,
    )
    early = make_record(
        case=STOPPING.points["Fashion MNIST, 85 %"],
        seed=seed,
        test_accuracy=accuracy,
        training_accuracy=[0.8] * (epochs - 1) + [0.86],
        epoch_seconds=[seconds] * epochs,
    )
    return [whole, early]


def test_stopping_saves_epochs_and_seconds_and_has_a_price() -> None:
    """Runs are paired by their seed: what all seeds share in luck does not count."""
    pairs = [stopped(seed, epochs=2, seconds=1.0, accuracy=0.85) for seed in range(3)]
    said = answer(STOPPING, [record for pair in pairs for record in pair])
    assert said.startswith(
        "Stopping at 85 % training accuracy on Fashion MNIST ends after 2 of 30 epochs (n=3), "
        "saves 28.0 ± 0.0 of them and 28.0 ± 0.0 s, and costs 3.0 ± 0.0 points of test accuracy;"
    )


def test_saved_epochs_have_their_uncertainty_in_the_sentence_and_in_the_table() -> None:
    """Seeds that stop at different epochs: Student's interval, for the six stops of the column."""
    saved = [28, 27, 25]
    pairs = [
        stopped(seed, epochs=30 - left, seconds=1.0, accuracy=0.85)
        for seed, left in enumerate(saved)
    ]
    records = [record for pair in pairs for record in pair]
    low, high = stats.t.interval(1 - 0.05 / 6, 2, np.mean(saved), stats.sem(saved))
    told = f"{np.mean(saved):.0f} ± {(high - low) / 2:.0f}"
    assert f"(n=3), saves {told} of them" in answer(STOPPING, records)
    text = block(STOPPING, records, {}).replace("\N{NO-BREAK SPACE}", " ")
    row = next(line for line in text.splitlines() if line.startswith("| Fashion MNIST, 85 %"))
    assert row.split("|")[4].strip() == told


def test_a_threshold_that_no_seed_reaches_saves_nothing() -> None:
    """It is said so, and no price is invented."""
    case = STOPPING.points["Fashion MNIST, 98 %"]
    never = [make_record(case=case, seed=seed, training_accuracy=0.95) for seed in (0, 1)]
    whole = [make_record(case=STOPPING.points["Fashion MNIST, never"], seed=s) for s in (0, 1)]
    said = answer(STOPPING, [*never, *whole])
    assert "none of 2 seeds reaches 98 % training accuracy on Fashion MNIST within 30" in said
