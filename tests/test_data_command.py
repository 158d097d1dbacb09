"""``python -m bench data`` and the options for data."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest
from commands import Printed, call, printed, shell
from data_world import FakeSource, know, tiny, write_idx
from imports import ROOT
from rich.console import Console

from bench.variants import ORIGINAL
from fitting_room import data as data_sets
from fitting_room.cli.data import TerminalProgress
from fitting_room.data import cache_root, chosen_data_dir
from fitting_room.data.arrays import RejectedError, UnavailableError, combined
from fitting_room.errors import UserError
from fitting_room.project import read_project


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("FITTING_ROOM_DATA", raising=False)


def _run(*arguments: object) -> Printed:
    return printed("data", *arguments)


def test_each_data_set_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source, path, size, checksum and counts of every class are told of all data sets."""
    for name in ("mnist", "fashion_mnist"):
        known = know(monkeypatch, name, FakeSource(tiny(name)))
    told = _run().out
    assert "MNIST (mnist)" in told and "Fashion MNIST (fashion_mnist)" in told
    assert told.count("source    fake source") == 2
    assert combined(known.pin.checksums if known.pin else {}) in told
    assert "image     uint8 28 × 28, from 0 to 255" in told
    assert told.count("pinned    yes, and verified") == 2
    assert "training  100  100" in told


@pytest.mark.usefixtures("mnist")
def test_the_tables_fit_80_columns() -> None:
    """Only the path, which is as long as it is, may be wider."""
    lines = _run("mnist").out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("path")) <= 80


def test_what_was_tried_goes_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources that failed are told, whole and without colour, beside the table."""
    absent = FakeSource(UnavailableError("no [such] thing"), label="first")
    know(monkeypatch, "mnist", absent, FakeSource(tiny("mnist")))
    err = _run("mnist").err
    assert "mnist: first: no [such] thing\n" in err
    assert "\x1b" not in err


def test_one_failure_does_not_hide_the_other_data_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found is described before the error tells what was not."""
    know(monkeypatch, "fashion_mnist", FakeSource(RejectedError("broken")))
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    with pytest.raises(UserError, match="Fashion MNIST cannot be had"):
        call("data")
    assert "MNIST (mnist)" in capsys.readouterr().out


def test_offline_and_the_folder_reach_the_search(mnist: FakeSource, tmp_path: Path) -> None:
    """A folder is used, and with --offline no source of the network is asked."""
    folder = write_idx(tiny("mnist"), tmp_path / "mine")
    told = _run("mnist", "--offline", "--data-dir", folder).out
    assert f"source    folder {folder}" in told
    assert mnist.asked == []


def test_an_unknown_name_is_refused_before_anything_is_fetched(mnist: FakeSource) -> None:
    """A misspelt second name stops the command before the first is asked for."""
    with pytest.raises(UserError, match="no data set 'fashion'"):
        _run("mnist", "fashion")
    assert mnist.asked == []


def test_the_option_goes_before_the_variable() -> None:
    """The folder is the option's, else the variable's, else none."""
    environment = {"FITTING_ROOM_DATA": "/variable"}
    assert chosen_data_dir("/option", environment) == Path("/option")
    assert chosen_data_dir(None, environment) == Path("/variable")
    assert chosen_data_dir(None, {"FITTING_ROOM_DATA": ""}) is None


def test_on_a_terminal_a_bar_shows_the_source_and_the_bytes() -> None:
    """A console that is a terminal shows how far the download is; NO_COLOR's console no colour."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    console = Console(file=Terminal(), force_terminal=True, width=100, no_color=True)
    with TerminalProgress("mnist", console) as progress:
        progress.trying("official [download]")
        progress.received(5_000_000, 10_000_000)
    told = console.file.getvalue()
    assert "mnist: official [download]" in told
    assert "5.0/10.0 MB" in told
    assert "\x1b[3" not in told


OWN = """
import numpy as np
from fitting_room.spec import Task

def load():
    values = np.random.default_rng(0).random((40, 6, 5, 3))
    labels = np.arange(40) % 4
    return values[:24], labels[:24], values[24:] + {shift}, labels[24:]

COLOURS = Task(name="colours", title="Colours", load=load, classes=tuple("abcd"))
TASKS = {{"colours": COLOURS}}
"""


def test_a_task_of_one_s_own_is_pinned_and_verified_ever_after(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first use writes what it is known by; other data under its name is refused then."""
    table = '[tool.fitting-room]\ntasks = "{0}:TASKS"\ncases = "{0}:TASKS"\n'
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, shift in (("own_first", "0"), ("own_second", "1e-3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(table.format(name))
        (tmp_path / name / f"{name}.py").write_text(OWN.format(shift=shift))
    first, second = tmp_path / "own_first", tmp_path / "own_second"
    monkeypatch.chdir(first)
    told = printed("data", "--pin", "--write-sample", "ships", by=shell).out
    assert "pinned    no: add --pin" in told and "Colours is pinned in data.toml." in told
    assert "image     float32 6 × 5 × 3, from" in told
    assert len(list((first / "ships" / "colours").iterdir())) == 4
    read_project.cache_clear()
    assert "pinned    yes, and verified" in printed("data", "--pin", by=shell).out
    (second / "data.toml").write_text((first / "data.toml").read_text())
    shutil.rmtree(cache_root())
    monkeypatch.chdir(second)
    told = printed("data", status=2, by=shell).err
    assert "not Colours by SHA-256 of test_images" in told
    (second / "data.toml").write_text("[colours]\n")
    read_project.cache_clear()
    told = printed("data", status=2, by=shell).err
    assert "data.toml cannot be read: Object missing required field" in told


COMMANDS = {
    "calibrate": ["fashion_mnist-dense_128"],
    "exercises": ["pixels"],
    "gate": ["--runs", "100"],
    "inspect": [],
    "noise": ["fashion_mnist-dense_128"],
    "predict": [],
}


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder with the reference that ``gate`` needs, where no data is to be had."""

    def nowhere(task: str, *, data_dir: Path | None, offline: bool) -> None:
        raise UserError(f"{task} is not in {data_dir}, offline {offline}")

    monkeypatch.setattr(data_sets, "find", nowhere)
    reference = Path("reference", ORIGINAL.name)
    shutil.copytree(ROOT / "results" / reference, tmp_path / reference)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "option", "folder"),
    [("/variable", [], "/variable"), ("/variable", ["--data-dir", "/option"], "/option")],
)
def test_the_variable_is_heard_where_no_option_is_given(
    command: str,
    variable: str,
    option: list[str],
    folder: str,
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every command that trains on whole data reads it, and each in the same way."""
    monkeypatch.setenv("FITTING_ROOM_DATA", variable)
    asked = (command, *COMMANDS[command], "--results", results, "--offline", *option)
    told = printed(*asked, status=2, by=shell).err
    assert f"fashion_mnist is not in {folder}, offline True" in told
