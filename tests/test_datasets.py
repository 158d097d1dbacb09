"""Where a command that trains looks for data: the option, else the variable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from imports import ROOT

from bench.__main__ import main
from bench.variants import ORIGINAL
from fitting_room import data
from fitting_room.errors import UserError

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

    monkeypatch.setattr(data, "find", nowhere)
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
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By every command that trains on whole data, and by each in the same way."""
    monkeypatch.setenv("FITTING_ROOM_DATA", variable)
    told = [command, *COMMANDS[command], "--results", str(results), "--offline", *option]
    assert main(told) == 2
    assert f"fashion_mnist is not in {folder}, offline True" in capsys.readouterr().err
