"""``pytest bench/ -k claims``: a file of claims held to what is committed."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_world import DENSE, figure

from conftest import Bench
from fitting_room.analysis import audit


def held(run: Bench, folder: Path, more: str = "") -> pytest.RunResult:
    """Run the suite on one claim that anybody can count: 128 × 785 + 10 × 129 parameters."""
    path = folder / "claims.toml"
    head = '[sources]\nbook = "A. Author, Book, 1999"\n'
    path.write_text(head + figure("101,770", 101_770, "parameters", more), encoding="utf-8")
    return run("-k", "claims", results=folder, claims=path)


def test_an_expected_verdict_passes_and_is_counted(run: Bench, tmp_path: Path) -> None:
    """The tally is told where nothing else is: no trial is needed, no table is made."""
    done = held(run, tmp_path, 'expected = "reproduced"')
    done.assert_outcomes(passed=2, deselected=done.parseoutcomes()["deselected"])
    assert "1 claims: 1 reproduced." in done.outlines
    assert not (tmp_path / "latest").exists()


def test_a_settled_verdict_that_nobody_expects_fails(run: Bench, tmp_path: Path) -> None:
    """The failure is the line to add."""
    done = held(run, tmp_path)
    done.assert_outcomes(passed=1, failed=1, deselected=done.parseoutcomes()["deselected"])
    done.stdout.fnmatch_lines([f'*{DENSE}.parameters: expected = "reproduced"*'])


@pytest.mark.parametrize(("stale", "outcome"), [({}, "failed"), ({DENSE: "it changed"}, "skipped")])
def test_another_verdict_than_expected_fails_unless_the_code_is_another(
    run: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: dict[str, str], outcome: str
) -> None:
    """What older code measured is no news of this one's."""
    monkeypatch.setattr(audit, "why_stale", lambda *_, **__: stale)
    done = held(run, tmp_path, 'expected = "exceeded"')
    counts = done.parseoutcomes()
    assert (counts["passed"], counts[outcome]) == (1, 1)
