"""What tests said: as their properties, on a terminal, for GitHub Actions."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from records import make_verdict

from fitting_room.errors import UserError
from fitting_room.judge.sequential import BRIEF, in_brief
from fitting_room.judge.verdict import Outcome, Verdict
from fitting_room.report.progress import Screen
from fitting_room.report.summary import (
    Judged,
    append_summary,
    from_properties,
    to_properties,
    verdict_lines,
    workflow_commands,
)

CASE = "mnist-dense_128"
EVIDENCE = "30.00 % (n=1); bound ≥ 89.0 %; log-likelihood ratio -9.1 (pass from +4.6, fail to -3.0)"
PASSED = ["", f"What passed: {BRIEF}.", CASE, f"  test_accuracy  {in_brief(EVIDENCE)}"]


def judged(outcome: Outcome, reason: str = EVIDENCE, **known: Any) -> Judged:
    """Return what a test said."""
    told = {"metric": "test_accuracy", "against": "≥ 89.0 %", "reason": reason}
    explained = known.pop("explained", False)
    verdict = make_verdict(outcome, **(told | known))
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
    assert lines(judged("pass", "counted = 7 (n=1)"))[-3:] == [
        "What passed:",
        CASE,
        "  test_accuracy  counted = 7 (n=1)",
    ]


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


VERDICT = make_verdict("fail", metric="test_accuracy", estimate=0.871, n=2, epoch=2)
WITH = Judged(case=CASE, records=("a1", "b2"), verdict=VERDICT)
BARE = Judged(case=CASE, records=(), verdict=replace(VERDICT, estimate=None, epoch=None))


@pytest.mark.parametrize("judged", [WITH, BARE, Judged(case=CASE, records=("a1",))])
def test_what_was_judged_survives_the_way_home(judged: Judged) -> None:
    """Over JSON, as a worker of xdist sends it, with pairs turned into lists."""
    assert from_properties(json.loads(json.dumps(to_properties(judged)))) == judged


def test_a_verdict_is_one_property() -> None:
    """Its JSON has every field, also one that a verdict gains later."""
    ((name, told),) = to_properties(WITH)
    assert (name, [*json.loads(str(told))["verdict"]]) == (
        "judged",
        [field.name for field in fields(Verdict)],
    )


@pytest.mark.parametrize(
    "properties", [[], [("case", "x")], [("records", "a1")], [("owner", "me")]]
)
def test_other_tests_are_left_alone(properties: list[tuple[str, object]]) -> None:
    """A test with properties of its own is none of ours."""
    assert from_properties(properties) is None


def test_properties_come_in_any_company() -> None:
    """Properties that somebody else added do no harm."""
    assert from_properties([("owner", "me"), *to_properties(WITH)]) == WITH


def annotations(*told: Judged) -> list[str]:
    """Return the annotations at line 6 of a file."""
    return workflow_commands(told, "bench/bounds.toml", lambda *_: 6)


def test_failed_bound_is_an_error_at_its_line() -> None:
    """The pull request shows it beside the bound."""
    assert annotations(judged("fail", "it is so")) == [
        "::error file=bench/bounds.toml,line=6,"
        "title=mnist-dense_128%3A test_accuracy fail::it is so"
    ]


def test_open_verdict_is_a_warning_and_a_met_bound_is_nothing() -> None:
    """Nor is what could not be compared."""
    found = annotations(judged("undecided"), judged("pass"), judged("not comparable"))
    assert [line.split()[0] for line in found] == ["::warning"]


def test_text_keeps_its_signs() -> None:
    """Per cent and line ends are escaped as workflow commands want it, so none is lost."""
    (line,) = annotations(judged("fail", "30 %, once\nand: again"))
    assert line.endswith("::30 %25, once%0Aand: again")


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
