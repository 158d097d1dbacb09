"""The report page as a file: complete, safe, on its own."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
from commands import call
from pages import CNN, DENSE, DIGITS, RECORDS, record, write
from records import disturbed, make_failed_record, make_record, make_verdict, stored

from bench.cases import CASES
from fitting_room.analysis.trials import rows
from fitting_room.report.columns import verdict_notes
from fitting_room.report.page import trial_facts, write_page

VOID = {"meta", "img", "br"}
pytestmark = pytest.mark.usefixtures("undrawn")


class Outline(HTMLParser):
    """Complains of a tag that closes another one, and collects attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is to be closed."""
        self.open += [tag] if tag not in VOID else []
        self.told += attrs

    def handle_endtag(self, tag: str) -> None:
        """Compare with what was opened last."""
        assert self.open.pop() == tag


def test_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    """Every tag is closed, no id comes twice, and no address leaves the file."""
    found = Outline(write(tmp_path / "report.html"))
    ids = [value for name, value in found.told if name == "id"]
    addresses = [v or "" for name, v in found.told if name in ("src", "href", "xlink:href")]
    assert found.open == []
    assert len(ids) == len(set(ids))
    assert {address.partition(":")[0] for address in addresses} == {"data"}


def test_equal_records_give_equal_pages(tmp_path: Path) -> None:
    """No clock, no chance."""
    assert write(tmp_path / "a.html") == write(tmp_path / "b.html")


def test_every_case_has_its_row_and_what_is_behind_it(tmp_path: Path) -> None:
    """Also one without records, which says so; a stale one is marked."""
    text = write(tmp_path / "report.html")
    found = dict(part.split('">', 1) for part in text.split('<tbody id="')[1:])
    assert list(found)[:3] == [DENSE, "fashion_mnist-cnn_32", CNN]
    assert "(stale)" in found[DENSE]
    assert "No record of this case." in found["fashion_mnist-cnn_32"]
    assert "9 ✗ [1]</small>" in found[CNN]
    for part in (
        "Verdicts",
        "Accuracy and loss per epoch",
        "Which class is taken for which",
        "Worst classified",
        "Settings",
    ):
        assert part in found[CNN]


def test_page_tells_how_well_a_case_is_calibrated(tmp_path: Path) -> None:
    """Both seeds have 80 of 90 images at 90 % right: 1.11 % beside what is expected."""
    text = write(tmp_path / "report.html")
    assert 'data-column="calibration_error"><button type="button">calibration error %<' in text
    assert "1.11 ± 0.00 (2)" in text.split(f'<tbody id="{CNN}">')[1].split("</tr>")[0]


def test_what_records_say_is_text_and_never_markup(tmp_path: Path) -> None:
    """A reason or a version with angle brackets does no harm, nor does one in the data."""
    evil = "</script><script>alert(1)</script>"
    bad = replace(make_failed_record(case=CNN, seed=7), reason=evil)
    worse = record(CNN, 8, versions={"keras": evil})
    text = write(tmp_path / "report.html", [*RECORDS, bad, worse])
    assert text.count("</script>") == 2  # the page's own
    assert "&lt;script&gt;alert(1)" in text


def test_figures_are_in_the_page_for_programs(tmp_path: Path) -> None:
    """The same JSON that lies beside it."""
    text = write(tmp_path / "report.html")
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    assert found
    assert json.loads(found[1])["rows"][0]["case"] == DENSE


def test_page_without_test_images_says_how_to_get_them(tmp_path: Path) -> None:
    """No confusion and no image is shown then."""
    text = write(tmp_path / "report.html", images=None)
    assert "<code>fitting-room data fashion_mnist</code>" in text
    assert 'class="images"' not in text
    assert "taken for which" not in text


def test_command_says_where_the_page_is_and_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The images of made-up records are on no machine."""
    stored(tmp_path, RECORDS)
    page = tmp_path / "page.html"
    assert call("report", "--records", tmp_path, "--output", page) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{page}: 6 records, ")
    assert [line.split()[4] for line in lines[1:]] == ["fashion_mnist:", "mnist:"]
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_trial_tells_who_else_was_on_its_machine() -> None:
    """Nobody, others by consent, or what disturbed it."""
    quiet = record(DENSE, 0)
    shared = replace(quiet, spec=replace(quiet.spec, alone=False))
    told = [line[4] for line in trial_facts([quiet, shared, disturbed(quiet)])]
    assert told == ["alone", "with others", "3 of 4 epochs waited for a core"]


def test_plots_are_drawn_again_only_where_records_changed(
    tmp_path: Path, undrawn: list[object]
) -> None:
    """Four of three cases, one more of a target, and one of all; then none; then what changed."""
    first = write(tmp_path / "report.html")
    assert len(undrawn) == 14
    assert first.count("data:image/svg+xml;base64,PHN2Zy8+") == 14
    assert write(tmp_path / "report.html") == first
    assert len(undrawn) == 14
    write(tmp_path / "report.html", [*RECORDS, record(DIGITS, 2)])
    assert len(undrawn) == 20


def test_the_first_screen_says_what_the_run_was_and_what_failed(tmp_path: Path) -> None:
    """How much was trained comes first, then how many bounds there are, then each that is not met.

    The picture that says most follows, and the tables below repeat none of it.
    """
    head, body = write(tmp_path / "report.html").split("</header>")
    assert "<p>A run of tests: 5 cases, 6 records, tensorflow on cpu, 2026-03-01.</p>" in head
    assert "1 bound:" in head
    assert f"<li>{CNN}: test_loss fail: n=2.</li>" in head
    assert head.count("data:image/svg+xml") == 1
    assert "test_loss fail" not in body


def test_bounds_that_do_not_compare_are_one_line_and_fail_no_case() -> None:
    """Nine metrics on another machine are one reason, not nine."""
    apart = [
        make_verdict("not comparable", metric=metric, reason="it is new")
        for metric in ("test_loss", "seconds_per_epoch")
    ]
    met = make_verdict(metric="parameters")
    (row,) = rows([CASES[DENSE]], RECORDS, {DENSE: [*apart, met]}, {})
    assert row.verdict == "pass"
    assert verdict_notes([row]) == ["not comparable, as it is new: test_loss, seconds_per_epoch."]


DAY = datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize("sample", [False, True])
def test_what_inspect_drew_is_in_the_page(tmp_path: Path, sample: bool) -> None:
    """Pictures stand in their order, a case that nobody inspected says how, and no other file."""
    known = [make_record(case=case, sample=sample) for case in (DENSE, CNN)]
    folder = tmp_path / f"{CNN}{'-sample' if sample else ''}"
    folder.mkdir()
    for name in ("filters", "activations", "calibration"):
        (folder / f"{name}.png").write_bytes(name.encode())
        os.utime(folder / f"{name}.png", (DAY, DAY))
    table = rows([CASES[DENSE], CASES[CNN]], known, {}, {})
    path = tmp_path / "report.html"
    write_page(path, table, known, run="x", test_sets={}, inspected=tmp_path)
    text = path.read_text("utf-8")
    shown = re.findall("<figcaption>(What the|Weights of).*, drawn 2026-03-01</figcaption>", text)
    assert shown == ["What the", "Weights of"]
    assert "data:image/png;base64,YWN0aXZhdGlvbnM=" in text
    assert re.findall("inspect --case (.*)</code>", text) == [DENSE]
