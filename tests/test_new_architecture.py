"""A copy of the project in which somebody adds architectures, and breaks some."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bench_runs import Run, bench
from imports import ROOT

from bench.cases import CASES
from fitting_room.store.records import Store

FUNCTION = '''
"""The smallest classifier there is."""

import keras
from keras import layers


def linear(*, classes: int = 10) -> keras.Model:
    """Flatten and a softmax."""
    flat = [keras.Input((28, 28, 1)), layers.Flatten()]
    return keras.Sequential([*flat, layers.Dense(classes, activation="softmax")])
'''
LINES = """
    "linear": Architecture(builder="models.linear:linear", recipes={"fashion_mnist": FASHION}),
    "wild": Architecture(
        builder=DENSE, recipes={"fashion_mnist": Recipe(epochs=5, learning_rate=1e30)}
    ),
    "broken": Architecture(
        builder="models.linear:linear", arguments={"classes": -1}, recipes={"mnist": DIGITS}
    ),
"""
"""One line an architecture: a good one, one that diverges and one that cannot be built."""

OF_ACCURACY = {"test_accuracy", "test_loss", "test_training_accuracy"}


def names_of(tests: set[str], case: str) -> set[str]:
    """Return the names of a case's tests."""
    return {test.split("[")[0] for test in tests if test.endswith(f"[{case}]")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project, add three architectures, and take a filter from another."""
    project = tmp_path_factory.mktemp("project")
    for name in ("bench", "models"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    (project / "models" / "linear.py").write_text(FUNCTION, "utf-8")
    registry = project / "models" / "__init__.py"
    text = registry.read_text("utf-8").replace('\n}\n"""Name', f'{LINES}}}\n"""Name')
    registry.write_text(text.replace('{"filters": 32}', '{"filters": 31}'), "utf-8")
    return project


@pytest.fixture(scope="module")
def changed(project: Path, smoke: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the whole bench there, with what the unchanged project had stored."""
    results = tmp_path_factory.mktemp("changed")
    shutil.copytree(smoke.results / "trials", results / "trials")
    return bench(results=results, project=project)


def test_a_changed_filter_count_turns_its_own_count_red_and_nothing_else(changed: Run) -> None:
    """31 filters instead of 32 fail the exact count of that case; no published case else fails."""
    published = {test for test in changed.red if test.split("[")[1][:-1] in CASES}
    assert changed.status == 1
    assert published == {"test_parameters[fashion_mnist-cnn_32]"}
    evidence = re.search(
        r"^fashion_mnist-cnn_32 parameters: fail: .*\n.*", changed.output, re.MULTILINE
    )
    assert evidence and "113,386" in evidence[0]


def test_only_what_changed_is_trained_anew(changed: Run) -> None:
    """The untouched cases are stored still; the changed one and the added ones are not."""
    untouched = len(CASES) - 1
    began = f"trials: {untouched + 4}, {untouched} stored already, 4 to train"
    assert changed.header.startswith(began)
    assert sorted(changed.completed) == ["fashion_mnist-cnn_32", "fashion_mnist-linear"]


def test_a_new_architecture_has_its_row(changed: Run) -> None:
    """A function and a line in the registry are enough to be trained and tabulated."""
    tables = (changed.results / "latest" / "summary.md").read_text("utf-8")
    row = next(line for line in tables.splitlines() if line.startswith("| linear "))
    assert f"{784 * 10 + 10:,}" in row
    assert list(Store(changed.results / "trials").root.glob("fashion_mnist-linear/seed-000-*"))


def test_a_new_architecture_fails_until_it_has_bounds(changed: Run, project: Path) -> None:
    """The failure says which lines to add, and with these in place it passes, from the store."""
    assert names_of(changed.red, "fashion_mnist-linear") == {"test_parameters"}
    advice = r"^fashion_mnist-linear has no bounds\. .*?\n\n(.*?)\n\n"
    said = re.search(advice, changed.output, re.MULTILINE | re.DOTALL)
    assert said
    assert "exactly = 7_850," in said[1]
    with (project / "bench" / "bounds.toml").open("a", encoding="utf-8") as bounds:
        bounds.write(f"\n{said[1]}\n")
    again = bench("-k", "linear", results=changed.results, project=project)
    assert (again.status, again.red, again.completed) == (0, set(), [])
    assert "nothing to train" in again.header


def test_a_diverged_trial_fails_with_a_sentence(changed: Run) -> None:
    """A loss that is no number fails what rests on it, tells so, and shows no traceback."""
    assert names_of(changed.red, "fashion_mnist-wild") >= OF_ACCURACY
    said = r"^fashion_mnist-wild test_accuracy: fail: .*(\n  .*)*diverged"
    assert re.search(said, changed.output, re.MULTILINE)
    (record,) = Store(changed.results / "trials").root.glob("fashion_mnist-wild/*-diverged.json")
    assert record.stat().st_size > 500


def test_a_builder_that_raises_fails_with_its_error(changed: Run) -> None:
    """All tests of such a case fail, each with the error and the place of the record."""
    said = r"^mnist-broken, seed 0: crashed, ValueError: .*-1.* Its record is in .*broken\."
    assert names_of(changed.red, "mnist-broken") >= {*OF_ACCURACY, "test_parameters"}
    assert re.search(said, changed.output, re.MULTILINE | re.DOTALL)
    assert list(changed.results.glob("trials/mnist-broken/*-crashed.json"))


def test_no_failure_shows_the_inside_of_the_harness(changed: Run) -> None:
    """Neither a traceback nor a line of the bench's own code is among what failed."""
    assert "Traceback" not in changed.output
    assert not re.search(r"^bench/fitting_room/.*: in ", changed.output, re.MULTILINE)
    assert changed.errors == ""
