"""The audit of what cases cost, from records and times made up to decide it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import CNN, DENSE, WIDE, figure, judged, plain, seeds, statement
from records import MACHINE, VERSIONS, make_record

from fitting_room.store.records import Speed

RATIO = statement("ratio", "seconds_per_epoch", f'case = "{CNN}"\nover = "{DENSE}"')
"""Of 21 s over 10 s, where ``PRINTED`` stands before it."""
PRINTED = figure("10 s", 10, "seconds_per_epoch")
PRINTED += PRINTED.replace(DENSE, CNN).replace("10", "21")
SLOW = [20, *[12.0] * 5]
"""Four times as long as the epochs of any other record made up here, but for the first."""
ALIKE = statement("ratio", "seconds_per_epoch", f'case = "{CNN}"\nover = "{WIDE}"\nlow = 1')
"""Of two cases whose recipes are the same."""


def test_seconds_are_not_comparable_and_their_ratio_is(tmp_path: Path) -> None:
    """12 s against 3 s is four times; printed are 21 s over 10 s."""
    text = (PRINTED + RATIO).replace(DENSE, WIDE)
    slow = make_record(case=CNN, epoch_seconds=SLOW)
    quick, _, times = judged(tmp_path, text, make_record(case=WIDE), slow)
    assert (quick.verdict.label, quick.measured) == (
        "not comparable",
        "3.00 s (3.00–3.00), 4 epochs",
    )
    assert (times.verdict.label, times.verdict.against) == ("not reproduced", "2.10 × (1.95–2.26)")
    assert times.verdict.interval is not None
    assert times.verdict.interval.estimate == 4


def test_trials_whose_recipes_take_unlike_paths_are_not_comparable(tmp_path: Path) -> None:
    """XLA for one of the two is our choice: the ratio is shown, and what would compare is told."""
    slow = make_record(case=CNN, epoch_seconds=SLOW)
    *_, found = judged(tmp_path, PRINTED + RATIO, make_record(), slow)
    assert (found.verdict.label, found.measured) == (
        "not comparable",
        "4.00 × (4.00–4.00), 4 epochs",
    )
    assert "here the recipes differ in jit_compile; no plain fit" in found.verdict.reason


def test_plain_fits_are_what_seconds_are_judged_by(tmp_path: Path) -> None:
    """Medians of 6.3 s and 3 s give 2.1; ends of 6.6 over 2.9 and of 6 over 3.3 enclose it."""
    speeds = [plain(CNN, 6.3, 6, 6.6, 6.3, 6.2), plain(DENSE, 3, 2.9, 3.3, 3, 3)]
    *_, found = judged(tmp_path, PRINTED + RATIO, speeds=speeds)
    assert (found.verdict.label, found.measured) == ("reproduced", "2.1 × (1.8–2.3), 5 pairs")
    assert found.verdict.reason.startswith("by a plain fit, 5 pairs, alone on one machine")
    assert found.verdict.interval is not None
    assert found.verdict.interval.estimate == pytest.approx(2.1)
    assert (found.verdict.interval.low, found.verdict.interval.high) == pytest.approx(
        (6 / 3.3, 6.6 / 2.9)
    )


@pytest.mark.parametrize(
    "other",
    [
        plain(DENSE, *[3.0] * 5, machine=replace(MACHINE, cores=8)),
        plain(DENSE, *[3.0] * 5, versions={**VERSIONS, "keras": "3.9"}),
        plain(DENSE, *[3.0] * 5, images=60_000),
        plain(WIDE, *[3.0] * 5),
    ],
    ids=["machine", "versions", "images", "missing"],
)
def test_plain_fits_under_other_circumstances_are_not_mixed(tmp_path: Path, other: Speed) -> None:
    """Where they are not of one machine, one set of versions and one length, trials are all."""
    records = [make_record(), make_record(case=CNN, epoch_seconds=SLOW)]
    *_, found = judged(tmp_path, RATIO, *records, speeds=[plain(CNN, *[6.3] * 5), other])
    assert found.measured == "4.00 × (4.00–4.00), 4 epochs"


@pytest.mark.parametrize(("pairs", "verdict"), [(5, "reproduced"), (4, "undecided")])
def test_few_pairs_reproduce_no_figure(tmp_path: Path, pairs: int, verdict: str) -> None:
    """As few seeds do not: anything might lie within what they leave open."""
    speeds = [plain(CNN, *[6.3] * pairs), plain(DENSE, *[3.0] * pairs)]
    *_, found = judged(tmp_path, PRINTED + RATIO, speeds=speeds)
    assert found.verdict.label == verdict


def test_a_ratio_waits_for_what_is_neither_trained_nor_timed(tmp_path: Path) -> None:
    """It names what is missing, and nothing else."""
    (found,) = judged(tmp_path, ALIKE, make_record(case=CNN), speeds=[plain(CNN, 1, 1)])
    assert (found.verdict.label, found.verdict.reason) == (
        "undecided",
        "no reference records yet of cnn_32",
    )


def test_times_that_were_not_taken_alone_decide_nothing(tmp_path: Path) -> None:
    """A statement on seconds waits for records that hold some."""
    records = [make_record(case=case) for case in (CNN, WIDE)]
    shared = [replace(each, spec=replace(each.spec, alone=False)) for each in records]
    assert judged(tmp_path, ALIKE, *shared)[0].verdict.label == "undecided"
    slower = make_record(case=CNN, epoch_seconds=SLOW)
    assert judged(tmp_path, ALIKE, records[1], slower)[0].verdict.label == "reproduced"


@pytest.mark.parametrize(("low", "verdict"), [(2.3, "reproduced"), (2.4, "not reproduced")])
def test_a_ratio_of_counts_is_exact(tmp_path: Path, low: float, verdict: str) -> None:
    """243,786 parameters are 2.395 times 101,770, which a single seed knows as well as six."""
    body = f'case = "{CNN}"\nover = "{DENSE}"\nlow = {low}'
    text = statement("ratio", "parameters", body)
    records = [make_record(), *seeds(CNN, 0.9, parameters=243_786)]
    (found,) = judged(tmp_path, text, *records)
    assert (found.verdict.label, found.verdict.reason) == (verdict, "counted")
    assert found.verdict.interval is not None
    assert (
        found.verdict.interval.low
        == found.verdict.interval.high
        == pytest.approx(243_786 / 101_770)
    )
