"""``fitting-room init``: what it writes is whole, and nothing that was there is lost."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from checkouts import commit_all, git, write_files
from commands import call
from imports import ROOT
from own_projects import Own

from fitting_room.cli.init import FILES, NEXT
from fitting_room.errors import UserError
from fitting_room.project import read_project
from fitting_room.record import Record
from fitting_room.store.key import why_stale

WRITTEN = sorted([*FILES, "README.md", "pyproject.toml"])
GUIDE = ROOT / "bench" / "docs" / "own-bench.md"


def files_in(folder: Path) -> dict[str, str]:
    """Return path → text of every file."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def made(folder: Path) -> Own:
    """Let the command make a project of a folder."""
    assert call("init", folder) == 0
    return Own(folder)


def test_an_empty_folder_becomes_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells each file and the two commands, and a second call changes nothing."""
    told = Own(tmp_path).command("init")
    assert re.findall(r"^ {4}(.+)", told, re.MULTILINE) == list(NEXT)
    before = files_in(tmp_path)
    assert sorted(before) == WRITTEN
    made(tmp_path)
    assert capsys.readouterr().out.count(" left: ") == len(WRITTEN)
    assert files_in(tmp_path) == before


def test_what_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table and markers are added at the end of two files, and no other is touched."""
    there = {"pyproject.toml": "[tool.other]\na = 1", "README.md": "# Mine\n"}
    there |= {"bench/cases.py": "CASES = {}\n"}
    own = write_files(tmp_path / "own", there)
    monkeypatch.chdir(tmp_path)
    assert call("init", "own") == 0
    after = files_in(own)
    assert "\n    cd own\n" in capsys.readouterr().out
    assert sorted(after) == WRITTEN
    assert [name for name, text in there.items() if not after[name].startswith(text)] == []
    assert after["bench/cases.py"] == there["bench/cases.py"]
    found = read_project(own)
    assert found and found.bounds == own / "bench" / "bounds.toml"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"bench": ""}, "/bench.* cannot be written: .*fitting-room init DIR"),
        ({"pyproject.toml": "[tool"}, r"pyproject\.toml: this is not valid TOML: "),
    ],
)
def test_what_cannot_be_added_to_is_told(tmp_path: Path, there: dict[str, str], said: str) -> None:
    """A file in the place of a folder, with what to do; a broken table before any writing."""
    write_files(tmp_path, there)
    with pytest.raises(UserError, match=said):
        call("init", tmp_path)
    assert "bench" in there or files_in(tmp_path) == there


def test_the_commands_of_the_project_speak_of_it(tmp_path: Path) -> None:
    """Before it has records, each tells what to type, by the name that it was called by."""
    own = made(tmp_path)
    shown = own.command("show", "digits-dense_32")
    assert shown == "No records of digits-dense_32 under results.\n"
    told = own.command("readme", "README.md", status=2)
    assert "train references: fitting-room calibrate" in told
    asked = own.call("pytest", "-q", "-p", "fitting_room", "bench/", status=1)
    assert "`fitting-room calibrate digits-dense_32 --apply`" in asked


@pytest.mark.xdist_group("trains")
@pytest.mark.usefixtures("plain_git")
def test_its_suite_is_green_on_the_small_sample(tmp_path: Path) -> None:
    """One bound is asked of the case for each line of its table, and training meets it.

    Whatever its folder is called, the record names its commit, is shown, and is stale once the
    code of the project is another.
    """
    own = made(tmp_path / "it's ö")
    with (own.folder / "bench" / "bounds.toml").open("a", encoding="utf-8") as file:
        file.write('[digits-dense_32]\nparameters = { exactly = 2_410, reason = "counted" }\n')
        file.write('test_accuracy = { at_least = 0.5, reason = "the aim" }\n')
    git(own.folder, "init", "--quiet")
    commit = commit_all(own.folder)
    done = own.run("-v", "bench/", "--tier", "smoke")
    passed = re.findall(r"(test_bound\[.+\]) PASSED", done)
    assert passed == [f"test_bound[digits-dense_32-{m}]" for m in ("parameters", "test_accuracy")]
    own.command("show", "digits-dense_32", "--json")
    (file,) = (own.folder / "results" / "trials").rglob("seed-*.json")
    record = msgspec.json.decode(file.read_bytes(), type=Record)
    assert (record.provenance.commit, record.provenance.dirty) == (commit, False)
    known = {record.spec.case.name: record.spec.case}
    assert why_stale([record], known, root=own.folder) == {}
    models = FILES["bench/models.py"].replace('"relu"', '"tanh"')
    write_files(own.folder, {"bench/models.py": models})
    stale = why_stale([record], known, root=own.folder)
    assert "the code of its architecture" in stale["digits-dense_32"]


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
    own = made(tmp_path)
    write_files(tmp_path, guide())
    modules = [name.removesuffix(".py").replace("/", ".") for name in guide() if name[-3:] == ".py"]
    program = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    write_files(tmp_path, {"all.py": program})
    assert (len(modules) > 6, own.call("all")) == (True, "")


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
def test_the_guide_s_examples_go_from_arrays_to_bounds(tmp_path: Path) -> None:
    """Bytes in grey, and trained: bytes in colour, and a table without images."""
    own = made(tmp_path)
    write_files(tmp_path, guide())
    strangers_data(tmp_path / "bench")
    names = ["pets-cnn", "wine-dense"]
    own.command("calibrate", *names, "--seeds", "2", "--shared", "--jobs", "2", "--apply")
    bounds = (tmp_path / "bench" / "bounds.toml").read_text("utf-8")
    assert re.findall(r"^\[([\w-]+)\]", bounds, re.MULTILINE) == ["smoke", *names]
    assert "uint8 8 × 8" in own.command("data", "digits")
