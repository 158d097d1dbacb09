"""Records that figures rest on: means, medians, machines, versions, and their digits."""

from __future__ import annotations

import math
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import MACHINE, VERSIONS, make_record

from fitting_room.analysis.trials import (
    commits,
    counted_commits,
    figure,
    machines,
    quartiles,
    settings,
    versions,
)
from fitting_room.format import decimals, with_spread


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


@pytest.mark.parametrize(
    ("spread", "places"),
    [(0.38, 1), (0.12, 2), (0.019, 3), (0.0004, 3), (12, 0), (0, 3), (None, 1)],
)
def test_decimals_follow_the_scatter(spread: float | None, places: int) -> None:
    """They are capped, and fixed where the scatter is unknown."""
    assert decimals(spread, most=3, alone=1) == places


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
