"""GitHub Actions: annotations at the bounds, and the job summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitting_room.errors import UserError
from fitting_room.judge.verdict import Outcome, Verdict
from fitting_room.report.verdicts import Judged, append_summary, workflow_commands
from fitting_room.store.bounds import line_of, smoke_line

BOUNDS = """\
[smoke]
test_accuracy = { at_least = 0.5, reason = "x" }

[mnist-dense_128]
parameters = { exactly = 101_770, reason = "x" }
test_accuracy = { at_least = 0.97, reason = "x" }
"""


def judged(outcome: Outcome, evidence: str = "it is so") -> Judged:
    """Return what a test said."""
    verdict = Verdict(
        metric="test_accuracy",
        outcome=outcome,
        estimate=0.3,
        n=1,
        against="≥ 97.0 %",
        reason=evidence,
    )
    return Judged(case="mnist-dense_128", records=(), verdict=verdict)


def lines(*said: Judged) -> list[str]:
    """Return the annotations at line 6 of a file."""
    return workflow_commands(said, "bench/bounds.toml", lambda *_: 6)


def test_failed_bound_is_an_error_at_its_line() -> None:
    """The pull request shows it beside the bound."""
    assert lines(judged("fail")) == [
        "::error file=bench/bounds.toml,line=6,"
        "title=mnist-dense_128%3A test_accuracy fail::it is so"
    ]


def test_open_verdict_is_a_warning_and_a_met_bound_is_nothing() -> None:
    """Nor is what could not be compared."""
    found = lines(judged("undecided"), judged("pass"), judged("not comparable"))
    assert [line.split()[0] for line in found] == ["::warning"]


def test_text_keeps_its_signs() -> None:
    """Per cent and line ends are escaped as workflow commands want it, so none is lost."""
    (line,) = lines(judged("fail", "30 %, once\nand: again"))
    assert line.endswith("::30 %25, once%0Aand: again")


@pytest.mark.parametrize(
    ("table", "metric", "line"),
    [
        ("smoke", "test_accuracy", 2),
        ("mnist-dense_128", "parameters", 5),
        ("mnist-dense_128", "test_accuracy", 6),
        ("mnist-dense_128", "training_loss_by_epoch", 4),
    ],
)
def test_line_of_a_bound(tmp_path: Path, table: str, metric: str, line: int) -> None:
    """It is that of the metric in its own table, or of the table where the metric is not there."""
    path = tmp_path / "bounds.toml"
    path.write_text(BOUNDS, encoding="utf-8")
    assert line_of(path, table, metric) == line


def test_smoke_bound_is_found_where_it_counts(tmp_path: Path) -> None:
    """In the case's own table where it stands there, else in that of all cases."""
    path = tmp_path / "bounds.toml"
    path.write_text(f"{BOUNDS}[mnist-dense_128.smoke]\ntest_loss = {{ at_most = 3 }}\n", "utf-8")
    found = [smoke_line(path, "mnist-dense_128", name) for name in ("test_loss", "test_accuracy")]
    assert found == [8, 2]


def test_summary_is_added_to_that_of_other_steps(tmp_path: Path) -> None:
    """Nothing that is there is lost."""
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    append_summary(path, "# After ±\n")
    assert path.read_text(encoding="utf-8") == "before\n# After ±\n\n"


def test_summary_that_cannot_be_written_says_which_variable_names_it(tmp_path: Path) -> None:
    """A path that somebody set by hand is a mistake that can be mended."""
    with pytest.raises(UserError, match="Unset GITHUB_STEP_SUMMARY"):
        append_summary(tmp_path / "no" / "folder.md", "text")
