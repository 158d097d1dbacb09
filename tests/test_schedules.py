"""Schedules: rates by step, against their formulas written out here."""

from __future__ import annotations

import math

import pytest

pytestmark = pytest.mark.keras


def rates(name: str, *, steps: int, warm_up: float) -> list[float]:
    """Return the rate of each step and of one after the last, at a peak of 2."""
    from fitting_room.training import schedules

    schedule = getattr(schedules, name)(2.0, steps, warm_up)
    return [float(schedule(step)) for step in range(steps + 1)]


def test_linear_rises_from_a_tenth_and_falls_to_zero() -> None:
    """Two of ten steps go up to the peak, and eight go down in equal parts."""
    down = [2 - 0.25 * step for step in range(9)]
    assert rates("linear_to_zero", steps=10, warm_up=0.2) == pytest.approx([0.2, 1.1, *down])


def test_without_a_warm_up_the_first_step_is_the_peak() -> None:
    """Nothing rises, and the last step still learns."""
    assert rates("linear_to_zero", steps=4, warm_up=0) == pytest.approx([2, 1.5, 1, 0.5, 0])


def test_cosine_falls_along_half_a_wave() -> None:
    """Halfway it is half the peak, and a quarter of the way it is (1 + cos 45°) / 2 of it."""
    quarter = 1 + math.cos(math.pi / 4)
    expected = [2, quarter, 1, 2 - quarter, 0]
    assert rates("cosine_to_zero", steps=4, warm_up=0) == pytest.approx(expected, abs=1e-6)


def test_one_cycle_is_that_of_pytorch() -> None:
    """From 1/25 of the peak, both ways along half cosines, to 1/250,000 of it."""
    low, end = 2 / 25, 2 / 250_000
    found = rates("one_cycle", steps=6, warm_up=2 / 6)
    middles = [(low + 2) / 2, (end + 2) / 2]
    assert [found[step] for step in (0, 1, 2, 4, 6)] == pytest.approx(
        [low, middles[0], 2, middles[1], end], abs=1e-6
    )


def test_a_rate_stays_at_its_end() -> None:
    """Steps beyond the last are no reason to rise again."""
    from fitting_room.training.schedules import linear_to_zero

    assert float(linear_to_zero(2.0, 10, 0.2)(25)) == 0


@pytest.mark.parametrize("name", ["linear_to_zero", "cosine_to_zero", "one_cycle"])
def test_a_schedule_is_saved_with_its_optimizer(name: str) -> None:
    """What is read back gives the same rates."""
    import keras

    from fitting_room.training import schedules

    optimizer = keras.optimizers.SGD(getattr(schedules, name)(0.5, 20, 0.3))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again._learning_rate.get_config() == optimizer._learning_rate.get_config()


def test_recipes_know_every_schedule() -> None:
    """What a recipe may name is a function of ``training.schedules``, or no schedule at all."""
    from fitting_room.recipe import SCHEDULES
    from fitting_room.training import schedules

    assert [name for name in SCHEDULES[1:] if not callable(getattr(schedules, name, None))] == []
