"""Tables of cases in Markdown and in terminals: cells, what is said with them, and their width."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from records import MACHINE, PROJECT, make_failed_record, make_record, make_verdict
from tables import cells

from bench.cases import CASES
from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.trials import rows
from fitting_room.judge.verdict import Verdict
from fitting_room.record import Record
from fitting_room.report.columns import task_table
from fitting_room.report.progress import Screen
from fitting_room.report.summary import tables
from fitting_room.store.claims import Claim

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
WIDE = "fashion_mnist-cnn_32"
ALL = (DENSE, CNN, WIDE)
DIGITS = "mnist-single_conv_32"
NEWER = replace(MACHINE, cpu="Example CPU (family 2, avx2)")


def claim(metric: str, published: str, low: float, note: str | None = None) -> Claim:
    """Return a claim on any case."""
    return Claim(
        case=DENSE, metric=metric, published=published, low=low, high=low, source="Book", note=note
    )


def table(
    *records: Record,
    cases: tuple[str, ...] = (DENSE,),
    claims: Mapping[str, Claim] | None = None,
    verdicts: Mapping[str, list[Verdict]] | None = None,
    stale: Mapping[str, str] | None = None,
) -> str:
    """Return the table of ``cases`` with the same claims for each."""
    told = rows(
        [CASES[case] for case in cases], records, verdicts or {}, dict.fromkeys(cases, claims or {})
    )
    return task_table(told, records, stale=stale or {})


def test_ours_stands_beside_the_published_figure() -> None:
    """Published columns appear where somebody published, right of the measured ones."""
    records = [make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in range(3)]
    text = table(*records, claims={"test_accuracy": claim("test_accuracy", "87.3%", 0.873)})
    assert cells(text, "architecture")[:3] == ["architecture", "test accuracy %", "published"]
    assert cells(text, "dense_128")[:3] == ["dense_128", "88.0 ± 1.0 (3)", "87.3%"]
    assert "Published: Book." in text


def test_a_published_count_that_is_wrong_is_marked() -> None:
    """Only an exact count can contradict; an agreeing one bears no mark."""
    wrong = table(make_record(), claims={"parameters": claim("parameters", "62,826", 62_826)})
    right = table(make_record(), claims={"parameters": claim("parameters", "101,770", 101_770)})
    assert cells(wrong, "dense_128")[3:5] == ["101,770", "62,826 ✗"]
    assert cells(right, "dense_128")[3:5] == ["101,770", "101,770"]
    assert ("✗ contradicts" in wrong, "✗" in right) == (True, False)


def test_a_note_on_a_claim_becomes_a_numbered_footnote() -> None:
    """The mark in the cell leads to the sentence under the table."""
    text = table(
        make_record(), claims={"test_accuracy": claim("test_accuracy", "98%", 0.98, "Is training.")}
    )
    assert cells(text, "dense_128")[2] == "98% [1]"
    assert "- [1] Is training." in text


def test_a_task_with_a_target_shows_epochs_and_training_accuracy() -> None:
    """Two of three seeds arrive, at epochs 2 and 3."""
    curves = ([0.9, 0.996], [0.9, 0.99, 0.996], [0.9] * 10)
    records = [
        make_record(case=DIGITS, seed=seed, training_accuracy=curve)
        for seed, curve in enumerate(curves)
    ]
    text = table(*records, cases=(DIGITS,))
    found = dict(zip(cells(text, "architecture"), cells(text, "single_conv_32"), strict=True))
    assert found["epochs to 99.5 % training accuracy"] == "3 (2–∞), reached 2/3"
    assert found["training accuracy %"] == "96 ± 6 (3)"  # sd of 99.6, 99.6 and 90 is 5.54


def test_an_empty_cell_says_why_it_is() -> None:
    """A case without records, one that is only built, and one of a single epoch lack figures."""
    text = table(make_record(training_accuracy=[0.8]), make_record(case=WIDE, epochs=0), cases=ALL)
    assert cells(text, "cnn_64")[1:] == ["no trial"] * 4
    assert cells(text, "cnn_32")[1:] == ["not trained"] * 2 + ["101,770", "not trained"]
    assert cells(text, "dense_128")[-1] == "not timed"
    assert "- dense_128: no s/epoch, as none ran alone, undisturbed, for more than" in text


def test_provenance_names_machine_versions_dates_and_commit() -> None:
    """The line under the table tells all that a reader needs to place the figures."""
    text = table(make_record(), make_record(seed=1, started="2026-03-04T05:06:07+00:00"))
    assert "Example CPU (avx2), 2 cores, 8 GiB, Linux x86_64; tensorflow on cpu; float32" in text
    assert "2026-03-01 to 2026-03-04; n = 2; commit 0123456789ab." in text


def test_seconds_say_how_many_epochs_of_how_many_trials_they_are_of() -> None:
    """First epochs do not count, nor trials of one, nor what shared its machine."""
    short = make_record(seed=3, training_accuracy=[0.8])
    shared = replace(make_record(seed=2), spec=replace(make_record(seed=2).spec, alone=False))
    one = table(make_record(), shared, short)
    assert "trial that ran alone: 4 epochs of 1 trial a case." in one
    both = table(make_record(), make_record(seed=1), make_record(case=CNN), cases=(DENSE, CNN))
    assert "trial that ran alone: 4–8 epochs of 1–2 trials a case." in both
    assert "Seconds:" not in table(shared)


def test_seconds_of_two_machines_say_which_is_whose() -> None:
    """Their ratio is not that of the architectures."""
    text = table(make_record(), make_record(case=CNN, machine=NEWER), cases=(DENSE, CNN))
    told = "- Seconds of different machines do not compare: dense_128 on Example CPU (avx2), "
    assert told in text
    assert "; cnn_64 on Example CPU (family 2, avx2), 2 cores" in text
    assert "do not compare" not in table(make_record(), make_record(case=CNN), cases=(DENSE, CNN))


def test_figures_that_are_not_for_publication_say_so_first() -> None:
    """Overridden epochs and the sample raise a banner above the table."""
    text = table(make_record(epochs=1, sample=True))
    wanted = "> **Not for publication**: dense_128 (epochs overridden: 1, sample)."
    assert text.splitlines()[0] == wanted
    assert "Not for publication" not in table(make_record())


def test_a_stale_case_is_marked_with_its_reason() -> None:
    """The row says stale, each figure of it too, and the line below why."""
    text = table(make_record(), stale={DENSE: "its architecture changed"})
    assert cells(text, "dense_128 (stale)")[0] == "dense_128 (stale)"
    assert cells(text, "dense_128 (stale)")[3] == "101,770 (stale)"
    assert "- dense_128 is stale: its architecture changed." in text


def test_a_verdict_that_is_no_pass_is_explained() -> None:
    """The column has the outcome, and the line below the evidence; a lost trial is told too."""
    verdict = make_verdict("fail", reason="1 > 0.4")
    text = table(make_record(), make_failed_record(seed=1), verdicts={DENSE: [verdict]})
    _, accuracy, *_, outcome = cells(text, "dense_128")
    assert (accuracy, outcome) == ("87.5 (1)", "fail")
    assert "- dense_128: test_loss fail: 1 > 0.4." in text
    assert "- dense_128: 1 of 2 trials crashed." in text


CLAIMS = claims_in(Path("bench/claims.toml"), PROJECT).figures
RECORDS = [make_record(case=case, seed=seed) for case in CASES.values() for seed in (0, 1)]


def show(
    *records: Record,
    claims: Mapping[str, object] = CLAIMS,
    verdicts: Mapping[str, Sequence[Verdict]] = {},
    **settings: object,
) -> list[str]:
    """Return the blocks of the cases of ``records``."""
    cases = [CASES[name] for name in dict.fromkeys(r.spec.case.name for r in records)]
    table = rows(cases, records, verdicts, claims)  # type: ignore[arg-type]
    return tables(table, records, Screen(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    """Whatever its width, no line wraps."""
    lines = [line for block in show(*RECORDS, width=width) for line in block.splitlines()]
    assert max(map(len, lines)) <= width


def test_published_figures_stand_below_ours() -> None:
    """Beside each other the two would need a terminal twice as wide."""
    (block,) = show(make_record(), width=80)
    ours, theirs = (re.split(r" {2,}", line) for line in block.splitlines()[5:7])
    assert ours[:4] == ["dense_128", "87.5 (1)", "0.350 (1)", "101,770"]
    assert theirs == ["published", "87.3%", "0.348", "101,770", "10 s"]


def test_narrow_terminal_says_what_it_has_no_room_for() -> None:
    """Columns go in a fixed order, and the report has them all."""
    _, digits = show(*RECORDS, width=80)
    (told,) = re.findall(r"^- Too narrow for: (.*)\.\s+The\s+report", digits, re.M | re.S)
    assert "parameters, epochs to 99.5 % training accuracy, s/epoch" in " ".join(told.split())
    assert "Too narrow" not in "".join(show(*RECORDS, width=200))


def test_what_matters_most_is_always_there() -> None:
    """Name and accuracy stay, however narrow the terminal is."""
    for block in show(*RECORDS, width=20):
        assert re.search(r"dense_128 +87\.50 ± 0\.00 \(2\)", block)


def test_figures_that_are_not_for_publication_are_marked() -> None:
    """The warning stands above the table."""
    (block,) = show(make_record(sample=True))
    assert block.splitlines()[1] == "Not for publication: dense_128 (sample)."


def test_evidence_is_not_repeated_below_the_table() -> None:
    """It stands with the verdicts, and nowhere else, with ``-v`` neither."""
    verdict = make_verdict("fail")
    record = make_record()
    said = {record.spec.case.name: [verdict]}
    for verbosity in (-1, 0, 1):
        assert "it is so" not in show(record, verdicts=said, verbosity=verbosity)[0]


def test_name_has_the_colour_of_its_verdict() -> None:
    """Red is seen in the table as well; cells keep their place."""

    def mark(text: str, **colours: bool) -> str:
        return f"\x1b[31m{text}\x1b[0m" if colours.get("red") else text

    verdict = make_verdict("fail")
    record = make_record()
    said = {record.spec.case.name: [verdict]}
    (coloured,) = show(record, verdicts=said, mark=mark)
    assert "\x1b[31mdense_128\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == show(record, verdicts=said)[0]


def test_notes_are_what_the_header_has_not_told() -> None:
    """A gap is explained unless with ``-q``; machine, versions and legend only with ``-v``."""
    record = make_record(epochs=1, epoch_seconds=[2.0])
    quiet, brief, full = ("".join(show(record, verbosity=v)) for v in (-1, 0, 1))
    assert ["no s/epoch" in text for text in (quiet, brief, full)] == [False, True, True]
    measured = ["Measured: Example CPU" in text for text in (quiet, brief, full)]
    assert measured == [False, False, True]
