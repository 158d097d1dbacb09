"""Stale references are told with the change that made them so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from records import make_record
from test_commit import git

from fitting_room.store.key import explain, provenance, what_changed

FILES = {
    "models/__init__.py": "",
    "models/net.py": "from models.parts import part\n\ndef net():\n    return part()\n",
    "models/parts.py": "def part():\n    return 1\n\ndef other():\n    return 2\n",
}


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, str]:
    """Return a checkout with one commit of three files, and that commit."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path, git(tmp_path, "rev-parse", "HEAD")


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
