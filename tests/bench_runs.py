"""Runs of the bench in a process of their own, as a person starts them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from imports import ROOT

PATIENCE_S = 900
"""After which what a test waits for has hung, however slow and busy the machine is."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run that has ended."""

    status: int
    output: str
    errors: str
    results: Path

    @property
    def header(self) -> str:
        """The line that says how many trials there are, and what is to be done."""
        found = re.search(r"^trials: .*$", self.output, re.MULTILINE)
        return found[0] if found else ""

    @property
    def red(self) -> set[str]:
        """Names of the tests that failed, without their files."""
        return set(re.findall(r"^FAILED \S*::(\S+)", self.output, re.MULTILINE))

    @property
    def completed(self) -> list[str]:
        """Cases of the trials that it completed, in order."""
        return re.findall(r"^\[\d+/\d+\] (\S+) seed \d+: completed", self.output, re.MULTILINE)


def start(
    *arguments: str | Path, results: Path, project: Path = ROOT, covered: bool = True
) -> subprocess.Popen[str]:
    """Start ``pytest bench/ --tier smoke``; output is no terminal.

    Coverage is told nothing of a copy, whose lines would count among those of the project, nor
    where it could not write what it knows.
    """
    unwanted = ("PYTEST_",) if covered and project == ROOT else ("PYTEST_", "COVERAGE_")
    inherited = {key: v for key, v in os.environ.items() if not key.startswith(unwanted)}
    command = ["pytest", "bench", "-p", "no:cacheprovider", "--tier", "smoke", "--results", results]
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, command), *map(str, arguments)],
        cwd=project,
        env=inherited | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(run: subprocess.Popen[str], said: str, times: int = 1) -> str:
    """Read a run's output until it has said that so often, or has ended; return what was read."""
    assert run.stdout
    read = ""
    while read.count(said) < times and run.poll() is None:
        read += run.stdout.readline()
    return read


def finish(run: subprocess.Popen[str], results: Path, before: str = "") -> Run:
    """Wait for a run; ``before`` is what was read of its output already."""
    output, errors = run.communicate(timeout=PATIENCE_S)
    return Run(status=run.returncode, output=before + output, errors=errors, results=results)


def bench(*arguments: str | Path, results: Path, project: Path = ROOT) -> Run:
    """Run the bench on the sample to its end."""
    return finish(start(*arguments, results=results, project=project), results)
