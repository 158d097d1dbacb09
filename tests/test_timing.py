"""Two checkouts timed in turn, by processes that only say how long they took."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from checkouts import write_files
from trials import small

from fitting_room.errors import UserError
from fitting_room.judge.timing import ABTiming
from fitting_room.lab import process, timing
from fitting_room.lab.timing import (
    ANEW,
    CHUNK_S,
    WARM_UPS,
    Timed,
    Timer,
    time_checkouts,
    time_paths,
)
from fitting_room.machine import calibration_seconds
from fitting_room.spec import TrialSpec
from fitting_room.trial.timing import SIZE_S, SIZES, Command, Limit, matrix_rate

SPEC = small()

RUNNER = """
import json, os, sys
from pathlib import Path
answers = os.fdopen(int(sys.argv[-1]), "w", buffering=1)
json.loads(sys.stdin.readline())
checkout = str(Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]).parent)
print(json.dumps({"checkout": checkout}), file=answers)
seconds = float(Path("seconds").read_text())
limits = [5, 7]
for line in sys.stdin:
    asked = json.loads(line)
    with open("asked", "a") as file:
        print(asked["path"], asked["images"], file=file)
    if asked["path"] == "limit":
        said = {"flops_per_image": 3, "flops_per_second": limits.pop(0)}
        print(json.dumps(said), file=answers)
        continue
    wall = asked["images"] * seconds * (3 if asked["path"] == "plain" else 1)
    said = {"wall": wall, "cpu": 2 * wall}
    print(json.dumps(said), file=answers)
