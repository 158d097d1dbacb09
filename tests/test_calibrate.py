"""``calibrate`` where not every seed converged: what it shows, with made-up trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from scheduler_world import pretend, trial

from bench import __main__ as command_line
from fitting_room import data
from fitting_room.record import Job, Listener, Record, silent

CASE = "fashion_mnist-dense_128"


@pytest.mark.parametrize(("lost", "prices"), [({1}, True), ({0, 1, 2}, False)])
def test_diverged_seeds_of_a_reference_are_kept_and_not_priced(
    lost: set[int],
    prices: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others suggest bounds and say what these cost; where none is left, nothing is said."""

    def make(job: Job, listen: Listener = silent) -> Record:
        seed = job.spec.seed
        if seed in lost:
            known = {"outcome": "diverged", "training_accuracy": [0.5, 0.1]}
            return trial(job, listen, test_accuracy=None, test_loss=None, **known)
        return trial(job, listen, training_accuracy=0.89 + seed / 1000)

    monkeypatch.setattr(data, "find", lambda task, **_: data.sample(task))
    pretend(monkeypatch, make)
    told = ["calibrate", CASE, "--seeds", "3", "--results", str(tmp_path)]
    assert command_line.main(told) == 0
    out = capsys.readouterr().out
    assert (f"| {CASE} | training accuracy" in out) == prices
    assert (f"# {CASE}: 0 completed seeds" in out) != prices
    assert len(list((tmp_path / "reference" / CASE).glob("*-diverged.json"))) == len(lost)
