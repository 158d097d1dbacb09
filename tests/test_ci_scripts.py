"""The scripts of continuous integration, with programs that only note how they were called."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from checkouts import commit_all, git, write_files
from imports import ROOT

GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
for word in "$@"; do [[ $word == body=@* ]] && cp "${word#body=@}" "$CALLS.body"; done
[[ $* == *--paginate* ]] && printf '%b' "$FOUND"
exit "$STATUS"
"""

# `python3 -m venv` makes an environment in which tox makes another, whose Python is BENCH.
PYTHON = """#!/usr/bin/env bash
mkdir -p .venv/bin .tox/bench/bin
printf '#!/usr/bin/env bash\\n' | tee .venv/bin/pip >.venv/bin/tox
printf '%s' "$BENCH" >.tox/bench/bin/python
chmod +x .venv/bin/* .tox/bench/bin/python
"""

BENCH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
while (($#)); do
    [[ $1 == --output ]] && echo '# Compared' >"$2"
    shift
done
exit "$STATUS"
"""


def run(
    script: str,
    *arguments: str,
    folder: Path,
    programs: Mapping[str, str],
    status: int = 0,
    **known: str,
) -> subprocess.CompletedProcess[str]:
    """Run a copy of a script where only ``programs`` and the system's own can be found."""
    shutil.copytree(ROOT / ".ci", folder / ".ci", dirs_exist_ok=True)
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "CALLS": str(folder / "calls"),
        "STATUS": str(status),
        "BENCH": BENCH,
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **known,
    }
    command = ["bash", str(folder / ".ci" / script), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def calls(folder: Path) -> list[str]:
    """Return how the programs were called, a line each."""
    return (folder / "calls").read_text("utf-8").splitlines()


def comment(folder: Path, text: str, **known: object) -> subprocess.CompletedProcess[str]:
    """Comment on pull request 7."""
    (folder / "report.md").write_text(text, encoding="utf-8")
    report = str(folder / "report.md")
    return run("comment", "7", report, folder=folder, programs={"gh": GH}, **{"FOUND": "", **known})  # type: ignore[arg-type]


def test_first_report_is_posted(tmp_path: Path) -> None:
    """A comment is posted if none has the marker."""
    assert comment(tmp_path, "# Compared ±\n").returncode == 0
    assert "-X POST repos/owner/name/issues/7/comments" in calls(tmp_path)[-1]
    body = (tmp_path / "calls.body").read_text("utf-8")
    assert body == "<!-- fitting-room: comparison -->\n# Compared ±\n"


def test_later_report_replaces_the_first(tmp_path: Path) -> None:
    """However many runs there are, the pull request has one comment of the bench."""
    assert comment(tmp_path, "# Compared\n", FOUND="41\\n42\\n").returncode == 0
    assert "-X PATCH repos/owner/name/issues/comments/41 " in calls(tmp_path)[-1]


def test_where_no_comment_may_be_written_nothing_fails(tmp_path: Path) -> None:
    """A fork's token is read-only; the report is in the job's summary."""
    done = comment(tmp_path, "# Compared\n", status=1)
    assert (done.returncode, "::notice::" in done.stdout) == (0, True)


def test_long_report_is_cut_between_characters(tmp_path: Path) -> None:
    """GitHub refuses a comment that is too long; what is left is still text."""
    assert comment(tmp_path, "# x" + "±" * 40_000).returncode == 0
    body = (tmp_path / "calls.body").read_text("utf-8")
    assert len(body.encode()) < 65_536
    assert body.endswith("±\n\n… cut here: the whole report is in the summary of the job.\n")


def test_comment_calls_nobody_and_moves_no_cursor(tmp_path: Path) -> None:
    """A report is made by the code of a pull request: names in it are words, and control goes."""
    assert comment(tmp_path, "# By @everybody\x1b[2J\n").returncode == 0
    body = (tmp_path / "calls.body").read_text("utf-8")
    assert body.splitlines()[1] == "# By @\u200beverybody[2J"


@pytest.mark.parametrize("kind", ["link", "binary", "none"])
def test_what_is_no_report_is_not_posted(tmp_path: Path, kind: str) -> None:
    """An artifact may hold a link to a file of the machine, or anything else."""
    report = tmp_path / "report.md"
    (tmp_path / "secret").write_text("# of the machine\n", encoding="utf-8")
    if kind == "link":
        report.symlink_to(tmp_path / "secret")
    if kind == "binary":
        report.write_bytes(b"\x7fELF\0")
    done = run("comment", "7", str(report), folder=tmp_path, programs={"gh": GH}, FOUND="")
    assert (done.returncode, (tmp_path / "calls").exists()) == (1, False)


@pytest.mark.parametrize("status", [0, 1])
def test_comparison_gates_and_is_shown(tmp_path: Path, status: int) -> None:
    """The job ends as the comparison does, and its summary has the report either way."""
    programs = {"python3": PYTHON}
    done = run("compare", "origin/main", folder=tmp_path, programs=programs, status=status)
    assert done.returncode == status, done.stderr
    assert calls(tmp_path)[0].startswith("-m bench compare origin/main --tier quick")
    assert (tmp_path / "summary.md").read_text("utf-8") == "# Compared\n"
    assert (tmp_path / "results" / "latest" / "comparison.md").is_file()


@pytest.mark.parametrize(
    ("python", "bench", "status"),
    [(PYTHON, "#!/usr/bin/env bash\nexit 2\n", 2), ("#!/usr/bin/env bash\nexit 3\n", BENCH, 3)],
    ids=["mistake in the call", "environment that cannot be made"],
)
def test_comparison_that_ends_without_a_report_says_so(
    tmp_path: Path, python: str, bench: str, status: int
) -> None:
    """No earlier report stands as if it were this run's, and there is one to comment with."""
    latest = tmp_path / "results" / "latest"
    latest.mkdir(parents=True)
    for name in ("comparison.md", "comparison.json"):
        (latest / name).write_text("of an earlier run", encoding="utf-8")
    done = run("compare", "it", folder=tmp_path, programs={"python3": python}, BENCH=bench)
    assert done.returncode == status, done.stderr
    assert [path.name for path in latest.iterdir()] == ["comparison.md"]
    report = (latest / "comparison.md").read_text("utf-8")
    assert report.startswith("# Fitting Room: no comparison\n")
    assert (tmp_path / "summary.md").read_text("utf-8") == report


def test_comparison_that_is_killed_leaves_a_report(tmp_path: Path) -> None:
    """A report is left even if no trap runs any more, as when its time is over."""
    bench = "#!/usr/bin/env bash\nkill -KILL $PPID\n"
    done = run("compare", "it", folder=tmp_path, programs={"python3": PYTHON}, BENCH=bench)
    assert done.returncode == -signal.SIGKILL
    report = tmp_path / "results" / "latest" / "comparison.md"
    assert "It ended before there was a report" in report.read_text("utf-8")


TRAINS = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case $3 in
calibrate)
    rm results/reference/old.json
    echo new | tee results/reference/new.json >>bench/bounds.toml
    ;;
readme)
    echo new | tee -a README.md results/gate.md results/pictures/new.svg >>results/pictures/old.svg
    ;;
