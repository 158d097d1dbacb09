"""The end of a run whose tests say what they like: files, terminal, CI; nothing is trained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from imports import ROOT
from junit_schema import faults

from fitting_room.store.bounds import line_of

SUITE = """
    import pytest
    from fitting_room.judge.verdict import Verdict
    from fitting_room.report.summary import Judged
    from fitting_room.report.summary import to_properties

    OUTCOMES = {"test_accuracy": "pass", "test_loss": "fail", "training_accuracy": "undecided"}

    @pytest.mark.parametrize("metric", OUTCOMES)
    def test_bound(request, metric):
        outcome = OUTCOMES[metric]
        why = "50 % & <no more>"
        verdict = Verdict(
            metric=metric, outcome=outcome, estimate=0.5, n=1, against="x", reason=why
        )
        judged = Judged(case="mnist-dense_128", records=("a1",), verdict=verdict)
        request.node.user_properties += [*to_properties(judged), ("owner", "me")]
        if outcome == "fail":
            pytest.fail("EVIDENCE", pytrace=False)

    def test_claim(request):
        request.node.user_properties += [("verdict", "reproduced"), ("published", "87.3%")]

    def test_claims(request):
        request.node.user_properties += [("tally", "59 claims: 8 exceeded and others" + "." * 60)]

    def test_crash():
        pytest.fail("no verdict", pytrace=False)

    @pytest.mark.skip
    def test_skipped():
        pass
"""
CASE = "mnist-dense_128"

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run the suite above with the plugin."""
    pytester.makepyfile(SUITE)
    files = [f'{name} = "{ROOT / "bench" / name}.toml"' for name in ("bounds", "claims")]
    known = [
        'cases = "bench.cases:CASES"',
        'tasks = "bench.tasks:TASKS"',
        'exercises = "bench.exercises:EXERCISES"',
    ]
    table = ["[tool.fitting-room]", *known, *files]
    (pytester.path / "pyproject.toml").write_text("\n".join(table), encoding="utf-8")
    plugin = ("-p", "fitting_room.plugin", "-p", "no:hypothesispytest", "--junitxml=junit.xml")
    return lambda *arguments: pytester.runpytest_inprocess(*plugin, *arguments)


def junit(folder: Path) -> ElementTree.Element:
    """Return the JUnit XML of the run."""
    return ElementTree.parse(folder / "junit.xml").getroot()


def suite_properties(folder: Path) -> dict[str, str]:
    """Return the properties of the whole suite."""
    found = junit(folder).iterfind("testsuite/properties/property")
    return {each.get("name", ""): each.get("value", "") for each in found}


def test_junit_obeys_its_schema(run: Run, pytester: pytest.Pytester) -> None:
    """Verdicts are properties of the suite: the schema has no room for them in a test.

    What others put into a test stays there, valid or not.
    """
    run()
    others = [each.get("name") for each in junit(pytester.path).iterfind(".//testcase//property")]
    assert others == ["owner"] * 3
    wrong = [fault for fault in faults(junit(pytester.path)) if "holds properties" not in fault]
    assert wrong == []
    found = suite_properties(pytester.path)
    judged = json.loads(found["test_bound[test_loss].judged"])
    assert (judged["case"], judged["records"]) == (CASE, ["a1"])
    assert judged["verdict"]["outcome"] == "fail"
    assert judged["verdict"]["reason"] == "50 % & <no more>"
    assert found["test_claim.published"] == "87.3%"


def test_older_family_has_the_verdicts_in_the_tests(run: Run, pytester: pytest.Pytester) -> None:
    """``xunit1`` has no schema, and its readers look there."""
    run("-o", "junit_family=xunit1")
    test = junit(pytester.path).find(".//testcase[@name='test_bound[test_loss]']")
    assert test is not None
    assert "judged" in [each.get("name") for each in test.iter("property")]
    assert suite_properties(pytester.path) == {}


AGAIN = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        for again in range(3):
            item._initrequest()
            item.again = again
            runtestprotocol(item, nextitem=nextitem)
        return True
