"""What GitHub Actions shows of a run: annotations at the bounds, and the report as job summary.

Commands and limits as in "Workflow commands for GitHub Actions", docs.github.com.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from bench.harness.errors import UserError
from bench.harness.report.properties import Judged

LEVELS = {"fail": "error", "undecided": "warning"}
"""Outcome → level of its annotation; the others have none."""


def workflow_commands(
    judged: Iterable[Judged], file: str, line: Callable[[str, str], int]
) -> list[str]:
    """Return a workflow command for each bound that is not met, to be printed as it is.

    Args:
        judged: What the tests of the run said.
        file: The file of bounds, relative to the checkout.
        line: Case and metric → where in the file their bound stands, from 1.
    """
    found = []
    for one in judged:
        if one.verdict and one.verdict.outcome in LEVELS:
            place = {
                "file": file,
                "line": str(line(one.case, one.verdict.metric)),
                "title": f"{one.case}: {one.verdict.metric} {one.verdict.outcome}",
            }
            where = ",".join(f"{key}={_property(value)}" for key, value in place.items())
            found.append(f"::{LEVELS[one.verdict.outcome]} {where}::{_data(one.verdict.evidence)}")
    return found


def append_summary(path: Path, markdown: str) -> None:
    """Add a Markdown document to the job summary at ``path``, which other steps write to as well.

    Raises:
        UserError: It cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{markdown}\n")
    except OSError as error:
        raise UserError(
            f"Cannot write the job summary {path}: {error.strerror}. "
            "Unset GITHUB_STEP_SUMMARY where this is no GitHub Actions."
        ) from error


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
