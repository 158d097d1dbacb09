"""Two checkouts timed in turn, by processes that only say how long they took."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
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


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Timed]:
    """Two checkouts, of which head needs half as long again for an image."""
    (tmp_path / "timing.py").write_text(RUNNER, encoding="utf-8")
    monkeypatch.setattr(process, "CHILDREN", tmp_path)
    found = []
    for name, seconds in (("base", 1e-5), ("head", 1.5e-5)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "seconds").write_text(str(seconds), encoding="utf-8")
        case = msgspec.to_builtins(SPEC.case)
        found.append(Timed(name=name, checkout=folder, case=case))
    return found


def run(sides: list[Timed], **known: Any) -> ABTiming:
    """Time two sides over twelve pairs."""
    return time_checkouts(*sides, SPEC, **{"pairs": 12, **known})


def test_both_sides_train_the_same_chunks_in_turn(sides: list[Timed]) -> None:
    """Chunks are as long as they should be, alike on both sides, and their seconds are kept."""
    heard: list[tuple[int, float]] = []
    found = run(sides, listen=lambda pair, ratio: heard.append((pair, round(ratio, 6))))
    recipe = SPEC.case.recipe
    unit = recipe.batch_size * recipe.steps_per_execution
    assert found.images % unit == 0
    assert CHUNK_S <= found.images * 1e-5 < CHUNK_S + unit * 1e-5
    asked = [(side.checkout / "asked").read_text("utf-8").splitlines() for side in sides]
    units, chunks = [f"recipe {unit}"] * WARM_UPS, [f"recipe {found.images}"]
    assert asked[0] == asked[1]
    assert asked[0] == [*units, *chunks * ANEW, *units, *chunks * ANEW, *units, *chunks * 2]
    assert heard == [(pair, 1.5) for pair in range(1, 13)]
    assert found.head_cpu == pytest.approx([3e-5 * found.images] * 12)


def test_a_process_that_is_slow_by_luck_is_not_kept(
    sides: list[Timed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides start anew for every few pairs, the other one first."""
    order = []
    start = timing.started

    def noted(side: Timed, spec: TrialSpec) -> AbstractContextManager[Timer]:
        order.append(side.name)
        return start(side, spec)

    monkeypatch.setattr("fitting_room.lab.timing.started", noted)
    run(sides, pairs=2 * ANEW + 1)
    assert order == ["base", "head", "head", "base", "base", "head"]


def test_the_slower_side_fails(sides: list[Timed]) -> None:
    """Half as long again is a slowdown; the other way round it is no failure."""
    verdict = run(sides).verdict(shared=False)
    assert (verdict.outcome, verdict.estimate) == ("fail", pytest.approx(1.5))
    assert run(sides[::-1]).verdict(shared=False).outcome == "pass"


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