esac
"""


def contents(folder: Path) -> dict[str, str]:
    """Return what a reader of the repository sees of references, by path."""
    parts = [folder / "README.md", *folder.glob("bench/*"), *folder.glob("results/**/*")]
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in parts if path.is_file()
    }


def test_references_become_a_patch_and_nothing_else(tmp_path: Path) -> None:
    """Another checkout becomes this one by it, old records gone; nothing is committed."""
    here, there = tmp_path / "here", tmp_path / "there"
    pages = ("README.md", "results/gate.md", "results/pictures/old.svg")
    names = ("bench/bounds.toml", "results/reference/old.json", *pages)
    write_files(here, dict.fromkeys(names, "as it was\n"))
    git(here, "init", "--quiet")
    commit_all(here)
    git(tmp_path, "clone", "-q", str(here), str(there))
    known = {"programs": {"python3": PYTHON}, "BENCH": TRAINS, "BENCH_SEEDS": "3"}
    done = run("references", "a", "b", folder=here, **known)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    first = "-m bench calibrate a b --seeds 3 --shared --apply"
    assert calls(here) == [first, "-m bench readme"]
    git(there, "apply", str(here / "references.patch"))
    assert contents(there) == contents(here)
    assert {"results/reference/new.json", "results/pictures/new.svg"} <= set(contents(there))
    assert git(here, "rev-list", "--count", "HEAD") == "1"
