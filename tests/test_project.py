"""A project tells what it trains and where its files lie; nothing is imported until it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from imports import ROOT

from bench.__main__ import main
from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.metrics import METRICS
from fitting_room.project import current
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store

NETS = """
import numpy as np
from fitting_room.spec import Recipe
from fitting_room.spec import Case
from fitting_room.spec import Task
from fitting_room.spec import Case
from fitting_room.spec import Recipe
from fitting_room.spec import Task

def load():
    labels = np.arange(4000) % 10
    images = np.random.default_rng(0).integers(0, 64, (4000, 28, 28), np.uint8)
    for image, label in zip(images, labels):
        image[2 * label : 2 * label + 4] = 255
    return images[:3000], labels[:3000], images[3000:], labels[3000:]

TASKS = {"mnist": Task(name="mnist", title="Bars", load=load, classes=tuple("0123456789"))}

def build(units):
    import keras
    inputs = keras.Input((28, 28, 1))
    hidden = keras.layers.Dense(units, activation="relu")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))

OWN = Case(
    task="mnist",
    architecture="tiny",
    builder="nets_own:build",
    arguments={"units": 8},
    recipe=Recipe(epochs=1),
)
CASES = {OWN.name: OWN}
"""
SUITE = """
import pytest
from nets_own import CASES

@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_accuracy(case, hold):
    hold(case, "test_accuracy")
"""
BOUNDS = """
[smoke]
test_accuracy = { at_least = 0.2, reason = "better than chance" }
"""

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
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f"[tool.fitting-room]\n{table}\n", encoding="utf-8")
    if name:
        (folder / f"{name}.py").write_text(CASES_OF.format(name=name), encoding="utf-8")
    return folder


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
    ("name", "said"),
    [
        ("METRICS", ""),
        ("TWICE", "metrics in .* cannot be used: there is a metric macro_f1 already"),
        ("WRONG", "3 in it is no fitting_room.metrics.Metric"),
        ("F1", "own_metrics has F1 there, which is no list. Name a list of"),
    ],
)
def test_a_project_declares_its_own_metrics(tmp_path: Path, name: str, said: str) -> None:
    """They are known as long as it is the project at hand."""
    table = f'cases = "a:A"\nmetrics = "own_metrics:{name}"'
    folder = project(tmp_path, table)
    (folder / "own_metrics.py").write_text(OWN_METRICS, encoding="utf-8")
    if said:
        with pytest.raises(UserError, match=said):
            current(folder)
    else:
        assert [metric.name for metric in current(folder).metrics] == ["macro_f1"]
        assert "macro_f1" in METRICS
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


def test_a_project_of_one_s_own_runs_an_engine_that_is_elsewhere(tmp_path: Path) -> None:
    """It trains its own code, which its commit has, and a command shows the record by that code."""
    folder = project(tmp_path / "it's ö", 'cases = "nets_own:CASES"\ntasks = "nets_own:TASKS"')
    (folder / "nets_own.py").write_text(NETS, encoding="utf-8")
    (folder / "test_nets.py").write_text(SUITE, encoding="utf-8")
    (folder / "bounds.toml").write_text(BOUNDS, encoding="utf-8")
    said = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for git in (["init", "-q"], ["add", "-A"], [*said, "commit", "-qm", "one"]):
        subprocess.run(["git", *git], cwd=folder, check=True)
    asked = ["pytest", "-p", "fitting_room", "-p", "no:cacheprovider", "--tier", "smoke"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}
    done, shown = (
        subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, env=environment, stdout=subprocess.PIPE
        )
        for command in ([*asked, "test_nets.py"], ["fitting_room", "show", "mnist-tiny", "--json"])
    )
    assert (done.returncode, shown.returncode) == (0, 0), done.stdout.decode()
    (record,) = Store(folder / "results" / "trials").readable()
    assert (record.provenance.dirty, len(record.provenance.commit or "")) == (False, 40)
    assert why_stale([record], {record.spec.case.name: record.spec.case}, root=folder) == {}
    changed = NETS.replace('"relu"', '"tanh"')
    (folder / "nets_own.py").write_text(changed, encoding="utf-8")
    stale = why_stale([record], {record.spec.case.name: record.spec.case}, root=folder)
    assert "the code of its architecture" in stale["mnist-tiny"]
