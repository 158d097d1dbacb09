"""The estimate: how long trials will take here, by those that ran here or elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from records import make_failed_record, make_record

from bench.cases import CASES
from fitting_room.lab import estimate as module
from fitting_room.lab.estimate import Remaining, estimate, forecast, warnings
from fitting_room.lab.probe import Emulated
from fitting_room.machine import this_machine
from fitting_room.record import Record

DIGITS = CASES["mnist-single_conv_32"]
HERE = this_machine()


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a calibration step take 0.4 s here."""
    monkeypatch.setattr(module, "_calibration", lambda: 0.4)
    monkeypatch.setattr(module, "emulation", lambda *_, **__: None)
    yield


def timed_record(*, seconds: float = 2.0, total: float = 20.0, **known: object) -> Record:
    """Return a record whose epochs took ``seconds``, 0.2 s of scoring each not counted."""
    record = make_record(epoch_seconds=[seconds] * 10, **known)  # type: ignore[arg-type]
    spent = {"train": seconds * len(record.epochs), "evaluate": 0.2 * len(record.epochs)}
    return replace(record, seconds={"total": total, **spent})


def test_estimate_is_what_the_same_trial_took() -> None:
    """Five epochs of 2.2 s and 9 s around them took 20 s, and will again; no trial takes none."""
    record = timed_record(seconds=2.0, total=20.0)
    assert estimate([record.spec] * 3, [record]) == pytest.approx(60.0)
    assert estimate([], []) == 0.0


def test_estimate_goes_by_the_median() -> None:
    """One trial on a busy machine does not spoil it."""
    records = [timed_record(total=total) for total in (20.0, 21.0, 500.0)]
    assert estimate([records[0].spec], records) == pytest.approx(21.0)


def test_estimate_follows_the_number_of_epochs() -> None:
    """Ten epochs are twice the time of five, and none are what lies around them."""
    record = timed_record(seconds=2.0, total=20.0)
    longer, none = (replace(record.spec, epochs=epochs) for epochs in (10, 0))
    assert estimate([longer], [record]) == pytest.approx(9 + 10 * 2.2)
    assert estimate([none], [record]) == pytest.approx(9)


def test_case_that_stopped_early_will_stop_as_early() -> None:
    """Six of ten epochs ran: the estimate is for six."""
    early = timed_record(case=DIGITS.name, training_accuracy=[0.9] * 6, total=20.0)
    assert estimate([early.spec], [early]) == pytest.approx(20.0)


def test_override_is_no_early_stop() -> None:
    """One epoch was asked for and ran: five will take five times as long."""
    short = timed_record(epochs=1, seconds=2.0, total=11.2)
    whole = replace(short.spec, epochs=5)
    assert estimate([whole], [short]) == pytest.approx(9 + 5 * 2.2)


@pytest.mark.parametrize(
    "other",
    [
        make_record(case=DIGITS.name),
        make_record(device="gpu"),
        make_failed_record(),
        make_record(training_accuracy=[]),
    ],
)
def test_other_trials_tell_nothing(other: Record) -> None:
    """Another case or device, a failed trial, or one untrained is no guide."""
    spec = make_record().spec
    assert estimate([spec], [other]) is None
    assert forecast([spec], [other]) == "time known after the first epoch"


def test_untrained_record_tells_how_long_building_takes() -> None:
    """A record without epochs is a guide to a spec without epochs."""
    built = replace(make_record(training_accuracy=[], epochs=0), seconds={"total": 7.0})
    assert estimate([built.spec], [built]) == 7.0


def test_seconds_of_another_machine_are_scaled_by_the_calibration_step() -> None:
    """A trial takes four times as long if a step does; what ran here is not scaled."""
    there = replace(timed_record(total=20.0), calibration_seconds=0.1)
    here = replace(timed_record(total=31.0), machine=HERE)
    assert estimate([there.spec], [there]) == pytest.approx(80.0)
    assert estimate([there.spec], [there, here]) == pytest.approx(31.0)
    assert forecast([there.spec] * 2, [there]) == "about 3 min"


def test_trials_that_ran_at_both_tell_more_than_the_step() -> None:
    """One case took thrice its reference's seconds, so another of the same precision will."""
    names = ("mnist-single_conv_32", "mnist-dense_128")
    digits, dense = (
        replace(timed_record(case=name, seconds=2.0, total=20.0), calibration_seconds=0.1)
        for name in names
    )
    both = replace(timed_record(case=names[0], seconds=6.4, total=60.0), machine=HERE)
    unscaled = estimate([dense.spec], [replace(dense, calibration_seconds=None)])
    ratio = 3 * (unscaled or 0)
    assert estimate([dense.spec], [digits, dense, both]) == pytest.approx(ratio, rel=0.01)


def test_other_data_are_scaled_by_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the images takes a tenth of an epoch's seconds, and all that lies around them."""
    whole = timed_record(seconds=2.0, total=20.0)
    sample = make_record(sample=True).spec
    monkeypatch.setattr(module, "_images", lambda _: 6_000)
    assert estimate([sample], [whole]) == pytest.approx(9 + 5 * 0.22, rel=1e-3)
    monkeypatch.undo()
    assert estimate([sample], [whole]) is not None  # whose folder is gone


def test_each_trial_that_ends_tells_more_about_the_others() -> None:
    """The first of three seeds that never ran anywhere tells what the other two will take."""
    first = replace(timed_record(total=20.0), machine=HERE)
    remaining = Remaining([replace(first.spec, seed=seed) for seed in range(3)], [])
    assert estimate(remaining.specs, remaining.known) is None
    assert remaining.after(first) == pytest.approx(40.0)
    assert [spec.seed for spec in remaining.specs] == [1, 2]


@pytest.mark.parametrize(
    ("times", "time"), [(10.0, "; 2 trials will take about 27 min"), (math.inf, "")]
)
def test_an_emulated_precision_is_told_with_its_time(
    monkeypatch: pytest.MonkeyPatch, times: float, time: str
) -> None:
    """Four times as slow by the calibration step and ten by the type: 40 times its seconds."""
    emulated = Emulated(kind="bfloat16", times=times)
    monkeypatch.setattr(module, "emulation", lambda *_, **__: emulated)
    record = replace(timed_record(total=20.0), calibration_seconds=0.1)
    (line,) = warnings([record.spec] * 2, [record])
    assert line == f"{record.spec.case.name}: {emulated.words}{time}"
    assert warnings([record.spec], []) == [f"{record.spec.case.name}: {emulated.words}"]