"""
"""Runs each test three times, as plugins do that hope for a better outcome."""


def test_a_test_that_runs_again_counts_once(run: Run, pytester: pytest.Pytester) -> None:
    """Neither bounds nor failures nor sentences nor properties are told three times."""
    pytester.makeconftest(AGAIN)
    shown = run().stdout.str()
    assert "3 bounds: 1 fail, 1 undecided, 1 pass\n1 test failed without a verdict\n" in shown
    assert shown.count("59 claims: 8 exceeded") == 1
    found = [each.get("name") for each in junit(pytester.path).iter("property")]
    assert found.count("test_bound[test_loss].judged") == 1


def test_of_several_runs_the_last_counts(run: Run, pytester: pytest.Pytester) -> None:
    """A bound that failed first and passed then is one that passes."""
    pytester.makeconftest(AGAIN)
    path = next(pytester.path.glob("test_*.py"))
    changed = path.read_text("utf-8").replace(
        "outcome = OUTCOMES[metric]", 'outcome = "pass" if request.node.again else "fail"'
    )
    path.write_text(changed, "utf-8")
    assert "\n3 bounds: 3 pass\n" in run("--deselect", f"{path.name}::test_crash").stdout.str()


def test_failure_is_explained_once(run: Run) -> None:
    """Its evidence stands among pytest's failures; the summary has the figure, and counts.

    Colour is pytest's, and annotations are for GitHub Actions: elsewhere there is neither.
    """
    shown = run().stdout.str()
    assert "\x1b" not in shown and "::error" not in shown
    assert shown.count(": 50 % & <no more>") == 1  # of the open one, which no failure tells
    assert "\n  test_accuracy  50 % & <no more>\n" in shown
    assert "    test_loss fail: 0.5000 (n=1), bound x\n" in shown
    assert "3 bounds: 1 fail, 1 undecided, 1 pass\n1 test failed without a verdict\n" in shown


def test_what_a_suite_tells_of_all_its_tests_is_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, folded to the terminal, without a table and where nothing else is judged."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("-k", "claim").stdout.str().splitlines()
    at = lines.index("59 claims: 8 exceeded and")
    assert lines[at + 1] == "others" + "." * 60
    assert "fitting room" not in "".join(lines)
    assert not any(line.startswith("59 claims") for line in run("-qq").stdout.str().splitlines())


def test_failure_is_explained_where_pytest_does_not(run: Run) -> None:
    """With ``--tb=no`` the summary tells what is told nowhere else."""
    assert run("--tb=no").stdout.str().count(": 50 % & <no more>") == 2


def test_very_quiet_run_shows_nothing_and_writes_everything(
    run: Run, pytester: pytest.Pytester
) -> None:
    """``-qq`` leaves the terminal to pytest."""
    shown = run("-qq").stdout.str()
    assert "bounds" not in shown
    assert (pytester.path / "results" / "latest" / "summary.json").is_file()


def test_colour_is_pytest_s(run: Run) -> None:
    """There is colour where pytest has colour."""
    shown = run("--color=yes").stdout.str()
    assert re.search(r"\x1b\[3\dm\S.* +\x1b\[0m  mnist-dense_128: ", shown)


def test_actions_get_annotations_and_the_report(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under GitHub Actions a failed bound is marked in its file, and the job shows the tables."""
    summary = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOT))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    shown = run().stdout.str()
    line = line_of(ROOT / "bench" / "bounds.toml", CASE, "test_loss")
    assert f"\n::error file=bench/bounds.toml,line={line},title={CASE}%3A test_loss fail::" in shown
    report = (pytester.path / "results" / "latest" / "summary.md").read_text("utf-8")
    assert summary.read_text("utf-8") == f"{report}\n"


@pytest.mark.parametrize(
    ("width", "asked", "shown"),
    [
        ("80", [], {"Median", "Rounds"}),
        ("140", [], {"Min", "Median", "Max", "Rounds"}),
        ("200", [], {"Min", "Median", "Max", "IQR", "Rounds"}),
        ("80", ["--benchmark-columns=max"], {"Max"}),
    ],
)
def test_times_fit_the_terminal(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    width: str,
    asked: list[str],
    shown: set[str],
) -> None:
    """A narrow one has the statistics that tell most, unless others were asked for."""
    monkeypatch.setenv("COLUMNS", width)
    pytester.makepyfile("def test_time(benchmark):\n    benchmark.pedantic(lambda: None)\n")
    columns = "addopts = --benchmark-columns=min,median,max,iqr,rounds"
    pytester.makeini(f"[pytest]\n{columns}\n")
    plugin = ("-p", "fitting_room.plugin", "-p", "no:hypothesispytest")
    output = pytester.runpytest_inprocess(*plugin, *asked).stdout
    (heading,) = [line for line in output.lines if line.startswith("Name (time")]
    assert set(re.findall(r"[A-Z]\w+", heading)) - {"Name"} == shown
