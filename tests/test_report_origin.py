"""Where records come from, in as few words as tell it."""

from __future__ import annotations

from dataclasses import replace

from records import MACHINE, VERSIONS, make_record

from fitting_room.analysis.trials import commits, counted_commits, machines, settings, versions

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
