"""The plugin acts only where it is asked to, and a report it cannot write eats no verdict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from imports import ROOT

from conftest import Bench
from fitting_room import plugin
from fitting_room.errors import UserError
from fitting_room.plugin.results import UNREPORTED, Results


def test_tests_without_an_evaluator_are_left_alone(pytester: pytest.Pytester) -> None:
    """A project whose tests judge no case sees no header, no folder and no table of the bench."""
    pytester.makepyfile("def test_sum() -> None:\n    assert 1 + 1 == 2\n")
    done = pytester.runpytest_inprocess("-p", "fitting_room.plugin")
    done.assert_outcomes(passed=1)
    assert "trials:" not in done.stdout.str()
    assert not (pytester.path / "results").exists()


TABLE = "[tool.fitting-room]\ncases = 'own:CASES'\n"
ASLEEP = ("-p", "fitting_room.entry", "-p", "no:hypothesispytest")
"""The options of an installed bench: pytest loads this by its entry point."""


def test_an_installed_bench_sleeps_where_nobody_asked_for_it(pytester: pytest.Pytester) -> None:
    """It adds no option and no fixture, prints nothing and loads two small modules."""
    pytester.makepyprojecttoml("[project]\nname = 'fitting-room-user'\nversion = '1'\n")
    pytester.makepyfile(
        """
        import sys

        def test_asleep(pytestconfig):
            tops = ("fitting_room", "keras", "matplotlib", "msgspec", "numpy", "rich", "tensorflow")
            found = {name for name in sys.modules if name.split(".")[0] in tops}
            assert "fitting_room.entry" in found
            assert not [name for name in found if name.startswith("fitting_room.plugin")]
            assert not found & {"keras", "matplotlib", "rich", "tensorflow"}
            assert pytestconfig.getoption("--tier", "none") == "none"
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "bench"))
        pytester.runpytest_subprocess(*ASLEEP).assert_outcomes(passed=1)
        shown = pytester.runpytest_subprocess(*ASLEEP, "--fixtures").stdout.str()
    # The path of a checkout may have the words in it.
    ours = r"^-+ fixtures defined from fitting_room|^(?:evaluator|hold|times)\b"
    assert re.findall(ours, shown, re.MULTILINE) == []


