"""How the gate's rates, findings and costs read."""

from __future__ import annotations

from dataclasses import replace

from records import make_record

from fitting_room.judge.rates import Rate, Scenario, Tally
from fitting_room.studies.documents import Cost, Costs, Measured, Variants, origin_of
from fitting_room.studies.gate import Finding, Sight
from fitting_room.studies.gate_tables import cost, percent, scatter, share, variants

SIGHT = Sight(
    metric="test_accuracy", outcome="fail", n=2, epoch=5, shift=-4.2, evidence="much too low"
)
PASSED = replace(SIGHT, outcome="pass", shift=0.3)
FINDING = Finding(
    case="fashion_mnist-dense_128",
    variant="broken",
    change="one thing",
    seeds=2,
    seconds=20.4,
    training_seconds=12.0,
    sights=(SIGHT, replace(SIGHT, metric="test_loss", n=2, epoch=5, shift=4.0)),
    keys=("a", "b"),
)
GREEN = replace(FINDING, variant="", change="nothing", sights=(PASSED,), seeds=1, seconds=10.0)


def cells(text: str, start: str) -> list[str]:
    """Return the cells of the row that begins so."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_finding_tells_what_noticed_first_and_how_far_off_it_was() -> None:
    """The furthest of those that were known at once, then the others."""
    both = (GREEN, replace(FINDING, compared="red by 5 of 9"))
    found = Variants(origin=origin_of(make_record()), bounds="", findings=both, anew=())
    text = variants(found)
    noticed = ["test accuracy", "seed 2, epoch 5", "-4.2", "test loss"]
    assert cells(text, "one thing") == ["one thing", "fail", "2", "20", *noticed, "red by 5 of 9"]
    assert cells(text, "nothing") == ["nothing", "pass", "1", "10", "—", "—", "+0.3", "—", "—"]


def test_runs_with_seeds_of_their_own_are_one_row() -> None:
    """How many passed, and after how many seeds and seconds on average."""
    found = Variants(
        origin=origin_of(make_record()),
        bounds="",
        findings=(GREEN,),
        anew=(
            replace(GREEN, compared="green"),
            replace(GREEN, seeds=2, compared="open by 1 of 9"),
        ),
    )
    row = cells(variants(found), "nothing, 2 runs of other seeds")
    assert row[1:4] == ["2 pass", "1.5", "10"]
    assert row[-1] == "1 green, 1 open"


def test_a_finding_in_words_has_the_evidence() -> None:
    """One line for JUnit and for a failed assertion."""
    assert FINDING.words == "fail after 2 seeds, 20 s, first by test_accuracy: much too low"
    assert GREEN.words == "pass after 1 seed, 10 s"


def test_a_finding_is_open_while_a_metric_is() -> None:
    """It takes one failure to fail, and all to pass."""
    open_one = replace(PASSED, outcome="undecided")
    assert replace(GREEN, sights=(PASSED, open_one)).outcome == "undecided"
    assert replace(GREEN, sights=(SIGHT, open_one)).outcome == "fail"


def test_costs_are_ratios_and_seconds() -> None:
    """Ten seeds are eight times one and a quarter; a case that was not timed has no seconds."""
    tally = Tally(
        metric="", scenario=Scenario(planned=False), runs=100, passed=100, failed=0, seeds=1.25
    )
    timed = Cost(seconds=8.0, timed=3, sequential=tally, ten=Rate(hits=0, runs=100), equal=5)
    known = {"timed": timed, "untimed": replace(timed, seconds=None, timed=0)}
    one = Measured(case="timed", sequential_seeds=1, sequential_seconds=9.0, ten_seconds=81.0)
    many = replace(one, sequential_seeds=1.4, runs=10)
    text, other = (cost(Costs(bounds="", cases=known, measured=each)) for each in (one, many))
    assert cells(text, "timed")[1:8] == ["8", "1.25", "10", "80", "8.0", "5", "4.0"]
    assert cells(text, "untimed")[1:8] == ["—", "1.25", "—", "—", "8.0", "5", "4.0"]
    assert cells(text, "all")[3:6] == ["10", "80", "8.0"]
    told = "in 9 s until the verdict ({}), 10 seeds in 81 s: 9.0 times as much"
    assert f"1 seed {told.format('n=1')}" in text
    assert f"1.4 seeds {told.format('mean of n=10 runs of other seeds')}" in other


def test_shares_keep_what_counts() -> None:
    """Two figures, with the interval; none and all are limits."""
    assert share(Rate(hits=3, runs=20_000)) == "0.015 (0.0031–0.044)"
    assert share(Rate(hits=0, runs=20_000)) == "0 (< 0.018)"
    assert share(Rate(hits=20_000, runs=20_000)) == "100 (> 99.98)"
    assert percent(0.05) == "5"


def test_scatter_reads_as_it_is_meant() -> None:
    """Shape, size and unit."""
    assert scatter(Scenario()) == "as planned"
    assert scatter(Scenario(planned=False)) == "as the reference"
    assert scatter(Scenario(sd=0.7)) == "−30 %"
    assert scatter(Scenario(shape="skewed", sd=1.3)) == "skewed towards bad, +30 %"
