"""What the tests of a run said: as properties of tests, on a terminal, for GitHub Actions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fitting_room.analysis.rows import APART, SEVERITY
from fitting_room.errors import UserError
from fitting_room.format import counted, shown
from fitting_room.judge.sequential import BRIEF, in_brief
from fitting_room.judge.verdict import Verdict
from fitting_room.metrics import METRICS
from fitting_room.report.progress import Screen

Properties = list[tuple[str, object]]
JUDGED = "judged"
"""The property of a test that says what it found, as JSON, for xdist and for JUnit."""
TALLY = "tally"
"""The property of a test with a sentence on all its suite judged: the end of the run shows it."""
NAMES = frozenset({JUDGED, TALLY, "published", "measured", "verdict", "because", "gate", "race"})
"""The names of all properties by which a test of the bench says what it found."""


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


def parted(properties: Properties) -> tuple[Properties, Properties]:
    """Return the properties of a test that are the bench's, and those that somebody else gave."""
    ours = [(name, value) for name, value in properties if name in NAMES]
    return ours, [(name, value) for name, value in properties if name not in NAMES]


CASES = "\0"
"""Stands for the names of cases in a reason."""

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
    return [
        f"::{LEVELS[v.outcome]} file={_property(file)},line={line(one.case, v.metric)},"
        f"title={_property(f'{one.case}: {v.metric} {v.outcome}')}::{_data(v.reason)}"
        for one in judged
        if (v := one.verdict) and v.outcome in LEVELS
    ]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


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


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """Return what was judged in the order of the metrics, whichever worker was done first."""
    order = {metric: place for place, metric in enumerate(METRICS)}

    def place(one: Judged) -> tuple[int, str]:
        metric = one.verdict.metric if one.verdict else ""
        return order.get(metric, len(order)), metric

    return sorted(judged, key=place)


def verdict_lines(
    judged: Mapping[str, Sequence[Judged]], screen: Screen, *, unjudged: int = 0
) -> list[str]:
    """Return the headline and the lines of every case, or nothing where nothing was judged.

    Args:
        judged: Case → what its tests said, in the order to be shown.
        screen: Quiet, it leaves out cases that met all; verbose, it has the evidence of all below
            their case. Else that of bounds that are met comes last, in brief.
        unjudged: Tests that failed without a verdict.
    """
    verdicts = [one.verdict for each in judged.values() for one in each if one.verdict]
    lines = [_headline(verdicts, screen)] if verdicts else []
    if unjudged:
        lines.append(
            screen.outcome(f"{counted(unjudged, 'test')} failed without a verdict", "fail")
        )
    lines += [line for case, each in judged.items() for line in _case(case, each, screen)]
    if screen.verbosity == 0:
        apart = [screen.folded(line, rest="    ") for line in incomparable(verdicts)]
        lines += [screen.outcome(line, APART) for line in apart]
        lines += _passed(judged, screen)
    return lines


def incomparable(verdicts: Iterable[Verdict]) -> list[str]:
    """Return a line a reason why bounds do not compare, for it is mostly the same for all.

    One that names the case names all the cases that it is the same for.
    """
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for verdict in verdicts:
        if verdict.outcome == APART:
            why = verdict.reason.replace(verdict.subject or CASES, CASES)
            metrics, cases = reasons.setdefault(why, ({}, {}))
            metrics[verdict.metric] = cases[verdict.subject] = None
    return [
        f"{APART}, as {why.replace(CASES, ' '.join(cases))}: {', '.join(metrics)}"
        for why, (metrics, cases) in reasons.items()
    ]


def _headline(verdicts: Sequence[Verdict], screen: Screen) -> str:
    counts: Counter[str] = Counter(verdict.outcome for verdict in verdicts)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in SEVERITY if counts[outcome])
    text = f"{counted(len(verdicts), 'bound')}: {told}"
    return screen.mark(screen.outcome(text, _worst(verdicts)), bold=True)


def _worst(verdicts: Sequence[Verdict]) -> str:
    return min((verdict.outcome for verdict in verdicts), key=SEVERITY.index)


def _case(case: str, judged: Sequence[Judged], screen: Screen) -> list[str]:
    """A case is as good as the worst of the bounds that it could be held to."""
    verdicts = [one.verdict for one in judged if one.verdict]
    held = [verdict for verdict in verdicts if verdict.outcome != APART]
    met, apart = sum(verdict.passed for verdict in held), len(verdicts) - len(held)
    if not verdicts or (screen.verbosity < 0 and met == len(held)):
        return []
    worst = _worst(held or verdicts)
    told = [f"{met} of {len(held)} bounds met"] if held else []
    told += [f"{apart} {APART}"] if apart else []
    outcome = screen.outcome(f"{worst:{max(map(len, SEVERITY))}}", worst)
    return [
        f"{outcome}  {case}: {', '.join(told)}",
        *(
            _reason(one.verdict, screen, explained=one.explained)
            for one in judged
            if one.verdict and (screen.verbosity > 0 or one.verdict.outcome not in ("pass", APART))
        ),
    ]


def _reason(verdict: Verdict, screen: Screen, *, explained: bool) -> str:
    """Return a verdict's evidence, or its figure and bound where pytest has told the evidence."""
    estimate, outcome = verdict.estimate, verdict.outcome
    value = "no value" if estimate is None else shown(verdict.metric, estimate)
    said = f"{value} (n={verdict.n}), bound {verdict.against}" if explained else verdict.reason
    text = screen.folded(f"{verdict.metric} {outcome}: {said}", first="    ", rest=" " * 8)
    return text.replace(f" {outcome}:", f" {screen.outcome(outcome, outcome)}:", 1)


def _passed(judged: Mapping[str, Sequence[Judged]], screen: Screen) -> list[str]:
    """Return the evidence of each bound that is met, in brief, a line each."""
    found = {
        case: [one.verdict for one in each if one.verdict and one.verdict.passed]
        for case, each in judged.items()
    }
    met = {case: each for case, each in found.items() if each}
    width = max((len(verdict.metric) for each in met.values() for verdict in each), default=0)
    weighed = any("log-likelihood" in v.reason for each in met.values() for v in each)
    legend = f"What passed{f': {BRIEF}.' if weighed else ':'}"
    lines = ["", screen.folded(legend, rest="    ")] if met else []
    for case, each in met.items():
        lines.append(case)
        for verdict in each:
            first = f"  {verdict.metric:{width}}  "
            lines.append(screen.folded(in_brief(verdict.reason), first=first, rest=" " * 8))
    return lines
