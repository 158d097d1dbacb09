"""What records say of their cases, as a side of a comparison."""

from __future__ import annotations

from dataclasses import replace

from records import MACHINE, VERSIONS, make_failed_record, make_record

from bench.cases import CASES
from fitting_room.analysis.sides import Facts, facts_of
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
