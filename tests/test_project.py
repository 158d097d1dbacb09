"""A project tells what it trains and where its files lie; nothing is imported until it is used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import commit_all, git, write_files
from imports import ROOT
from own_projects import MEANS, TABLE, Own

from bench.__main__ import main
from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.metrics import METRICS, SHOWN
from fitting_room.project import current

CASES_OF = """
from fitting_room.spec import Case
from fitting_room.spec import Recipe

OWN = Case(task="mnist", architecture="{name}", builder="{name}:build", recipe=Recipe(epochs=1))
CASES = {{OWN.name: OWN}}
TWICE = [OWN, OWN]
NUMBER = 3
"""


def project(folder: Path, table: str, *, name: str = "") -> Path:
    """Write a project with this table, and a module of cases if it is named."""
    files = {f"{name}.py": CASES_OF.format(name=name)} if name else {}
    return write_files(folder, {"pyproject.toml": f"[tool.fitting-room]\n{table}\n", **files})


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget folders that a project put on Python's path."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_metrics", raising=False)


def test_this_project_is_found_from_any_folder_of_it() -> None:
    """Its table names the cases that its suites train."""
    found = current(ROOT / "bench" / "docs")
    assert found is current(ROOT)
    assert found.cases is CASES
    assert (found.bounds, found.results) == (ROOT / "bench" / "bounds.toml", ROOT / "results")


def test_a_nearer_table_wins_and_a_file_without_one_is_passed_over(tmp_path: Path) -> None:
    """A part of a repository may be a project, or share the table above it."""
    outer = project(tmp_path, 'cases = "a:A"')
    inner = project(tmp_path / "inner", 'cases = "b:B"')
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    roots = [current(tmp_path / name).root for name in ("inner", "plain", "none")]
    assert roots == [inner, outer, outer]


def test_what_a_table_leaves_out_has_a_default(tmp_path: Path) -> None:
    """Bounds and results lie beside the file; claims, exercises and variants there are none."""
    found = current(project(tmp_path, 'cases = "defaults_own:CASES"', name="defaults_own"))
    assert found.known == found.cases == {"mnist-defaults_own": found.case("mnist-defaults_own")}
    assert (found.bounds, found.results) == (tmp_path / "bounds.toml", tmp_path / "results")
    assert (found.claims, found.exercises, found.variants) == (None, {}, {})


def test_no_table_is_told_with_what_to_write(tmp_path: Path) -> None:
    """The lines can be pasted."""
    with pytest.raises(UserError, match=rf"in {tmp_path} or .*\n\n\[tool.fitting-room\]\ntasks = "):
        current(tmp_path)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('cases = "a:A"\nbound = "b"', "has no key 'bound'. Did you mean 'bounds'"),
        ('bounds = "b"', "needs a line cases"),
        ("cases = 3", "cases in .* cannot be 3: Expected `str`"),
        ('cases = "a"', "cases in .* cannot be 'a': Expected module:name"),
        ("cases = ", "pyproject.toml:2: this is not valid TOML"),
    ],
)
def test_a_slip_in_the_table_is_told(tmp_path: Path, table: str, said: str) -> None:
    """With the file, and what was expected."""
    with pytest.raises(UserError, match=rf"{tmp_path}/.*{said}"):
        current(project(tmp_path, table))


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("missing_own:CASES", "there is no module missing_own. Name a module that lies under"),
        ("slips_own.more:CASES", "importing it failed|there is no module slips_own.more"),
        ("slips_own:CASSES", "slips_own has no such name. Name a list"),
        ("slips_own:NUMBER", "slips_own has NUMBER there, which is no list"),
        ("needs_own:CASES", "importing it failed: No module named 'not_installed'"),
        ("slips_own:TWICE", "one of them has no name of its own. Give it one"),
    ],
)
def test_cases_that_cannot_be_imported_are_told(tmp_path: Path, cases: str, said: str) -> None:
    """When they are first asked for, with the line of the table."""
    folder = project(tmp_path, f'cases = "{cases}"', name="slips_own")
    (folder / "needs_own.py").write_text("import not_installed\n", encoding="utf-8")
    found = current(folder)
    with pytest.raises(UserError, match=f'has cases = "{cases}", but .*({said})'):
        assert found.cases


OWN_METRICS = """
from fitting_room.metrics import Metric
from fitting_room.metrics import macro_f1

