"""The sides of a comparison: what records say of their cases, and which cases are a pair."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import MACHINE, VERSIONS, make_failed_record, make_record

from bench.cases import CASES
from fitting_room.analysis.sides import Facts, Side, facts_of, match
from fitting_room.record import Record

DENSE = "fashion_mnist-dense_128"


def facts(*records: Record) -> Facts:
    """Return what records of one case say."""
    (found,) = facts_of(records).values()
    return found


def test_seeds_are_in_order_and_the_lost_are_counted() -> None:
    """One value a seed, the last started one; diverged seeds are lost, accidents are told of."""
    records = [
        make_record(seed=2, test_accuracy=0.86),
        make_record(seed=0, test_accuracy=0.85),
        make_record(seed=0, test_accuracy=0.87, started="2026-03-02T12:00:00+00:00"),
        make_record(seed=1, outcome="diverged", test_accuracy=None),
        make_failed_record(seed=3),
    ]
    found = facts(*records)
    assert found.samples["test_accuracy"].values == (0.87, 0.86)
    assert (found.samples["test_accuracy"].diverged, len(found.records)) == (1, 3)
    assert found.notes == (f"{DENSE}: left out: 1 crashed",)


def test_records_of_other_code_are_left_out() -> None:
    """Two codes do not mix into one sample: the one that ran last counts."""
    old = [make_record(seed=seed) for seed in range(3)]
    origin = replace(old[0].provenance, training_digest="f" * 64)
    new = replace(make_record(started="2026-04-01T12:00:00+00:00"), provenance=origin)
    found = facts(*old, new)
    assert found.records == (new,)
    assert found.notes[0].endswith("3 of other code, data or versions than the last one's")


def test_records_with_an_order_of_their_own_are_no_seeds() -> None:
    """What was trained to find where the noise comes from is no sample of the case."""
    record = make_record()
    other = replace(record, spec=replace(record.spec, order_seed=3))
    assert facts(record, other).records == (record,)


def test_the_pace_is_that_of_one_that_ran_alone() -> None:
    """The quickest epoch but the first, of the middle record, with its calibration step."""
    timed = [
        replace(
            make_record(seed=seed, epoch_seconds=[9.0, second, second + 1, 5.0, 6.0]),
            calibration_seconds=0.1,
        )
        for seed, second in enumerate((3.0, 2.0, 4.0))
    ]
    shared = replace(timed[1], spec=replace(timed[1].spec, seed=9, alone=False))
    pace = facts(*timed, shared).pace
    assert pace
    assert (pace.seconds, pace.calibration) == (3.0, 0.1)
    assert pace.conditions["cpu"] == MACHINE.cpu
    assert pace.conditions["tensorflow"] == VERSIONS["tensorflow"]
    assert "python" not in pace.conditions
    assert facts(shared).pace is None


def test_a_name_is_no_part_of_the_identity() -> None:
    """Another name keeps it, another argument does not."""
    case = CASES[DENSE]
    renamed = replace(case, architecture="dense_a")
    other = replace(case, arguments={"units": 129})
    found = [facts(make_record(case=each)).identity for each in (case, renamed, other)]
    assert found[0] == found[1] != found[2]


def side(*cases: str, known: set[str] | None = None, **identities: str) -> Side:
    """Return a side that knows of some cases no more than their names and identities."""
    names = [*cases, *identities]
    found = {name: Facts(case=name, identity=identities.get(name)) for name in names}
    return Side(told="a side", facts=found, known=None if known is None else frozenset(known))


@pytest.mark.parametrize(
    ("base", "head", "fate"),
    [
        (side("a", "b"), side("a", known={"a"}), ("", "b", "")),
        (side("a", "b"), side("a", known={"a", "b"}), ("", "", "b")),
        (side("a", "b"), side("a"), ("", "", "b")),
        (side("a", known={"a"}), side("a", "b"), ("b", "", "")),
        (side("a", known={"a", "b"}), side("a", "b"), ("", "", "b")),
        (side("a", known={"a", "b"}), side("a", known={"a", "b"}), ("", "", "b")),
        (side("a", known={"a"}), side("a", known={"a", "b"}), ("b", "", "")),
    ],
)
def test_a_case_of_one_side_appeared_vanished_or_is_missing(
    base: Side, head: Side, fate: tuple[str, str, str]
) -> None:
    """Only what the other side's code does not have may be absent there."""
    found = match(base, head)
    missing = [name for name, _ in found.missing]
    assert ("".join(found.appeared), "".join(found.vanished), "".join(missing)) == fate


def test_a_case_renamed_is_paired_by_what_it_is() -> None:
    """The same builder and arguments under another name; a third case stays alone."""
    found = match(side(old="x", other="y"), side(new="x", more="z"))
    assert [(b.case, h.case) for b, h in found.two_names] == [("old", "new")]
    assert (found.appeared, [name for name, _ in found.missing]) == (("more",), ["other"])


def test_a_variant_is_paired_with_its_original() -> None:
    """Both variants of a case are, and the case itself is not missing."""
    found = match(side("a"), side("a~slow", "a~blind"))
    assert [(b.case, h.case) for b, h in found.pairs] == [("a", "a~slow"), ("a", "a~blind")]
    assert not (found.appeared or found.vanished or found.missing)


def test_one_case_a_side_is_a_pair_whatever_its_name() -> None:
    """A pair is made if neither side has code that may have other cases."""
    found = match(side("a"), side("b"))
    assert [(b.case, h.case) for b, h in found.pairs] == [("a", "b")]
    assert not (found.appeared or found.vanished or found.missing)
    assert match(side("a"), side("b", known={"b"})).pairs == ()


def test_what_does_not_count_says_why() -> None:
    """A stale reference is missing, with the reason."""
    base = replace(side(known={"a"}), unfit={"a": "its reference is stale: …"})
    (missing,) = match(base, side("a")).missing
    assert missing == ("a", "base (a side): its reference is stale: …")
