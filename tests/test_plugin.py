"""The plugin in projects of others: it acts only where it is asked to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from imports import ROOT

from conftest import Bench
from fitting_room import plugin


def test_tests_without_an_evaluator_are_left_alone(pytester: pytest.Pytester) -> None:
    """A project whose tests judge no case sees no header, no folder and no table of the bench."""
    pytester.makepyfile("def test_sum() -> None:\n    assert 1 + 1 == 2\n")
    done = pytester.runpytest_inprocess("-p", "fitting_room.plugin")
    done.assert_outcomes(passed=1)
    assert "trials:" not in done.stdout.str()
    assert not (pytester.path / "results").exists()


def test_every_option_is_explained_in_help(run: Bench) -> None:
    """The group is there, and no option of it is without a line."""
    shown = run("--help").stdout.str().split("fitting room:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (--[\w-]+)", shown, re.MULTILINE) == [
        "--tier",
        "--seeds",
        "--epochs",
        "--device",
        "--backend",
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
    suite = "bench/test_parameters.py"
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
