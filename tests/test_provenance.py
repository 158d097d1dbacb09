"""The code that would make a record, and the change that made a stored one stale."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from checkouts import commit_all, git, write_files
from imports import ROOT
from records import make_record
from test_commit import distrust

from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.machine import settings
from fitting_room.record import Record
from fitting_room.store.digest import Sources
from fitting_room.store.key import TRAINING_PATH, explain, provenance, what_changed, why_stale
from fitting_room.store.records import Store

pytestmark = pytest.mark.usefixtures("plain_git")

RECORD = make_record()
SPEC = RECORD.spec
CASE, RECIPE = SPEC.case, SPEC.case.recipe


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the code that a trial of the spec would run."""
    for source in (*(ROOT / "models").glob("*.py"), *(ROOT / "bench/fitting_room").rglob("*.py")):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    return tmp_path


def test_origin_outside_git_has_no_commit(checkout: Path) -> None:
    """Without a checkout commit and dirty are unknown, and the digests are there all the same."""
    origin = provenance(SPEC, root=checkout)
    assert (origin.commit, origin.dirty) == (None, None)
    assert len(origin.architecture_digest) == len(origin.training_digest) == 64


def test_origin_has_the_settings_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes a result is part of what made it; what only concerns Keras is kept out."""
    for name in settings(os.environ):
        monkeypatch.delenv(name)
    assert provenance(SPEC, root=ROOT).settings == {}
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    assert provenance(SPEC, root=ROOT).settings == {"TF_ENABLE_ONEDNN_OPTS": "0"}


@pytest.mark.parametrize("dirty", [False, True])
def test_origin_names_the_commit_and_whether_it_is_dirty(checkout: Path, dirty: bool) -> None:
    """An uncommitted file of code makes a checkout dirty, and a new record does not."""
    git(checkout, "init", "--quiet")
    commit = commit_all(checkout)
    (checkout / "record.json").touch()
    if dirty:
        (checkout / "models" / "new.py").touch()
    origin = provenance(SPEC, root=checkout)
    assert (origin.commit, origin.dirty) == (commit, dirty)


@pytest.mark.parametrize("untracked", ["models/dense.py", "bench/fitting_room/trial/measure.py"])
def test_code_that_is_in_no_commit_has_none(checkout: Path, untracked: str) -> None:
    """A commit that lacks a file that runs is not the one that ran."""
    git(checkout, "init", "--quiet")
    commit_all(checkout, ".", f":!{untracked}")
    origin = provenance(SPEC, root=checkout)
    assert (origin.commit, origin.dirty) == (None, True)


def test_a_checkout_that_git_refuses_is_told_and_has_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container that mounts another user's checkout still trains, and says what is missing."""
    git(checkout, "init", "--quiet")
    distrust(checkout, monkeypatch)
    assert provenance(SPEC, root=checkout).commit is None
    assert "Records will name no commit. Git does not read the" in capsys.readouterr().err


def test_machine_without_git_has_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing git program is no error."""
    monkeypatch.setenv("PATH", "")
    assert provenance(SPEC, root=checkout).commit is None


@pytest.mark.parametrize("builder", ["models.dense:dens", "models.dens:dense", "models.dense"])
def test_builder_that_is_not_there_is_told(builder: str) -> None:
    """A slip in the registry names the case, the builder and what was expected."""
    spec = replace(SPEC, case=replace(CASE, builder=builder))
    with pytest.raises(UserError, match=rf"{CASE.name}, '{builder}'.*Expected module:function"):
        provenance(spec, root=ROOT)


def test_builder_with_a_slip_in_its_syntax_is_told(checkout: Path) -> None:
    """A file that is no Python raises no traceback."""
    (checkout / "models/dense.py").write_text("def dense(:\n")
    with pytest.raises(UserError, match="cannot be read: invalid syntax"):
        provenance(SPEC, root=checkout)


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a change of one file."""

    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


def record_of(root: Path) -> Record:
    """Return a record that the code under ``root`` would make."""
    return replace(RECORD, provenance=provenance(SPEC, root=root))


