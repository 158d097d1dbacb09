"""Tables in terminals of several widths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from records import PROJECT, make_record

from bench.cases import CASES
from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.rows import rows
from fitting_room.judge.verdict import Verdict
from fitting_room.record import Record
from fitting_room.report.progress import Screen
from fitting_room.report.summary import tables

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


def test_case_that_nobody_published_has_one_line() -> None:
    """There is no empty line below it."""
    (block,) = show(make_record(), claims={}, width=80)
    assert "published" not in block


def test_narrow_terminal_says_what_it_has_no_room_for() -> None:
    """Columns go in a fixed order, and the report has them all."""
    _, digits = show(*RECORDS, width=80)
    (told,) = re.findall(r"^- Too narrow for: (.*)\.\s+The\s+report", digits, re.M | re.S)
    assert "training accuracy %, s/epoch" in " ".join(told.split())
    assert "Too narrow" not in "".join(show(*RECORDS, width=200))


def test_what_matters_most_is_always_there() -> None:
    """Name and accuracy stay, however narrow the terminal is."""
    for block in show(*RECORDS, width=20):
        assert re.search(r"dense_128 +87\.50 ± 0\.00 \(2\)", block)


def test_figures_that_are_not_for_publication_are_marked() -> None:
    """The warning stands above the table."""
    (block,) = show(make_record(sample=True))
    assert block.splitlines()[1] == "Not for publication: dense_128 (sample)."


def test_notes_are_what_the_header_has_not_told() -> None:
    """A gap is explained; machine, versions and legend only with ``-v``."""
    record = make_record(epochs=1, epoch_seconds=[2.0])
    brief, full = ("".join(show(record, verbosity=v)) for v in (0, 1))
    assert "no s/epoch" in brief
    assert "Measured: " not in brief
    assert "Measured: Example CPU" in full


def test_quiet_run_has_no_notes() -> None:
    """With ``-q`` figures are all there is."""
    (block,) = show(make_record(epochs=1, epoch_seconds=[2.0]), verbosity=-1)
    assert not re.search(r"^- ", block, re.MULTILINE)


def test_evidence_is_not_repeated_below_the_table() -> None:
    """It stands with the verdicts, and nowhere else, with ``-v`` neither."""
    verdict = Verdict(
        metric="test_loss", outcome="fail", estimate=1.0, n=1, against="≤ 0.3", reason="it is so"
    )
    record = make_record()
    said = {record.spec.case.name: [verdict]}
    for verbosity in (-1, 0, 1):
        assert "it is so" not in show(record, verdicts=said, verbosity=verbosity)[0]


def test_name_has_the_colour_of_its_verdict() -> None:
    """Red is seen in the table as well; cells keep their place."""

    def mark(text: str, **colours: bool) -> str:
        return f"\x1b[31m{text}\x1b[0m" if colours.get("red") else text

    verdict = Verdict(
        metric="test_loss", outcome="fail", estimate=1.0, n=1, against="≤ 0.3", reason="so"
    )
    record = make_record()
    said = {record.spec.case.name: [verdict]}
    (coloured,) = show(record, verdicts=said, mark=mark)
    assert "\x1b[31mdense_128\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == show(record, verdicts=said)[0]
