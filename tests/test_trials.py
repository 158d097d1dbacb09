"""Trials and rows: which records count, what they come to, and with which digits."""

from __future__ import annotations

import math
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import MACHINE, VERSIONS, make_record, make_verdict

from bench.cases import CASES
from fitting_room.analysis.trials import (
    Row,
    commits,
    counted_commits,
    figure,
    machines,
    publishable,
    quartiles,
    rows,
    settings,
    versions,
)
from fitting_room.format import with_spread
from fitting_room.judge.verdict import Outcome
from fitting_room.record import Confidence, Record
from fitting_room.spec import TASKS


def test_a_figure_has_mean_and_sample_sd() -> None:
    """1, 2 and 6 have mean 3 and, with two degrees of freedom, sd √7."""
    found = figure([1, 2, 6])
    assert found is not None
    assert (found.mean, found.n) == (3, 3)
    assert found.sd == pytest.approx(math.sqrt(7))


def test_a_single_seed_has_no_sd() -> None:
    """No scatter is invented for n = 1, and nothing at all for n = 0."""
    found = figure([0.9])
    assert found is not None
    assert found.sd is None
    assert figure([]) is None


@hypothesis.settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.floats(0.01, 1e3), min_size=1, max_size=20))
def test_quartiles_are_those_of_numpy(seconds: list[float]) -> None:
    """Linear interpolation between order statistics, for one value and for many."""
    found = quartiles(seconds)
    assert found is not None
    expected = np.quantile(seconds, [0.25, 0.5, 0.75])
    assert [found.lower, found.median, found.upper] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.8685, 0.8761], "87.2 ± 0.5 (2)"),  # sd 0.537
        ([0.8931, 0.8932, 0.8945], "89.36 ± 0.08 (3)"),  # sd 0.0781
        ([0.8723], "87.2 (1)"),
        ([0.9, 0.9], "90.00 ± 0.00 (2)"),
        ([0.88, 0.8956], "88.8 ± 1.1 (2)"),  # sd 1.103
    ],
)
def test_a_mean_ends_where_its_sd_does(values: list[float], shown: str) -> None:
    """One significant digit of the sd, two where it begins with 1; worked out by hand."""
    found = figure(values)
    assert found is not None
    assert with_spread(found, scale=100, most=2, alone=1) == shown


NEWER = replace(MACHINE, cpu="Example CPU (family 2, avx2)")


def test_two_processors_of_one_machine_share_what_they_have_in_common() -> None:
    """A hypervisor gives one or the other: cores, memory and system are said once."""
    told = machines([make_record(), make_record(machine=NEWER), make_record(machine=None)])
    processors = "Example CPU (avx2) or Example CPU (family 2, avx2)"
    assert told == f"{processors}, 2 cores, 8 GiB, Linux x86_64"


def test_machines_that_differ_in_more_are_told_one_by_one() -> None:
    """Neither cores nor an accelerator are anybody else's."""
    larger = replace(NEWER, cores=64, accelerator="GPU")
    assert machines([make_record(), make_record(machine=larger)]) == (
        "Example CPU (avx2), 2 cores, 8 GiB, Linux x86_64 / "
        "Example CPU (family 2, avx2), 64 cores, 8 GiB, GPU, Linux x86_64"
    )


def test_only_the_library_that_differs_has_two_versions() -> None:
    """The others are said once."""
    newer = make_record(versions={**VERSIONS, "python": "3.12.1"})
    told = "keras 3.15.1, numpy 2.4.0, python 3.11.9 or 3.12.1, tensorflow 2.21.0"
    assert versions([make_record(), newer]) == told


def test_one_commit_is_named_and_several_are_counted() -> None:
    """Those with changes beside them are told; a page with room for it names all."""
    clean, changed = make_record(commit="a" * 40), make_record(commit="b" * 40, dirty=True)
    both = [clean, replace(clean, seconds={}), changed]
    assert counted_commits([changed]) == "commit bbbbbbbbbbbb with uncommitted changes"
    assert counted_commits(both) == "2 commits, 1 of them with uncommitted changes"
    assert commits(both) == ["aaaaaaaaaaaa", "bbbbbbbbbbbb with uncommitted changes"]


def test_a_setting_is_told_and_where_it_was_not_set() -> None:
    """Figures made under one and without it say both; without any there is nothing to say."""
    plain = make_record()
    origin = replace(plain.provenance, settings={"OMP_NUM_THREADS": "1"})
    threaded = replace(plain, provenance=origin)
    assert settings([plain, threaded]) == "OMP_NUM_THREADS=1 or unset"
    assert settings([threaded]) == "OMP_NUM_THREADS=1"
    assert settings([plain]) == ""


DENSE = "fashion_mnist-dense_128"
DIGITS = "mnist-single_conv_32"
ELSEWHERE = replace(MACHINE, cores=64)


def row_of(case: str, *records: Record, outcomes: tuple[Outcome, ...] = ()) -> Row:
    """Return the row of one case, with a verdict of each of ``outcomes``."""
    return rows([CASES[case]], records, {case: [*map(make_verdict, outcomes)]}, {})[0]


