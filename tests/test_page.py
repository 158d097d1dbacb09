"""The report page as a file: complete, safe, on its own."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pages
import pytest
from pages import CNN, DENSE, DIGITS, RECORDS, record, write
from records import PROJECT, disturbed, make_failed_record

from fitting_room.cli import report, settle
from fitting_room.report.page import writing
from fitting_room.store.records import Store

VOID = {"meta", "img", "br"}


class Outline(HTMLParser):
    """Complains of a tag that closes another one, and collects attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is to be closed."""
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.addresses += [v for name, v in attrs if name in ("src", "href", "xlink:href") and v]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hear of a tag that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """Compare with what was opened last."""
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    """Read a page strictly."""
    found = Outline()
    found.feed(text)
    found.close()
    return found


def test_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    """Every tag is closed, no id comes twice, and no address leaves the file."""
    found = outline(write(tmp_path / "report.html"))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert found.addresses
    assert [address for address in found.addresses if not address.startswith("data:")] == []


def test_equal_records_give_equal_pages(tmp_path: Path) -> None:
    """No clock, no chance."""
    assert write(tmp_path / "a.html") == write(tmp_path / "b.html")


def test_every_case_has_its_row_and_what_is_behind_it(tmp_path: Path) -> None:
    """Also one without records, which says so; a stale one is marked."""
    text = write(tmp_path / "report.html")
    parts = (part.split('">', 1) for part in text.split('<tbody id="')[1:])
    found = dict(parts)
    assert list(found)[:3] == [DENSE, "fashion_mnist-cnn_32", CNN]
    assert "(stale)" in found[DENSE]
    assert "No record of this case." in found["fashion_mnist-cnn_32"]
    assert "9 ✗ [1]" in found[CNN]
    for part in (
        "Verdicts",
        "Accuracy and loss per epoch",
        "Confusion",
        "Worst classified",
        "Settings",
    ):
        assert part in found[CNN]


def test_page_tells_how_well_a_case_is_calibrated(tmp_path: Path) -> None:
    """Of 90 images at 90 % 80 are right, with both seeds: 1.11 % beside what is expected."""
    text = write(tmp_path / "report.html")
    assert 'data-column="calibration_error"><button type="button">calibration error (%)<' in text
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
    assert "<code>python -m bench data fashion_mnist</code>" in text
    assert 'class="images"' not in text
    assert "Confusion:" not in text


@pytest.mark.usefixtures("own_cache", "undrawn")
def test_command_says_where_the_page_is_and_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The images of made-up records are on no machine."""
    for each in RECORDS:
        Store(tmp_path).put(each)
    parser = argparse.ArgumentParser()
    report.register(parser.add_subparsers())
    page = tmp_path / "page.html"
    asked = parser.parse_args(["report", "--records", str(tmp_path), "--output", str(page)])
    settle(asked, PROJECT)
    assert asked.run(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{page}: 6 records, ")
    assert [line.split()[4] for line in lines[1:]] == ["fashion_mnist:", "mnist:"]
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_trial_tells_who_else_was_on_its_machine() -> None:
    """Nobody, others by consent, or what disturbed it."""
    quiet = record(DENSE, 0)
    shared = replace(quiet, spec=replace(quiet.spec, alone=False))
    told = [line[4] for line in writing.trial_facts([quiet, shared, disturbed(quiet)])]
    assert told == ["alone", "with others", "3 of 4 epochs waited for a core"]


def test_plots_are_drawn_again_only_where_records_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: list[object]
) -> None:
    """Curves, seconds and reliability of three cases; then none; then those of one case."""
    monkeypatch.setattr(pages, "BEFORE", [])
    first = write(tmp_path / "report.html")
    assert len(undrawn) == 9
    assert first.count("data:image/svg+xml;base64,PHN2Zy8+") == 9
    assert write(tmp_path / "report.html") == first
    assert len(undrawn) == 9
    write(tmp_path / "report.html", [*RECORDS, record(DIGITS, 2)])
    assert len(undrawn) == 12