def test_the_entry_point_loads_nothing_that_is_slow() -> None:
    """Beside pytest, which is there already, and what Python itself has."""
    code = (
        "import pytest, sys; before = set(sys.modules); import fitting_room.entry; "
        "print(sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['fitting_room', 'fitting_room.entry']\n"


@pytest.mark.parametrize(
    ("table", "asked", "awake"),
    [("", [], False), (TABLE, [], True), ("", ["-p", "fitting_room"], True)],
)
def test_a_table_or_a_word_wakes_it(
    pytester: pytest.Pytester, table: str, asked: list[str], awake: bool
) -> None:
    """Then its options and fixtures are there, behind those of conftests."""
    pytester.makepyprojecttoml(f"[tool.other]\n{table}")
    shown = pytester.runpytest_inprocess(*ASLEEP, *asked, "--help").stdout.str()
    assert ("fitting room:" in shown, "--tier={smoke" in shown) == (awake, awake)


def test_a_slip_in_the_table_is_told_before_anything_runs(pytester: pytest.Pytester) -> None:
    """With the nearest name, and no traceback."""
    pytester.makepyprojecttoml(f"{TABLE}bound = 'b.toml'\n")
    done = pytester.runpytest_inprocess(*ASLEEP)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*has no key 'bound'. Did you mean 'bounds'*"])


@pytest.mark.parametrize("action", ["store", "store_true"])
def test_an_option_of_others_stays_theirs(pytester: pytest.Pytester, action: str) -> None:
    """The bench's is then spelt in full, says so in the help, and is read by that name alone."""
    pytester.makepyprojecttoml(TABLE)
    pytester.makeconftest(
        f"def pytest_addoption(parser): parser.addoption('--tier', action='{action}')"
    )
    pytester.makepyfile(
        """
        from fitting_room.plugin.options import option

        def test_both(pytestconfig):
            assert pytestconfig.getoption("--tier") in ("theirs", True)
            assert (option(pytestconfig, "tier"), option(pytestconfig, "fresh")) == ("full", True)
        """
    )
    theirs = "--tier=theirs" if action == "store" else "--tier"
    done = pytester.runpytest_inprocess(*ASLEEP, theirs, "--fitting-room-tier=full", "--fresh")
    done.assert_outcomes(passed=1)
    shown = " ".join(pytester.runpytest_inprocess(*ASLEEP, "--help").stdout.str().split())
    assert "(--tier is another plugin's here)" in shown


def test_every_option_is_explained_in_help(run: Bench) -> None:
    """The group is there, no option of it is without a line, and pytest shows it as its own."""
    shown = run("--help").stdout.str().split("fitting room:\n")[1].split("\n\n")[0]
    assert "--time-limit=SECONDS" in shown
    said = "exactly N seeds a case (else smoke 1, quick 1, accept 1, full 10)"
    assert said in " ".join(shown.split())
    assert re.findall(r"^  (--[\w-]+)", shown, re.MULTILINE) == [
        "--tier",
        "--seeds",
        "--epochs",
        "--device",
        "--backend",
        "--engine",
        "--ship",
        "--jobs",
        "--per-gpu",
        "--data-dir",
        "--offline",
        "--fresh",
        "--keep-models",
        "--tensorboard",
        "--time-limit",
        "--stop-early",
        "--undecided",
        "--results",
    ]


def test_workers_of_xdist_share_the_id_of_their_run() -> None:
    """What one of them trained for ``--fresh`` is fresh to the others."""
    config = SimpleNamespace(stash={plugin.RUN: "a1"})
    node = SimpleNamespace(config=config, workerinput={})
    plugin.pytest_configure_node(node)
    worker = SimpleNamespace(
        stash={}, workerinput=node.workerinput, addinivalue_line=lambda *_: None
    )
    plugin.pytest_configure(worker)  # type: ignore[arg-type]
    assert worker.stash == config.stash


def test_python_without_assertions_is_refused() -> None:
    """In a sentence, before anything is trained: tests that assert would pass whatever came."""
    command = [sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    suite = "bench/test_bench.py"
    done = subprocess.run([*command, suite], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "Run without -O" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unknown_marker_is_refused(pytester: pytest.Pytester) -> None:
    """``needs`` is declared, so that a slip in its name fails under strict markers."""
    pytester.makepyfile("import pytest\n@pytest.mark.need()\ndef test_a() -> None: ...\n")
    done = pytester.runpytest_inprocess("-p", "fitting_room.plugin", "--strict-markers")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["*'need' not found in `markers` configuration option"])


def test_a_suite_of_one_s_own_judges_any_metric(
    run: Bench, pytester: pytest.Pytester, stored: Path
) -> None:
    """A test with ``hold`` and ``needs`` is all that a suite takes to fail a case."""
    suite = pytester.makepyfile(
        """
        import pytest
        from bench.cases import CASES

        @pytest.mark.needs(trained=True)
        @pytest.mark.parametrize("case", [CASES["mnist-dense_128"]], ids=str)
        def test_own(case, hold):
            hold(case, "training_loss")
        """
    )
    bounds = pytester.path / "bounds.toml"
    bounds.write_text('[smoke]\ntraining_loss = { at_most = 1e-9, reason = "none" }\n', "utf-8")
    done = run(suite, "-k", "own", results=stored, bounds=bounds)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["mnist-dense_128 training_loss: fail: *", "*1 failed*"])


def test_the_root_conftest_loads_the_plugin_and_nothing_else() -> None:
    """``conftest.py`` names the plugin and pytest's own, and holds no code."""
    lines = (ROOT / "conftest.py").read_text("utf-8").splitlines()
    code = [line for line in lines if line and not line.startswith('"""')]
    assert code == ['pytest_plugins = ["fitting_room.plugin", "pytester"]']


def test_without_plugins_by_themselves_this_project_s_suites_are_there() -> None:
    """``PYTEST_DISABLE_PLUGIN_AUTOLOAD`` leaves those that the project names itself."""
    command = [sys.executable, "-m", "pytest", "bench/test_bench.py", "--collect-only", "-q"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "test_parameters[mnist-dense_128]" in done.stdout) == (0, True)


def test_the_warning_of_an_asyncio_plugin_is_no_error(pytester: pytest.Pytester) -> None:
    """It comes before any test, of a plugin that whoever runs this may have for other projects."""
    said = 'The configuration option "asyncio_default_fixture_loop_scope" is unset.'
    pytester.makepyfile(
        asyncio_like=f"""
        import warnings, pytest

        def pytest_configure(config):
            warnings.warn(pytest.PytestDeprecationWarning({said!r}))
        """,
        test_own="def test_own(): ...",
    )
    pytester.syspathinsert()
    settings = ("-c", ROOT / "pyproject.toml", f"--rootdir={pytester.path}")
    done = pytester.runpytest_inprocess(
        *settings, "-p", "asyncio_like", "-p", "no:cacheprovider", "test_own.py"
    )
    done.assert_outcomes(passed=1)


def test_a_part_of_the_tests_may_cover_a_part_of_the_code() -> None:
    """The share that all tests must reach is asked by tox, where all of them ran."""
    assert "fail_under" not in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("error", [UserError("the disk is full"), ValueError("a fault")])
def test_a_lost_report_eats_no_verdict(
    run: Bench, stored: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All passed, so the run is neither green, for something is missing, nor a bound that fails."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Results, "_write", fail)
    done = run("-k", "parameters and mnist-dense_128", results=stored)
    shown = done.stdout.str()
    assert done.ret == UNREPORTED
    assert "2 bounds: 2 pass" in shown
    assert "The report could not be written: " in shown
    assert str(error) in shown


def test_showing_the_plan_trains_nothing(run: Bench, tmp_path: Path) -> None:
    """``--setup-plan`` and ``--fixtures`` run no test, so none gets its trials."""
    for option in ("--setup-plan", "--fixtures"):
        run(option, "-k", "accuracy", results=tmp_path / "results")
    assert not (tmp_path / "results").exists()
