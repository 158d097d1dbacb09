"""Verdicts at a glance: a headline, a line a case, and what is not met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fitting_room.judge.price import BRIEF, in_brief
from fitting_room.judge.verdict import Outcome, Verdict
from fitting_room.report.progress import Screen
from fitting_room.report.verdicts import Judged, verdict_lines

CASE = "mnist-dense_128"
EVIDENCE = "30.00 % (n=1); bound ≥ 89.0 %; log-likelihood ratio -9.1 (pass from +4.6, fail to -3.0)"
PASSED = ["", f"What passed: {BRIEF}.", CASE, f"  test_accuracy  {in_brief(EVIDENCE)}"]


def judged(
    outcome: Outcome, *, explained: bool = False, metric: str = "test_accuracy", value: float = 0.3
) -> Judged:
    """Return what a test said."""
    verdict = Verdict(
        metric=metric, outcome=outcome, estimate=value, n=1, against="≥ 89.0 %", reason=EVIDENCE
    )
    return Judged(case=CASE, records=(), verdict=verdict, explained=explained)


def lines(*said: Judged, **settings: object) -> list[str]:
    """Return the lines of one case."""
    return verdict_lines({CASE: said}, Screen(**{"width": 200, **settings}))  # type: ignore[arg-type]


def test_every_verdict_has_a_line_of_evidence() -> None:
    """A case that met its bounds is one line, and their evidence comes last, in brief."""
    assert lines(judged("pass"), judged("pass")) == [
        "2 bounds: 2 pass",
        f"pass            {CASE}: 2 of 2 bounds met",
        *PASSED,
        PASSED[-1],
    ]


def test_evidence_without_a_ratio_needs_no_legend() -> None:
    """A count says what it is."""
    verdict = judged("pass").verdict
    assert verdict
    counted = Judged(case=CASE, records=(), verdict=replace(verdict, reason="counted = 7 (n=1)"))
    assert lines(counted)[-3:] == ["What passed:", CASE, "  test_accuracy  counted = 7 (n=1)"]


@pytest.mark.parametrize("outcome", ["fail", "undecided"])
def test_bound_that_is_not_met_tells_its_evidence(outcome: Outcome) -> None:
    """What a person has to look at stands below its case, which is as good as its worst."""
    assert lines(judged("pass"), judged(outcome)) == [
        f"2 bounds: 1 {outcome}, 1 pass",
        f"{outcome:14}  {CASE}: 1 of 2 bounds met",
        f"    test_accuracy {outcome}: {EVIDENCE}",
        *PASSED,
    ]


def test_evidence_that_pytest_tells_is_not_told_again() -> None:
    """A test that failed has its evidence among the failures: here are the figure and its bound."""
    last = lines(judged("fail", explained=True))[-1]
    assert last == "    test_accuracy fail: 30.00 % (n=1), bound ≥ 89.0 %"


def test_what_cannot_be_compared_is_told_once_a_reason() -> None:
    """It is mostly the same for all, and makes no case worse than its other bounds do."""
    apart = [judged("not comparable", metric=metric) for metric in ("test_loss", "parameters")]
    assert lines(judged("pass"), *apart) == [
        "3 bounds: 2 not comparable, 1 pass",
        f"pass            {CASE}: 1 of 1 bounds met, 2 not comparable",
        f"not comparable, as {EVIDENCE}: test_loss, parameters",
        *PASSED,
    ]
    assert lines(apart[0])[1] == f"not comparable  {CASE}: 1 not comparable"
    assert lines(apart[0], verbosity=1)[-1] == f"    test_loss not comparable: {EVIDENCE}"


def test_worst_outcome_comes_first_in_the_headline() -> None:
    """A reader who stops there has seen it."""
    outcomes: list[Outcome] = ["pass", "not comparable", "undecided", "fail"]
    found = lines(*map(judged, outcomes))
    assert found[0] == "4 bounds: 1 fail, 1 undecided, 1 not comparable, 1 pass"


def test_tests_without_a_verdict_are_counted() -> None:
    """A trial that crashed is no bound that was met, and not forgotten."""
    found = verdict_lines({CASE: [judged("pass")]}, Screen(), unjudged=2)
    assert found[:2] == ["1 bound: 1 pass", "2 tests failed without a verdict"]


def test_verbose_run_tells_all_evidence() -> None:
    """With ``-v`` a bound that is met explains itself in full."""
    assert lines(judged("pass"), verbosity=1)[-1] == f"    test_accuracy pass: {EVIDENCE}"


def test_quiet_run_leaves_out_what_is_well() -> None:
    """With ``-q`` only the headline is left of cases that met all their bounds."""
    assert lines(judged("pass"), verbosity=-1) == ["1 bound: 1 pass"]
    assert len(lines(judged("fail"), verbosity=-1)) == 3


def test_long_evidence_is_folded() -> None:
    """No line is wider than the terminal, and what is folded is set in."""
    found = "\n".join(lines(judged("fail"), judged("pass"), width=60)).splitlines()
    assert max(map(len, found)) <= 60
    assert found[3].startswith(" " * 8) and found[-1].startswith(" " * 8)


def test_every_outcome_has_a_colour_and_a_word() -> None:
    """Colour is asked of the terminal's own writer, and adds nothing that words do not tell."""
    marks = []

    def mark(text: str, **colours: bool) -> str:
        marks.append((text.strip(), *colours))
        return text

    assert lines(judged("fail"), mark=mark) == lines(judged("fail"))
    assert ("fail", "red") in marks


def test_nothing_judged_is_nothing_said() -> None:
    """A run that only measured has no headline."""
    assert verdict_lines({CASE: [Judged(case=CASE, records=())]}, Screen()) == []
