"""What continuous integration shows of a run: annotations, job summary, JUnit properties."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.errors import UserError
from fitting_room.judge.verdict import Verdict

NO = frozenset({"", "0", "false", "no", "off"})
"""Values of a variable that mean no."""


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether continuous integration runs this, so that nobody is watching."""
    return environment.get("CI", "").strip().lower() not in NO


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
            found.append(f"::{LEVELS[one.verdict.outcome]} {where}::{_data(one.verdict.reason)}")
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


def strict_report(plugins: Iterable[Any]) -> Any:
    """Return pytest's writer of JUnit XML, if there is one and it is to obey the schema."""
    for plugin in plugins:
        if hasattr(plugin, "add_global_property") and getattr(plugin, "family", "") == "xunit2":
            return plugin
    return None


def to_suite(xml: Any, test: str, properties: Properties) -> None:
    """Give the suite the properties of a test, as ``test_accuracy[digits-dense_128].judged``."""
    for name, value in properties:
        xml.add_global_property(f"{test}.{name}", value)


def parted(properties: Properties) -> tuple[Properties, Properties]:
    """Return the properties of a test that are the bench's, and those that somebody else gave."""
    ours = [(name, value) for name, value in properties if name in NAMES]
    return ours, [(name, value) for name, value in properties if name not in NAMES]


Properties = list[tuple[str, object]]
JUDGED = "judged"
"""The property of a test that says what it found, as JSON, for xdist and for JUnit."""
TALLY = "tally"
"""Of a test that has one sentence on all that its suite judged: the end of the run shows it."""

SUITES = frozenset({"published", "measured", "verdict", "because", "gate", "race", TALLY})
"""Of properties that suites give their tests themselves."""

NAMES = frozenset({JUDGED, *SUITES})
"""Of all properties by which a test of the bench says what it found."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one test said of a case; no verdict where it only measured."""

    case: str
    records: tuple[str, ...]
    """Keys of the records it rests on."""
    verdict: Verdict | None = None
    explained: bool = False
    """Whether pytest shows its evidence, as that of a test that failed."""


def to_properties(judged: Judged) -> Properties:
    """Return the one property that holds all of it; infinite numbers survive."""
    return [(JUDGED, json.dumps(msgspec.to_builtins(judged), ensure_ascii=False))]


def from_properties(properties: Iterable[tuple[str, object]]) -> Judged | None:
    """Return what ``to_properties`` was given, or None where it was not a test of a case."""
    told = dict(properties).get(JUDGED)
    return msgspec.convert(json.loads(str(told)), Judged) if told else None
