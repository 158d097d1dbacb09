"""A report that cannot be written: the verdicts stand, and the exit status says which it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Bench
from fitting_room.errors import UserError
from fitting_room.plugin.results import UNREPORTED, Results


@pytest.mark.parametrize("error", [UserError("the disk is full"), ValueError("a fault")])
def test_a_lost_report_eats_no_verdict(
    run: Bench, stored: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All passed, so the run is neither green, for something is missing, nor a bound that fails."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Results, "_write", fail)
    done = run("-k", "parameters and mnist-dense_128", results=stored)
    shown = done.stdout.str()
    assert done.ret == UNREPORTED
    assert "2 bounds: 2 pass" in shown
    assert "The report could not be written: " in shown
    assert str(error) in shown


def test_showing_the_plan_trains_nothing(run: Bench, tmp_path: Path) -> None:
    """``--setup-plan`` and ``--fixtures`` run no test, so none gets its trials."""
    for option in ("--setup-plan", "--fixtures"):
        run(option, "-k", "accuracy", results=tmp_path / "results")
    assert not (tmp_path / "results").exists()
