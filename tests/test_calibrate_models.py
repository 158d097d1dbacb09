"""``calibrate --keep-models``: models of references, those that are there included."""

from __future__ import annotations

from pathlib import Path

import pytest
from scheduler_world import pretend
from test_kept_models import kept

from bench import __main__ as command_line
from fitting_room import data

CASE = "fashion_mnist-dense_128"


def test_a_reference_without_a_model_gets_one_and_stays_as_it_is(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is trained again for the model alone, once."""
    assert own_cache.is_dir()
    monkeypatch.setattr(data, "find", lambda task, **_: data.sample(task))
    trials = pretend(monkeypatch, kept)
    told = ["calibrate", CASE, "--seeds", "2", "--results", str(tmp_path)]
    assert command_line.main(told) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "reference" / CASE).iterdir()}
    for _ in range(2):
        assert command_line.main([*told, "--keep-models"]) == 0
    assert len(trials.ran) == 4
    assert {path: path.read_bytes() for path in (tmp_path / "reference" / CASE).iterdir()} == before
    models = sorted(path.name for path in (tmp_path / "models" / CASE).glob("*.keras"))
    assert models == ["seed-000-sample.keras", "seed-001-sample.keras"]