def test_accuracy_is_the_mean_over_seeds() -> None:
    """Three seeds of 87, 88 and 89 % are 88 ± 1 %, in the order of the seeds."""
    records = [make_record(seed=s, test_accuracy=0.87 + s / 100) for s in (2, 0, 1)]
    found = row_of(DENSE, *records).test_accuracy
    assert found is not None
    assert (found.mean, found.sd, found.n) == pytest.approx((0.88, 0.01, 3))
    assert found.values == pytest.approx((0.87, 0.88, 0.89))


def test_a_seed_counts_once() -> None:
    """The later of two completed records of a seed is used, by when they started."""
    old = make_record(test_accuracy=0.5, started="2026-01-01T00:00:00+00:00")
    new = make_record(test_accuracy=0.9, started="2026-01-02T00:00:00+00:00")
    found = row_of(DENSE, new, old).test_accuracy
    assert found is not None
    assert found.values == (0.9,)


def test_seconds_leave_the_first_epoch_out() -> None:
    """The median of the later epochs of 9, 2, 3 and 9, 4 seconds is 3."""
    slow_start = make_record(seed=0, training_accuracy=[0.8] * 3, epoch_seconds=[9, 2, 3])
    another = make_record(seed=1, training_accuracy=[0.8] * 2, epoch_seconds=[9, 4])
    found = row_of(DENSE, slow_start, another).seconds_per_epoch
    assert found is not None
    assert (found.median, found.lower, found.upper, found.n) == (3, 2.5, 3.5, 3)


def test_times_of_another_machine_do_not_mix() -> None:
    """Seconds come from the machine that most trials ran on, accuracies from all."""
    here = [make_record(seed=seed, epoch_seconds=[5, 2, 2, 2, 2]) for seed in (1, 2)]
    there = make_record(seed=0, epoch_seconds=[5, 1, 1, 1, 1], machine=ELSEWHERE)
    found = row_of(DENSE, there, *here)
    assert found.test_accuracy is not None
    assert found.seconds_per_epoch is not None
    assert (found.test_accuracy.n, found.seconds_per_epoch.median) == (3, 2)


def test_every_target_of_a_task_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one has epochs of its own, and both name what they are set on."""
    targets = {"training_accuracy": 0.995, "test_accuracy": 0.8}
    monkeypatch.setitem(TASKS, "mnist", replace(TASKS["mnist"], targets=targets))
    record = make_record(case=DIGITS, training_accuracy=[0.9, 0.996], test_accuracy=0.85)
    found = row_of(DIGITS, record).epochs_to_target
    assert [each.words for each in found] == ["99.5 % training accuracy", "80 % test accuracy"]
    assert [each.found.median for each in found if each.found] == [2, 1]


def test_the_calibration_error_is_of_the_seeds_that_kept_it() -> None:
    """The seeds have 80 of 90 images at 90 % right, one too few; an older record adds nothing."""
    sure = Confidence(images=(0, 90), right=(0, 80), mean=(0.0, 0.9), first=(), mistakes=())
    kept = replace(make_record(), confidence=sure)
    found = row_of(DENSE, kept, make_record(seed=1)).calibration_error
    assert found is not None
    assert (found.mean, found.n) == (pytest.approx(1 / 90), 1)


def test_memory_latency_and_throughput_have_units() -> None:
    """512 MiB at most, 1 ms an image, and 1,000 images in 20 ms are 50,000 a second."""
    found = row_of(DENSE, make_record(), make_record(seed=1, peak_memory_bytes=2**20))
    assert found.peak_memory_mib == 512
    assert found.latency_seconds == 0.001
    assert found.images_per_second == pytest.approx(50_000)


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (("pass", "pass"), "pass"),
        (("pass", "not comparable"), "pass"),
        (("not comparable",), "not comparable"),
        (("undecided", "not comparable"), "undecided"),
        (("pass", "fail", "undecided"), "fail"),
        ((), "not judged"),
    ],
)
def test_a_case_is_as_good_as_its_worst_verdict(outcomes: tuple[Outcome, ...], worst: str) -> None:
    """Fail, undecided, pass, in this order; what could not be compared counts only alone."""
    assert row_of(DENSE, make_record(), outcomes=outcomes).verdict == worst


def test_an_untrained_model_has_a_size_and_no_accuracy() -> None:
    """Zero epochs give parameters and latency alone, whatever the untrained model would score."""
    found = row_of(DENSE, make_record(epochs=0, test_accuracy=0.1))
    assert (found.parameters, found.latency_seconds) == (101_770, 0.001)
    assert (found.test_accuracy, found.flags) == (None, ())


@pytest.mark.parametrize(("sample", "flags"), [(False, ()), (True, ("sample",))])
def test_a_small_data_set_is_no_sample(sample: bool, flags: tuple[str, ...]) -> None:
    """A record of 1,500 images in batches of 32 says whether they are all that there are."""
    record = make_record(sample=sample)
    assert record.resolved
    record = replace(record, resolved=replace(record.resolved, steps_per_epoch=47))
    assert (row_of(DENSE, record).flags, publishable(record)) == (flags, not sample)
