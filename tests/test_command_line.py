"""``python -m bench``: what it offers, and how it ends."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from imports import ROOT

from bench import __main__ as command_line
from fitting_room import cli
from fitting_room.cli import register
from fitting_room.errors import UserError

NAMES = [
    "init",
    "data",
    "calibrate",
    "exercises",
    "show",
    "predict",
    "inspect",
    "compare",
    "search",
    "claims",
    "speed",
    "gate",
    "noise",
    "remove",
    "rename",
    "plots",
    "report",
    "readme",
]


def offer(monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], int]) -> None:
    """Let there be one command, ``act``, that does what ``run`` does."""
    family = SimpleNamespace(act=run, ARGUMENTS={"act": {}})
    monkeypatch.setattr(cli, "COMMANDS", {"act": "act"})
    monkeypatch.setattr(cli, "import_module", lambda _: family)


def fail(error: BaseException) -> Callable[[argparse.Namespace], int]:
    """Return a command that raises."""

    def run(_: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize("arguments", [["destroy"], []])
def test_unknown_command_is_met_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake ends with status 2, and the commands that there are."""
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m bench [-h] COMMAND ...")


def test_help_gives_each_command_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which they are used."""
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out.split("COMMAND\n")[1].split("\n\n")[0]
    commands = re.findall(r"^ {4}(\w+)\s+(\w.+)$", text, re.MULTILINE)
    assert [name for name, _ in commands] == NAMES
    assert len(text.split()) == sum(len(f"{name} {told}".split()) for name, told in commands)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_argument_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bare ``--results RESULTS`` tells nobody what lies there."""
    with pytest.raises(SystemExit) as ended:
        command_line.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m bench {name}" in capsys.readouterr().out
    subparsers = argparse.ArgumentParser().add_subparsers()
    parser = register(subparsers, name)
    assert [action.dest for action in parser._actions if not action.help] == []


@pytest.mark.parametrize("status", [0, 1])
def test_status_is_the_command_s(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Success is 0, a finding is 1."""
    offer(monkeypatch, lambda _: status)
    assert command_line.main(["act"]) == status


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (UserError("No data. Use --data-dir."), 2, "error: No data. Use --data-dir.\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_a_user_did_has_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    told: str,
) -> None:
    """A mistake is told in a sentence, Ctrl-C in a word."""
    offer(monkeypatch, fail(error))
    assert command_line.main(["act"]) == status
    assert capsys.readouterr().err == told


def test_defect_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other error keeps its traceback."""
    offer(monkeypatch, fail(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        command_line.main(["act"])


def bench(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run ``python -m bench`` as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_mistake_in_a_name_is_told_to_the_user(tmp_path: Path) -> None:
    """From the shell too: status 2, one line, no traceback."""
    done = bench("show", "mnist-dens_128", "--results", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    told = "error: There is no case 'mnist-dens_128'. Did you mean 'mnist-dense_128'"
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1


def test_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """``| head`` closes the pipe: nothing is told, and the status is 0."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = bench("show", "--results", str(tmp_path), stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


SLOW = ("IPython", "PIL", "jinja2", "keras", "matplotlib", "numpy", "pandas", "rich", "scipy.stats")
SLOW += ("jax", "tensorflow", "torch")

LOADED = {
    ("bench", "--help"): set(),
    ("bench", "show"): {"numpy", "rich"},
    ("bench", "claims"): {"numpy", "scipy.stats"},
    # Its page of commands asks every command what it takes, one of which reads photographs.
    ("bench", "readme", "--check"): {"PIL", "numpy", "rich", "scipy.stats"},
    ("bench", "plots", "--readme", "--check"): {"numpy", "scipy.stats"},
    ("pytest", "bench/", "--co", "-q", "-p", "no:hypothesispytest"): {"numpy"},
}
"""What a person starts → the modules of ``SLOW`` that it uses."""


@pytest.mark.parametrize("command", LOADED)
def test_a_command_loads_only_what_it_uses(command: tuple[str, ...]) -> None:
    """Seconds differ from machine to machine; what is loaded takes them on every one."""
    code = (
        "import atexit, runpy, sys\n"
        f"atexit.register(lambda: print(*(name for name in {SLOW} if name in sys.modules)))\n"
        "name, *sys.argv = [sys.argv[1], *sys.argv[1:]]\n"
        "runpy.run_module(name, run_name='__main__', alter_sys=True)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert set(ran.stdout.splitlines()[-1].split()) == LOADED[command]
