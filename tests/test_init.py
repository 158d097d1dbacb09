"""``fitting-room init``: what it writes is whole, and nothing that was there is lost."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from imports import ROOT
from test_commit import git

from fitting_room.cli.init import FILES, NEXT
from fitting_room.errors import UserError
from fitting_room.project import read_project

WRITTEN = sorted([*FILES, "README.md", "pyproject.toml"])
GUIDE = ROOT / "bench" / "docs" / "own-bench.md"


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``fitting-room`` in a folder, with the engine of this checkout and nothing of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}
    asked = [sys.executable, "-m", *arguments]
    return subprocess.run(asked, cwd=folder, env=environment, capture_output=True, text=True)


def files_in(folder: Path) -> dict[str, str]:
    """Return path → text of every file."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_empty_folder_becomes_a_project(tmp_path: Path) -> None:
    """It tells each file and the two commands, and a second call changes nothing."""
    done = command("fitting_room", "init", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^ {4}(.+)", done.stdout, re.MULTILINE) == list(NEXT)
    before = files_in(tmp_path)
    assert sorted(before) == WRITTEN
    again = command("fitting_room", "init", folder=tmp_path)
    assert again.stdout.count(" left: ") == len(WRITTEN)
    assert files_in(tmp_path) == before


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A table and markers are added at the end of two files, and no other is touched."""
    there = {"pyproject.toml": "[tool.other]\na = 1", "README.md": "# Mine\n"}
    there |= {"bench/cases.py": "CASES = {}\n"}
    (tmp_path / "own" / "bench").mkdir(parents=True)
    for name, text in there.items():
        (tmp_path / "own" / name).write_text(text, encoding="utf-8")
    done = command("fitting_room", "init", "own", folder=tmp_path)
    after = files_in(tmp_path / "own")
    assert "\n    cd own\n" in done.stdout
    assert sorted(after) == WRITTEN
    assert [name for name, text in there.items() if not after[name].startswith(text)] == []
    assert after["bench/cases.py"] == there["bench/cases.py"]
    found = read_project(tmp_path / "own")
    assert found and found.bounds == tmp_path / "own" / "bench" / "bounds.toml"


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    """In a sentence, with what to do."""
    (tmp_path / "bench").write_text("", encoding="utf-8")
    done = command("fitting_room", "init", folder=tmp_path)
    assert done.returncode == 2
    assert re.search(r"^error: .*/bench.* cannot be written: .*fitting-room init DIR", done.stderr)


def test_a_broken_table_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """A file that is no TOML cannot be added to."""
    (tmp_path / "pyproject.toml").write_text("[tool", encoding="utf-8")
    done = command("fitting_room", "init", folder=tmp_path)
    assert (done.returncode, sorted(files_in(tmp_path))) == (2, ["pyproject.toml"])
    with pytest.raises(UserError, match=r"pyproject\.toml: this is not valid TOML: "):
        read_project(tmp_path)


def test_the_commands_of_the_project_speak_of_it(tmp_path: Path) -> None:
    """Before it has records, each tells what to type, by the name that it was called by."""
    command("fitting_room", "init", folder=tmp_path)
    shown = command("fitting_room", "show", "digits-dense_32", folder=tmp_path)
    assert shown.stdout == "No records of digits-dense_32 under results.\n"
    readme = command("fitting_room", "readme", "README.md", folder=tmp_path)
    assert "train references: fitting-room calibrate" in readme.stderr
    asked = command("pytest", "-q", "-p", "fitting_room", "bench/", folder=tmp_path)
    assert asked.returncode == 1
    assert "`fitting-room calibrate digits-dense_32 --apply`" in asked.stdout


@pytest.mark.xdist_group("trains")
def test_its_suite_is_green_on_the_small_sample(tmp_path: Path) -> None:
    """One bound is asked of the case for each line of its table, and training meets it."""
    command("fitting_room", "init", folder=tmp_path)
    with (tmp_path / "bench" / "bounds.toml").open("a", encoding="utf-8") as file:
        file.write('[digits-dense_32]\nparameters = { exactly = 2_410, reason = "counted" }\n')
        file.write('test_accuracy = { at_least = 0.5, reason = "the aim" }\n')
    smoke = ("pytest", "-v", "-p", "fitting_room", "bench/", "--tier", "smoke")
    done = command(*smoke, folder=tmp_path)
    passed = re.findall(r"(test_bound\[.+\]) PASSED", done.stdout)
    assert passed == [f"test_bound[digits-dense_32-{m}]" for m in ("parameters", "test_accuracy")]


def lines_of_code(text: str) -> int:
    """Count the lines of a module that are neither empty nor a docstring nor a comment."""
    without = re.sub(r'"""(.|\n)*?"""', "", text)
    return sum(bool(line.strip()) and line.strip()[0] != "#" for line in without.splitlines())


def guide() -> dict[str, str]:
    """Return the files that the guide makes of those of the start: path → text.

    The first line of a block names its file; what it only adds to says so.
    """
    made = dict(FILES)
    for block in re.findall(r"```python\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        told = re.match(r"# (\S+?\.py)(, the rest)?", block)
        name, rest = told.groups() if told else ("bench/more.py", None)
        made[name] = made.get(name, "") + block if rest else block
    return made


REGISTERED = 4
"""Lines by which a task and a case of another file come into the two lists."""


def test_the_guide_counts_the_lines_that_a_user_writes() -> None:
    """Task, model and case of each of its three examples are as many as it says, and few."""
    text, files = GUIDE.read_text("utf-8"), guide()
    (tasks,) = re.findall(r"```python\n(# bench/tasks.py\n.+?)```", text, re.DOTALL)
    counted = [sum(map(lines_of_code, (tasks, FILES["bench/models.py"], FILES["bench/cases.py"])))]
    counted += [lines_of_code(files[f"bench/{name}.py"]) + REGISTERED for name in ("pets", "wine")]
    assert re.findall(r"(\d+)\s+lines", text) == [str(count) for count in counted]
    assert max(counted) <= 25


def test_the_guide_s_python_runs_in_the_project_that_it_is_about(tmp_path: Path) -> None:
    """Every file that it makes, beside those of the start."""
    command("fitting_room", "init", folder=tmp_path)
    for name, text in guide().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    modules = [name.removesuffix(".py").replace("/", ".") for name in guide() if name[-3:] == ".py"]
    program = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    (tmp_path / "all.py").write_text(program, encoding="utf-8")
    done = command("all", folder=tmp_path)
    assert (len(modules) > 6, done.stderr) == (True, "")


def strangers_data(folder: Path) -> None:
    """Write what the guide's examples read: small bytes in grey and in colour, and a table."""
    chance = np.random.default_rng(0)
    for name, shape, classes in (("digits", (8, 8), 10), ("pets", (32, 32, 3), 5)):
        labels = np.arange(400) % classes
        images = chance.integers(0, 100, (400, *shape)).astype(np.uint8)
        images[np.arange(400), labels % shape[0]] += 150
        parts = {"x_train": images[:300], "y_train": labels[:300]}
        np.savez(folder / f"{name}.npz", **parts, x_test=images[300:], y_test=labels[300:])
    rows = np.column_stack([chance.normal(size=(300, 6)), np.arange(300) % 3])
    rows[:, 0] += 3 * rows[:, -1]
    np.savetxt(folder / "wine.csv", rows, delimiter=",", header="a,b,c,d,e,f,quality", comments="")


@pytest.mark.xdist_group("trains")
@pytest.mark.usefixtures("plain_git")
def test_a_commit_is_trained_by_its_own_code_and_the_engine_that_runs(tmp_path: Path) -> None:
    """Its records are those of the folder, seed by seed, and lie where the project has them."""
    command("fitting_room", "init", folder=tmp_path)
    table = tmp_path / "pyproject.toml"
    table.write_text(table.read_text("utf-8").replace('"results"', '"kept"'), encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    first = committed(tmp_path)
    train = ("--train", "--seeds", "1", "--shared")
    done = command("fitting_room", "compare", first, *train, folder=tmp_path)
    assert (done.returncode, "**Green**" in done.stdout) == (0, True), done.stderr
    kept = tmp_path / "kept"
    shutil.copytree(kept / "compare" / first[:12] / "reference", kept / "reference")
    second = committed(tmp_path)
    done = command("fitting_room", "compare", first, second, folder=tmp_path)
    assert f"head: commit {second[:12]}; 1 case, 1 seed each" in done.stdout


def committed(folder: Path) -> str:
    """Commit everything, and return the commit."""
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "-m", "all")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.xdist_group("trains")
def test_the_guide_s_examples_go_from_arrays_to_bounds(tmp_path: Path) -> None:
    """Bytes in grey, and trained: bytes in colour, and a table without images."""
    command("fitting_room", "init", folder=tmp_path)
    for name, text in guide().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    strangers_data(tmp_path / "bench")
    names = ["pets-cnn", "wine-dense"]
    options = ["--seeds", "2", "--shared", "--jobs", "2", "--apply"]
    done = command("fitting_room", "calibrate", *names, *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    bounds = (tmp_path / "bench" / "bounds.toml").read_text("utf-8")
    assert re.findall(r"^\[([\w-]+)\]", bounds, re.MULTILINE) == ["smoke", *names]
    assert "uint8 8 × 8" in command("fitting_room", "data", "digits", folder=tmp_path).stdout