F1 = Metric(name="macro_f1", better="higher", format="percent", compute=macro_f1)
METRICS = [F1]
TWICE = [F1, F1]
WRONG = [F1, 3]
"""


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("METRICS", "[]", ""),
        ("TWICE", "[]", "metrics in .* cannot be used: there is a metric macro_f1 already"),
        ("WRONG", "[]", "3 in it is no fitting_room.metrics.Metric"),
        ("F1", "[]", "own_metrics has F1 there, which is no list. Name a list of"),
        ("METRICS", '["macro_f1", "test_loss"]', ""),
        ("METRICS", '["macro_f2"]', "no column 'macro_f2' to show. Did you mean 'macro_f1'"),
        ("METRICS", '["validation_loss"]', "no column 'validation_loss' to show. "),
        ("METRICS", '["test_loss", "test_loss"]', "has 'test_loss' twice"),
        ("METRICS", '"test_loss"', "columns in .* cannot be 'test_loss': Expected `array`"),
        ("METRICS", "[3]", r"columns in .* cannot be \[3\]: Expected `str`"),
    ],
)
def test_a_project_declares_its_own_metrics_and_columns(
    tmp_path: Path, name: str, columns: str, said: str
) -> None:
    """They are known as long as it is the project at hand; columns are what a table can show."""
    table = f'cases = "a:A"\nmetrics = "own_metrics:{name}"\ncolumns = {columns}'
    folder = write_files(project(tmp_path, table), {"own_metrics.py": OWN_METRICS})
    if said:
        with pytest.raises(UserError, match=said):
            current(folder)
    else:
        assert [metric.name for metric in current(folder).metrics] == ["macro_f1"]
        assert "macro_f1" in METRICS
        assert json.loads(columns) == SHOWN
    current(ROOT)
    assert "macro_f1" not in METRICS


def test_a_command_is_that_of_the_project_it_is_called_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cases are known, this project's are not; its records are looked for in its results."""
    table = 'cases = "command_own:CASES"\nresults = "kept"'
    monkeypatch.chdir(project(tmp_path, table, name="command_own"))
    assert main(["show", "mnist-command_own"]) == 0
    assert capsys.readouterr().out == "No records of mnist-command_own under kept.\n"
    assert main(["show", "mnist-dense_128"]) == 2
    assert "Did you mean" not in capsys.readouterr().out


def test_a_suite_of_one_s_own_project_is_judged_by_its_own_bounds(
    pytester: pytest.Pytester,
) -> None:
    """Pytest takes cases and bounds from the table: one without a bound is told where to add it."""
    folder = project(
        pytester.path, 'cases = "suite_own:CASES"\nbounds = "b.toml"', name="suite_own"
    )
    (folder / "b.toml").write_text("[mnist-wrong]\n", encoding="utf-8")
    suite = """
        import pytest
        from suite_own import CASES

        @pytest.mark.needs(trained=True)
        @pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
        def test_own(case, hold):
            hold(case, "test_loss")
    """
    pytester.makepyfile(suite)
    pytester.syspathinsert()
    done = pytester.runpytest_inprocess("-p", "fitting_room.plugin", "--tier=smoke")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    told = "*/b.toml:1: ?mnist-wrong?: 'mnist-wrong' is no case. *Known: mnist-suite_own*"
    done.stderr.fnmatch_lines([told])


def test_help_imports_no_cases() -> None:
    """Neither that of the program nor that of a command waits for a project."""
    code = (
        "import sys, bench.__main__ as m\n"
        "for asked in (['--help'], ['exercises', '--help'], ['predict', '--help']):\n"
        "    try: m.main(asked)\n"
        "    except SystemExit: pass\n"
        "print(sorted({'bench.cases', 'bench.exercises', 'models'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("plain_git")
def test_a_commit_is_trained_by_its_own_code_and_the_engine_that_runs(tmp_path: Path) -> None:
    """Its records are those of the folder, seed by seed, and lie where the project has them."""
    files = {"own.py": MEANS, "pyproject.toml": f'{TABLE}results = "kept"\n'}
    own = Own(write_files(tmp_path, files))
    git(tmp_path, "init", "--quiet")
    first = commit_all(tmp_path)
    told = own.command("compare", first, "--train", "--seeds", "1", "--shared")
    assert "**Green**" in told
    kept = tmp_path / "kept"
    shutil.copytree(kept / "compare" / first[:12] / "reference", kept / "reference")
    second = commit_all(tmp_path, "--force")
    told = own.command("compare", first, second, status=1)
    assert f"head: commit {second[:12]}; 1 case, 1 seed each" in told
