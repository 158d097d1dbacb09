"""``fitting-room init``: what it writes is whole, and nothing that was there is lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imports import ROOT

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
    assert "train some: fitting-room calibrate" in readme.stderr
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


def test_the_guide_counts_the_lines_that_a_user_writes() -> None:
    """Task, model and case of the start are as many as it says."""
    parts = ("tasks", "models", "cases")
    lines = [lines_of_code(FILES[f"bench/{name}.py"]) for name in parts]
    assert f"{sum(lines)} lines" in GUIDE.read_text("utf-8")


def test_the_guide_s_python_runs_in_the_project_that_it_is_about(tmp_path: Path) -> None:
    """Every block, in order, beside the files of the start."""
    command("fitting_room", "init", folder=tmp_path)
    blocks = re.findall(r"```python\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "guide.py").write_text("\n".join(blocks), encoding="utf-8")
    done = command("guide", folder=tmp_path)
    assert (len(blocks) > 3, done.stderr) == (True, "")
