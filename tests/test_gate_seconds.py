"""The judge of seconds put to the test: what is done to a race, and how that is told."""

from __future__ import annotations

import ast
import filecmp
from pathlib import Path

import pytest
from imports import ROOT
from records import PROJECT, make_record

from bench import slowdowns
from bench.slowdowns import COMPUTE, SLEEP, SLOWDOWNS, slowed
from fitting_room.cli import gate_seconds
from fitting_room.judge.timing import Race
from fitting_room.spec import Dataset
from fitting_room.studies.documents import origin_of
from fitting_room.studies.gate_blocks import UNRACED, seconds_block
from fitting_room.studies.gate_seconds import Rehearsed, Seconds, seconds


def ratio(wall: float, cpu: float = 1.0) -> Race:
    """Return a race whose head is slower by these factors, without noise."""
    return Race(
        images=4800,
        base_wall=(0.3,) * 12,
        head_wall=(0.3 * wall,) * 12,
        base_cpu=(0.5,) * 12,
        head_cpu=(0.5 * cpu,) * 12,
    )


@pytest.mark.parametrize("waste", [SLEEP, COMPUTE])
def test_a_slowed_checkout_differs_in_its_step_alone(waste: str) -> None:
    """Its training path wraps the real one, and every other file is as it was."""
    with slowed(waste) as copy:
        changed = copy / "bench" / "fitting_room" / "trial" / "fit.py"
        tree = ast.parse(changed.read_text("utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        files = [str(path.relative_to(copy)) for path in copy.rglob("*.py")]
        _, differing, absent = filecmp.cmpfiles(ROOT, copy, files, shallow=False)
    assert names.count("train") == 2
    assert (differing, absent) == ([str(changed.relative_to(copy))], [])
    assert not copy.exists()


def test_a_neighbour_is_gone_after_the_race() -> None:
    """The checkout is the real one, and the process that kept a core busy has ended."""
    started = []
    with pytest.MonkeyPatch.context() as patch:
        real = slowdowns.subprocess.Popen
        patch.setattr(
            slowdowns.subprocess,
            "Popen",
            lambda *a, **k: started.append(real(*a, **k)) or started[0],
        )
        with SLOWDOWNS["busy_neighbour"].checkout() as checkout:
            assert (checkout, started[0].poll()) == (ROOT, None)
    assert started[0].returncode is not None


@pytest.mark.parametrize(("factor", "status"), [(1.15, 0), (1.02, 1)])
def test_wrong_verdicts_are_marked_and_fail(
    factor: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What must go red and does is right; what stays green is marked, and the status is 1."""
    races = {name: ratio(factor if each.red else 1.01) for name, each in SLOWDOWNS.items()}
    monkeypatch.setattr(gate_seconds, "rehearse", lambda name, *_, **__: races[name])
    data = Dataset(name="fashion_mnist", folder="", source="", checksum="")
    monkeypatch.setattr(gate_seconds, "dataset", lambda _: data)
    assert gate_seconds.rehearse_all(PROJECT, tmp_path) == status
    out = capsys.readouterr().out
    assert out.count("✗") == 2 * status
    assert f"×{factor:.3f}" in out
    assert seconds_block(tmp_path) == out.rstrip("\n")


def document(load: float | None, **races: Race) -> Seconds:
    """Return the document of races to which nothing was done."""
    told = {name: Rehearsed(done="nothing", red=False, race=race) for name, race in races.items()}
    origin = origin_of(make_record())
    return Seconds(origin=origin, case="mnist-x", load=load, races=told)


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (0.1, "; the machine was idle: 0.1 processes wanted a core in the minute before."),
        (3.8, "; the machine was not idle: 3.8 processes wanted a core in the minute before."),
        (None, "commit 0123456789ab."),
    ],
)
def test_a_machine_that_had_load_is_not_called_idle(load: float | None, told: str) -> None:
    """What the system said of the minute before the races is told, and what it means."""
    assert seconds(document(load, unchanged=ratio(1.0))).endswith(told)


def test_head_that_is_surely_faster_shows_too() -> None:
    """The small p stands on its own side of each clock: twelve pairs have 4,096 signs."""
    row = seconds(document(None, unchanged=ratio(0.9, 1.1))).splitlines()[2]
    told = [cell.strip() for cell in row.strip("|").split("|")]
    assert told[2:8] == ["×0.900", "1", "0.00024", "×1.100", "0.00024", "1"]


def test_what_was_not_measured_says_how_to(tmp_path: Path) -> None:
    """Without a document there is no table."""
    assert seconds_block(tmp_path) == UNRACED
