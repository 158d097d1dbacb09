"""A side of ``compare``: what comes back is of its own code, however its checkout was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from checkouts import commit_all, git, write_files
from comparisons import DENSE, seeds
from imports import ROOT
from records import PROJECT

from fitting_room.cli.sides import Asked, Place, ask, check_origin, side_of
from fitting_room.errors import UserError
from fitting_room.record import Provenance
from fitting_room.store.records import Store

pytestmark = pytest.mark.usefixtures("plain_git")

UNKNOWN = "0" * 40
RECORDS = [
    replace(record, provenance=replace(record.provenance, commit=UNKNOWN)) for record in seeds(2)
]
ORIGIN = RECORDS[0].provenance

FILES = {
    "models/__init__.py": "",
    "bench/__init__.py": "",
    "bench/fitting_room/__init__.py": "",
    "bench/fitting_room/store/__init__.py": "",
    "bench/cases.py": f"CASES = {{{DENSE!r}: {{}}}}\n",
    "bench/fitting_room/store/records.py": """
class Store:
    def __init__(self, root):
        pass

    def readable(self):
        return []
""",
    "bench/fitting_room/store/key.py": f"""
import json

def why_stale(records, cases, *, root):
    return {{}}

def provenance(spec, *, root):
    return json.loads({msgspec.json.encode(ORIGIN).decode()!r})
""",
    "bench/__main__.py": """
import subprocess, sys
from pathlib import Path
head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
results = Path(sys.argv[sys.argv.index("--results") + 1])
for file in Path("made").rglob("*.json"):
    record = results / "reference" / file.relative_to("made")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(file.read_text().replace("0" * 40, head))
(results / "ran.txt").write_text(__file__)
""",
}
"""A project that trains nothing: its records are made, and name the commit of its folder."""

HOOK = """
import sys
from importlib.machinery import PathFinder

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{folder!r}]) if name in ("bench", "models") else None

sys.meta_path.insert(0, Editable)
"""
"""Finds the packages in a folder, whatever the path says."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project with its records, two folders below the top of a repository."""
    root = write_files(tmp_path.resolve() / "repository" / "sub" / "project", FILES)
    for record in RECORDS:
        Store(root / "made").put(record)
    git(root, "init", "--quiet", str(root.parents[1]))
    commit_all(root)
    return root


def decoy(folder: Path) -> Path:
    """Return a folder with other packages of the same names, as another checkout's."""
    return write_files(folder, {f"{name}/__init__.py": "1 / 0" for name in ("bench", "models")})


def subfolder(project: Path, _: pytest.MonkeyPatch) -> Path:
    """The project as it is."""
    return project


def linked(project: Path, _: pytest.MonkeyPatch) -> Path:
    """The same in a worktree of the repository."""
    top = project.parents[1]
    git(project, "worktree", "add", "--quiet", str(top.with_name("linked")))
    return top.with_name("linked") / "sub" / "project"


def submodule(project: Path, _: pytest.MonkeyPatch) -> Path:
    """The same in a submodule of another repository."""
    top = project.parents[1]
    other = top.with_name("other")
    git(project, "init", "--quiet", str(other))
    git(other, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top))
    return other / "repository" / "sub" / "project"


def misled(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, where Python and git are told to look elsewhere."""
    monkeypatch.setenv("PYTHONPATH", str(decoy(project.parents[2] / "decoy")))
    other = project.parents[2] / "foreign"
    git(project, "init", "--quiet", str(other))
    git(other, "commit", "--quiet", "--allow-empty", "-m", "foreign")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    return project


Way = Callable[[Path, pytest.MonkeyPatch], Path]


@pytest.mark.parametrize("way", [subfolder, linked, submodule, misled])
def test_a_commit_is_trained_by_its_own_code(
    way: Way, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that ran lay in the commit's checkout, and the records name the commit."""
    commit = git(project, "rev-parse", "HEAD")
    root = way(project, monkeypatch)
    side = side_of(Place(told="it", commit=commit), asked(root, tmp_path / "results"))
    assert {r.provenance.commit for r in side.facts[DENSE].records} == {commit}
    ran = Path((tmp_path / "results/compare" / commit[:12] / "ran.txt").read_text("utf-8"))
    assert ran.parts[-5:] == (commit[:12], "sub", "project", "bench", "__main__.py")
    assert not ran.exists()


def asked(root: Path, results: Path) -> Asked:
    """Return what asks for two seeds of every case."""
    return Asked(
        project=replace(PROJECT, root=root),
        results=results,
        cases=(),
        seeds=2,
        data_dir=None,
        offline=True,
        shared=True,
    )


def test_records_that_another_commit_left_are_refused(project: Path, tmp_path: Path) -> None:
    """Both commits are named, and nothing is compared."""
    commit = git(project, "rev-parse", "HEAD")
    old = replace(RECORDS[0], provenance=replace(ORIGIN, commit="1" * 40), key="5" * 64)
    Store(tmp_path / "compare" / commit[:12] / "reference").put(old)
    with pytest.raises(UserError, match=f"names commit {'1' * 40}, .* side has {commit}"):
        side_of(Place(told="it", commit=commit), asked(project, tmp_path))


def test_code_from_elsewhere_does_not_answer_for_a_side(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install that comes before every path is told, with both places."""
    hook = tmp_path / "site"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK.format(folder=str(ROOT)), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hook))
    with pytest.raises(UserError, match=f"imported {ROOT}/bench.*, not the code in {project}"):
        ask(project, "This checkout", [DENSE])


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("architecture", replace(ORIGIN, architecture_digest="a" * 64)),
        ("training path", replace(ORIGIN, training_digest="b" * 64)),
    ],
)
def test_a_record_of_other_code_is_refused(what: str, said: Provenance) -> None:
    """Digest for digest, also where the side is a checkout and the commit may be an older one."""
    with pytest.raises(UserError, match=f"names {what} [0-9a-f]+, but .* (a{{64}}|b{{64}})"):
        check_origin(RECORDS[0], said, None)
    check_origin(RECORDS[0], replace(ORIGIN, commit="2" * 40), None)