"""
"""Stands in for training: so many seconds an image."""


def two(folder: Path) -> list[Timed]:
    """Return two checkouts, of which head needs half as long again for an image."""
    needed = {"base": 1e-5, "head": 1.5e-5}
    files = {f"{name}/seconds": str(seconds) for name, seconds in needed.items()}
    write_files(folder, {"timing.py": RUNNER, **files})
    case = msgspec.to_builtins(SPEC.case)
    return [Timed(name=name, checkout=folder / name, case=case) for name in needed]


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Timed]:
    """Let two checkouts be timed."""
    monkeypatch.setattr(process, "CHILDREN", tmp_path)
    return two(tmp_path)


@dataclass
class Session:
    """Twelve pairs of two sides, and what was heard meanwhile."""

    sides: list[Timed]
    found: ABTiming = field(init=False)
    heard: list[tuple[int, float]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Time two sides once for all tests that look at it."""
    folder = tmp_path_factory.mktemp("session")
    session, start = Session(two(folder)), timing.started

    def noted(side: Timed, spec: TrialSpec) -> AbstractContextManager[Timer]:
        session.started.append(side.name)
        return start(side, spec)

    def listen(pair: int, ratio: float) -> None:
        session.heard.append((pair, round(ratio, 6)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "CHILDREN", folder)
        patch.setattr(timing, "started", noted)
        session.found = run(session.sides, listen=listen)
    return session


def run(sides: list[Timed], **known: Any) -> ABTiming:
    """Time two sides over twelve pairs."""
    return time_checkouts(*sides, SPEC, **{"pairs": 12, **known})


def test_both_sides_train_the_same_chunks_in_turn(session: Session) -> None:
    """Chunks are as long as they should be, alike on both sides, and their seconds are kept."""
    found = session.found
    recipe = SPEC.case.recipe
    unit = recipe.batch_size * recipe.steps_per_execution
    assert found.images % unit == 0
    assert CHUNK_S <= found.images * 1e-5 < CHUNK_S + unit * 1e-5
    asked = [(side.checkout / "asked").read_text("utf-8").splitlines() for side in session.sides]
    units, chunks = [f"recipe {unit}"] * WARM_UPS, [f"recipe {found.images}"]
    assert asked[0] == asked[1]
    assert asked[0] == [*units, *chunks * ANEW, *units, *chunks * ANEW, *units, *chunks * 2]
    assert session.heard == [(pair, 1.5) for pair in range(1, 13)]
    assert found.head_cpu == pytest.approx([3e-5 * found.images] * 12)


def test_a_process_that_is_slow_by_luck_is_not_kept(session: Session) -> None:
    """Both sides start anew for every few pairs, the other one first."""
    assert 2 * ANEW < len(session.found.base_wall) <= 3 * ANEW
    assert session.started == ["base", "head", "head", "base", "base", "head"]


def test_the_slower_side_fails(session: Session) -> None:
    """Half as long again is a slowdown; the other way round it is no failure."""
    found = session.found
    verdict = found.verdict(shared=False)
    assert (verdict.outcome, verdict.estimate) == ("fail", pytest.approx(1.5))
    turned = ABTiming(
        images=found.images,
        base_wall=found.head_wall,
        head_wall=found.base_wall,
        base_cpu=found.head_cpu,
        head_cpu=found.base_cpu,
    )
    assert turned.verdict(shared=False).outcome == "pass"


@pytest.mark.parametrize("failing", [0, 1])
def test_a_side_that_cannot_train_is_told_of(sides: list[Timed], failing: int) -> None:
    """The end of what its process said is the reason, and which side it was."""
    (sides[failing].checkout / "seconds").write_text("not a number", encoding="utf-8")
    with pytest.raises(UserError, match=f"{sides[failing].name} could not be timed: .*ValueError"):
        run(sides)


def test_code_from_elsewhere_is_not_timed(sides: list[Timed], tmp_path: Path) -> None:
    """A process that would run another checkout's code is refused."""
    other = tmp_path / "timing.py"
    other.write_text(RUNNER.replace('os.environ["PYTHONPATH"]', '"/elsewhere/x"'), encoding="utf-8")
    with pytest.raises(UserError, match="not with its own"):
        run(sides)


def test_two_paths_are_timed_in_turn_in_one_process(
    sides: list[Timed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process trains a chunk of each path that is not counted, then A B B A."""
    folder = sides[0].checkout
    monkeypatch.setattr(timing, "home", lambda: folder)
    ours, plain, limit = time_paths(SPEC, pairs=3, images=1000)
    assert (ours, plain) == (pytest.approx([0.01] * 3), pytest.approx([0.03] * 3))
    order = [line.split()[0] for line in (folder / "asked").read_text("utf-8").splitlines()]
    pairs = ("recipe", "plain", "plain", "recipe", "recipe", "plain")
    assert order == ["recipe", "plain", "limit", *pairs, "limit"]
    assert limit == Limit(flops_per_image=3, flops_per_second=7)  # the larger of 5 and 7


def test_the_calibration_step_is_the_quickest_of_several() -> None:
    """Its clock is read before and after each product and at no other time."""
    times = iter([0.0, 5.0, 5.0, 7.0, 9.0, 12.0])
    assert calibration_seconds(lambda: next(times), size=8, products=3) == 2.0
    assert next(times, None) is None


def test_the_calibration_step_is_not_repeated_once_the_quickest_agree() -> None:
    """Three within a hundredth are enough, whichever they are; slower ones do not count."""
    took = [3.0, 2.0, 5.0, 2.01, 2.02, 1.0]
    times = iter([moment for seconds in took for moment in (0.0, seconds)])
    assert calibration_seconds(lambda: next(times), size=8) == 2.0
    assert next(times) == 0.0
    assert next(times) == 1.0


@pytest.mark.keras
def test_chunks_go_on_from_where_they_were() -> None:
    """The same process trains chunk after chunk, both clocks advance, and it tells its limit."""
    from fitting_room.trial.timing import Chunk, Start, trainer

    train = trainer(Start(SPEC, ("recipe", "plain")))
    for path in ("recipe", "plain"):
        for images in (64, 128, 5_000):  # the last of them are more than there are
            chunk = train(Command(path, images))  # type: ignore[arg-type] # mypy widens the names
            assert isinstance(chunk, Chunk)
            assert chunk.wall > 0 and chunk.cpu > 0
    limit = train(Command("limit"))
    assert isinstance(limit, Limit)
    assert limit.flops_per_image == 2 * (2 * 784 * 128 + 3 * 128 * 10)
    assert 1e8 < limit.flops_per_second < 1e15
    assert "keras" in sys.modules


@pytest.mark.keras
def test_the_rate_is_that_of_the_quickest_matrix_product() -> None:
    """With a clock that counts a tenth of a second between any two looks, it is a largest one."""
    ticks = iter(range(1_000))
    found = matrix_rate("float32", lambda: SIZE_S / 3 * next(ticks))
    assert found == pytest.approx(2 * max(SIZES) ** 3 / (SIZE_S / 3))