def test_record_of_this_code_is_fresh(checkout: Path) -> None:
    """Nothing is stale where nothing changed, nor is the record of a case that is gone."""
    record = record_of(checkout)
    assert why_stale([record], {CASE.name: CASE}, root=checkout) == {}
    assert why_stale([record], {}, root=checkout) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            edit("models/dense.py", '"relu"', '"tanh"'),
            "the code of its architecture, models/dense.py: dense,",
        ),
        (
            edit("bench/fitting_room/trial/measure.py", "1e-7", "1e-6"),
            "the code of the training path",
        ),
    ],
)
def test_record_of_other_code_is_stale(
    checkout: Path, change: Callable[[Path], None], reason: str
) -> None:
    """The reason says which code changed."""
    record = record_of(checkout)
    change(checkout)
    found = why_stale([record], {CASE.name: CASE}, root=checkout)
    assert found == {CASE.name: f"{reason} changed since"}


def test_record_of_another_recipe_is_stale(checkout: Path) -> None:
    """A case whose recipe is another has no record yet."""
    now = replace(CASE, recipe=replace(RECIPE, epochs=6))
    found = why_stale([record_of(checkout)], {CASE.name: now}, root=checkout)
    assert found == {CASE.name: "its arguments or its recipe changed since"}


TUNED = replace(CASE, recipe=replace(RECIPE, schedule="one_cycle", flip="random"))


@pytest.mark.parametrize(
    ("changed", "old", "stale"),
    [
        ("training/schedules.py", "return ", {TUNED.name}),
        ("trial/fit.py", '"beta", ', {TUNED.name}),
        ("trial/fit.py", "monitor=", set()),
        ("training/losses.py", "return ", set()),
    ],
)
def test_code_that_only_tuned_recipes_go_through_retires_theirs_alone(
    checkout: Path, changed: str, old: str, stale: set[str]
) -> None:
    """A plain record outlives changes of it, and a tuned one those of pieces it does not use."""
    plain = replace(CASE, architecture="plain")
    cases = {case.name: case for case in (plain, TUNED)}
    records = [
        replace(RECORD, spec=spec, provenance=provenance(spec, root=checkout))
        for spec in (replace(SPEC, case=case) for case in cases.values())
    ]
    edit(f"bench/fitting_room/{changed}", old, f"{old}None or ")(checkout)
    assert set(why_stale(records, cases, root=checkout)) == stale


def test_committed_references_are_of_this_code() -> None:
    """None of the records that bounds and tables rest on is stale."""
    records = list(Store(ROOT / "results" / "reference").all())
    assert why_stale(records, CASES, root=ROOT) == {}


def test_every_name_of_the_training_path_is_there() -> None:
    """No name of the training path is a leftover."""
    assert Sources(ROOT).digest(TRAINING_PATH)


FILES = {
    "bench/__init__.py": "",
    "models/__init__.py": "",
    "models/net.py": "from models.parts import part\n\ndef net():\n    return part()\n",
    "models/parts.py": "def part():\n    return 1\n\ndef other():\n    return 2\n",
}


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, str]:
    """Return a checkout with one commit of a few files, and that commit."""
    git(tmp_path, "init", "--quiet")
    return tmp_path, commit_all(write_files(tmp_path, FILES))


def test_the_changed_definition_is_named(history: tuple[Path, str]) -> None:
    """What the architecture reaches is told with its file; what it does not reach is not."""
    root, commit = history
    parts = root / "models/parts.py"
    parts.write_text(FILES["models/parts.py"].replace("return 1", "return 3").replace("2", "9"))
    changed = what_changed(["models.net:net"], commit=commit, root=root)
    assert changed == "part in models/parts.py"


def test_nothing_changed_is_nothing_told(history: tuple[Path, str]) -> None:
    """A change of a comment is none."""
    root, commit = history
    (root / "models/net.py").write_text(f"# why\n{FILES['models/net.py']}")
    assert what_changed(["models.net:net"], commit=commit, root=root) == ""


@pytest.mark.parametrize("commit", [None, "0" * 40])
def test_unknown_commit_tells_nothing(history: tuple[Path, str], commit: str | None) -> None:
    """A record made elsewhere, or in a history that is not here, is stale all the same."""
    assert what_changed(["models.net:net"], commit=commit, root=history[0]) == ""


def test_changed_recipe_is_told_field_by_field() -> None:
    """Old and new value stand beside each other."""
    record = make_record()
    case = record.spec.case
    now = replace(case, recipe=replace(case.recipe, learning_rate=0.01))
    root = Path(__file__).parents[1]
    origin = provenance(record.spec, root=root)
    found = explain([replace(record, provenance=origin)], {case.name: now}, root=root)
    assert found[case.name].endswith("changed since: learning_rate 0.001 → 0.01")
