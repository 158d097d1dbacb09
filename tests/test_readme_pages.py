"""``readme`` as a whole: every committed page, the pictures of one, or files of one's own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from imports import ROOT
from records import PROJECT, make_record

from bench.__main__ import main
from fitting_room.cli import readme
from fitting_room.report.plots import theme
from fitting_room.store.records import Store

BLOCK = re.compile(
    rb"(<!-- fitting-room: (?P<name>[^\n]+) -->\n).*?(<!-- /fitting-room -->)", re.DOTALL
)
EXAMPLE = re.compile(rb"(```.*?```)", re.DOTALL)
"""Markers in it are no block."""

PAGES = [page.relative_to(ROOT) for page in PROJECT.pages]

OWN = "<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n"


def call(*arguments: str | Path) -> int:
    """Run the command; return its exit status."""
    return main(["readme", *map(str, arguments)])


def emptied(page: bytes) -> bytes:
    """Return a page with nothing between its markers."""
    parts = EXAMPLE.split(page)
    parts[::2] = [BLOCK.sub(rb"\1\3", part) for part in parts[::2]]
    return b"".join(parts)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project to work in, where drawing takes no time."""
    monkeypatch.chdir(tmp_path)
    pages, results = tuple(tmp_path / page for page in PAGES), tmp_path / "results"
    here = replace(PROJECT, results=results, pages=pages, badges=results / "badges")
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: here)
    monkeypatch.setattr(theme, "render", lambda *_: b"<svg/>")
    (tmp_path / "results").mkdir()
    return tmp_path


def test_emptied_blocks_of_every_page_come_back_as_they_were(folder: Path) -> None:
    """What stands between markers is derived to the last byte; the pictures are drawn as well."""
    whole = {page: (ROOT / page).read_bytes() for page in PAGES}
    for page, text in whole.items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(emptied(text))
        assert page.stat().st_size < len(text)
    assert call("--results", ROOT / "results") == 0
    assert [page for page, text in whole.items() if page.read_bytes() != text] == []
    assert len(list((folder / "results" / "pictures").iterdir())) == 2 * len(PROJECT.pictures)


def test_every_block_has_its_place_on_a_page() -> None:
    """Nothing is derived that nobody reads."""
    texts = (EXAMPLE.sub(b"", (ROOT / page).read_bytes()) for page in PAGES)
    names = {found["name"].decode() for text in texts for found in BLOCK.finditer(text)}
    assert names == set(readme.blocks(readme.committed(PROJECT, PROJECT.results, PROJECT.claims)))


def test_several_files_are_checked_and_rewritten_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check names each stale one and changes none; no picture belongs to them."""
    files = [folder / "A.md", folder / "B.md"]
    Store(folder / "results" / "reference").put(make_record())
    for file in files:
        file.write_text(OWN, encoding="utf-8")
    assert call(*files, "--check") == 1
    printed = capsys.readouterr().out
    assert all(f"{file} is stale." in printed for file in files)
    assert {file.read_text("utf-8") for file in files} == {OWN}
    assert (call(*files), call(*files, "--check")) == (0, 0)
    assert not (folder / "results" / "pictures").exists()


def test_results_without_references_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder named wrongly does not empty the tables; the message names the option."""
    file = folder / "A.md"
    file.write_text(OWN, encoding="utf-8")
    assert call(file, "--results", folder / "elsewhere") == 2
    assert "--results DIR" in capsys.readouterr().err
    assert file.read_text("utf-8") == OWN
