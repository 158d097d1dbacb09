"""Replay: pytest-benchmark shows what a child process measured."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import median

import pytest
from records import make_failed_record, make_record

from fitting_room.suites import ReplayClock, extra_info

SECONDS = [3.0, 2.0, 4.5, 2.5]

SUITE = f"""
    import pytest
    from fitting_room.suites import ReplayClock

    CLOCK = ReplayClock()

    @pytest.mark.benchmark(group="seconds", timer=CLOCK)
    @pytest.mark.parametrize("factor", [1, 10])
    def test_time(benchmark, factor):
        CLOCK.replay(benchmark, [factor * s for s in {SECONDS}], {{"seeds": factor}})
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with a suite that replays."""
    pytester.makepyfile(SUITE)
    return pytester


def test_table_holds_the_recorded_seconds(suite: pytest.Pytester) -> None:
    """Each duration is one round, as recorded, and extra figures stand beside them."""
    done = suite.runpytest_inprocess("--benchmark-json=times.json", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2)
    found = json.loads((suite.path / "times.json").read_text())["benchmarks"]
    assert [one["extra_info"] for one in found] == [{"seeds": 1}, {"seeds": 10}]
    for factor, one in zip((1, 10), found, strict=True):
        assert one["stats"]["data"] == pytest.approx([factor * s for s in SECONDS])
        assert one["stats"]["median"] == pytest.approx(factor * median(SECONDS))


def test_suite_passes_without_benchmarks(suite: pytest.Pytester) -> None:
    """Switched off, the fixture calls once, and that is all right."""
    suite.runpytest_inprocess("--benchmark-disable").assert_outcomes(passed=2)


def test_clock_stands_still_between_durations() -> None:
    """No real time passes for it."""
    clock = ReplayClock()
    assert clock() == clock() == 0.0


def test_figures_are_means_over_seeds() -> None:
    """Accuracy, loss and memory are averaged; counts are those of the model."""
    first = make_record(test_accuracy=0.86, test_loss=0.4, peak_memory_bytes=100)
    second = make_record(seed=1, test_accuracy=0.88, test_loss=0.3, peak_memory_bytes=None)
    assert extra_info([first, second]) == {
        "seeds": 2,
        "records": [first.key, second.key],
        "parameters": 101_770,
        "flops_per_image": 203_264,
        "test_accuracy": pytest.approx(0.87),
        "test_loss": pytest.approx(0.35),
        "peak_memory_bytes": 100,
    }


def test_figure_that_is_not_known_is_left_out() -> None:
    """Plain types only: nothing stands for what is missing."""
    unknown = replace(make_failed_record(), key="k")
    assert extra_info([unknown]) == {"seeds": 1, "records": ["k"]}
    assert json.dumps(extra_info([make_record()]))
