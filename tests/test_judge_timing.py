"""Seconds judged against the base commit, and against a stored figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fitting_room.judge.timing import ABTiming, Pace, judge_stored, slowdown
from fitting_room.judge.verdict import Verdict

HERE = {"CPU flags": "avx512", "cores": "2", "tensorflow": "2.21"}


def paired(wall: float, cpu: float, *, pairs: int = 12, shared: bool = False) -> Verdict:
    """Judge a head that is slower by two factors, under 2 % of noise."""
    noise = np.random.default_rng(2).normal(1, 0.02, (4, pairs))
    return timed(noise[0], wall * noise[1], 2 * noise[2], 2 * cpu * noise[3], shared=shared)


def timed(*clocks: Any, shared: bool = False) -> Verdict:
    """Judge wall seconds of base and head, and their CPU seconds."""
    base_wall, head_wall, base_cpu, head_cpu = (tuple(map(float, each)) for each in clocks)
    found = ABTiming(
        images=1, base_wall=base_wall, head_wall=head_wall, base_cpu=base_cpu, head_cpu=head_cpu
    )
    return found.verdict(shared=shared)


@pytest.mark.parametrize(
    ("wall", "cpu", "outcome"),
    [(1.0, 1.0, "pass"), (1.05, 1.05, "pass"), (1.15, 1.0, "fail"), (1.15, 1.15, "fail")],
)
def test_a_slowdown_fails_on_either_clock(wall: float, cpu: float, outcome: str) -> None:
    """A sleep of 15 % shows on the wall alone and fails; 5 % do not."""
    assert paired(wall, cpu).outcome == outcome


def test_a_shared_machine_is_given_more_room() -> None:
    """15 % pass there, 30 % do not."""
    assert paired(1.15, 1.15, shared=True).outcome == "pass"
    assert paired(1.30, 1.30, shared=True).outcome == "fail"


def test_a_neighbour_slows_both_alike() -> None:
    """Interleaved chunks that double together for half of the run give no verdict of slower."""
    busy = [1.0] * 6 + [2.0] * 6
    verdict = timed(busy, busy, busy, busy)
    assert (verdict.outcome, verdict.estimate) == ("pass", 1.0)


def test_few_pairs_decide_nothing_and_a_sudden_gain_is_pointed_at() -> None:
    """Nine pairs are undecided; code twice as fast passes under suspicion."""
    assert paired(2.0, 2.0, pairs=9).outcome == "undecided"
    assert "suspiciously faster" in paired(0.5, 0.5).reason


def test_the_exact_test_has_the_p_value_of_all_signs() -> None:
    """Ten pairs all slower have one chance in 1024, equal pairs none."""
    base = [1.0] * 10
    head = [1.1 + 0.01 * i for i in range(10)]
    assert slowdown(base, head).p_value == pytest.approx(1 / 1024)
    assert slowdown(head, base).p_faster == pytest.approx(1 / 1024)
    assert slowdown(base, base).p_value == 1.0


@pytest.mark.parametrize(
    ("seconds", "outcome", "warned"), [(14, "pass", False), (16, "pass", True), (21, "fail", False)]
)
def test_a_stored_time_is_compared_in_calibration_steps(
    seconds: float, outcome: str, warned: bool
) -> None:
    """A machine twice as slow in both is no slower; beyond 1.5 warns, from 2 fails."""
    base = Pace(seconds=10, calibration=0.1, conditions=HERE)
    verdict = judge_stored(base, Pace(seconds=2 * seconds, calibration=0.2, conditions=HERE))
    assert verdict.outcome == outcome
    assert ("warning" in verdict.reason) == warned


@pytest.mark.parametrize("name", HERE)
def test_other_machines_are_not_comparable_and_the_reason_is_named(name: str) -> None:
    """One differing fact is enough, and so is one that nobody noted."""
    others = ({**HERE, name: "other"}, {k: v for k, v in HERE.items() if k != name})
    for stored in others:
        head = Pace(seconds=1, calibration=1, conditions=HERE)
        verdict = judge_stored(replace(head, conditions=stored), head)
        assert verdict.outcome == "not comparable"
        assert verdict.reason.startswith(f"{name}: {stored.get(name, 'unknown')} then")
