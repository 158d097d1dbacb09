"""``plots`` as a person runs it, and the pictures that are committed."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import commands
import pytest
from imports import ROOT
from records import PROJECT, make_record, stored

from fitting_room.cli import pages
from fitting_room.errors import UserError
from fitting_room.report import plots as canvas
from fitting_room.report.plots import Theme
from fitting_room.store.records import Store

DENSE = "fashion_mnist-dense_128"
LARGEST = 150_000
"""Bytes of a committed picture: a page with two of them is there at once."""


call = partial(commands.call, "plots")
"""Run the command; return its exit status."""


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with two records of one case."""
    seeds = (make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in (0, 1))
    return stored(tmp_path / "records", seeds)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let drawing take no time; return the themes of what was drawn."""
    drawings: list[str] = []

    def render(_: object, theme: Theme, kind: str) -> bytes:
        drawings.append(theme.name)
        return f"<dc:title>Pencil 2</dc:title> {theme.name} {kind}".encode()

    monkeypatch.setattr(canvas, "render", render)
    return drawings


@pytest.mark.usefixtures("drawn")
def test_committed_pictures_are_stale_until_they_are_drawn_anew(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check changes nothing, tells each file, and says what to run."""
    folder = tmp_path / "pictures"
    asked = ("--readme", "--records", records, "--output", folder)
    assert call(*asked, "--check") == 1
    assert capsys.readouterr().out.endswith("Run: fitting-room plots --readme\n")
    assert not folder.exists()
    assert call(*asked) == 0
    assert call(*asked, "--check") == 0
    names = {f"{name}{end}.svg" for name in PROJECT.pictures for end in ("", "-dark")}
    assert {path.name for path in folder.iterdir()} == names


def test_a_picture_is_drawn_again_only_where_what_it_rests_on_changed(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[str]
) -> None:
    """An edited file, another record and other code each call for it; else nothing is drawn."""

    def count(*more: str) -> int:
        drawn.clear()
        call("--readme", "--records", records, "--output", tmp_path / "out", *more)
        return len(drawn)

    every = len(PROJECT.pictures) * len(pages.ENDS)
    monkeypatch.setattr(pages, "DRAWING", ("fitting_room.report.plots:LIGHT",))
    assert (count(), count(), count("--check")) == (every, 0, 0)
    file = tmp_path / "out" / f"{PROJECT.pictures[0]}.svg"
    file.write_bytes(file.read_bytes().replace(b"light", b"lighter"))
    assert (count("--check"), count(), count("--check")) == (every, every, 0)
    Store(records).put(make_record(seed=2, test_accuracy=0.9))
    assert (count("--check"), count(), count("--check")) == (every, every, 0)
    monkeypatch.setattr(pages, "DRAWING", ("fitting_room.report.plots:DARK",))
    assert count("--check") == every


@pytest.mark.usefixtures("drawn")
def test_pictures_of_another_program_are_not_compared(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other versions draw otherwise: that is no stale picture, and is told."""
    asked = ("--readme", "--records", records, "--output", tmp_path)
    call(*asked)
    for path in tmp_path.glob("*.svg"):
        path.write_bytes(path.read_bytes().replace(b"Pencil 2", b"Pencil 1"))
    assert call(*asked, "--check") == 0
    assert "is not compared: Pencil 1 drew it, not Pencil 2." in capsys.readouterr().out


@pytest.mark.usefixtures("drawn")
def test_a_case_is_drawn_light_and_dark_as_svg_and_png(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only its own pictures are drawn; what its records do not allow is told with the reason."""
    assert call(DENSE, "--records", records, "--output", tmp_path / "out") == 0
    kinds = {f"{kind}{end}" for kind in ("curves", "seconds") for end in ("", "-dark")}
    names = {f"{DENSE}-{kind}.{suffix}" for kind in kinds for suffix in ("svg", "png")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert f"No {DENSE}-reliability: its records were made before" in capsys.readouterr().out


def test_folder_without_records_is_told(tmp_path: Path) -> None:
    """It is named, and so is the option for another."""
    with pytest.raises(UserError, match=r"holds no records.*--records"):
        call("--records", tmp_path)


def test_records_that_cannot_fill_the_readme_are_told(tmp_path: Path) -> None:
    """Its pictures show cases of every task; one that has none is named."""
    Store(tmp_path / "records").put(make_record(case="mnist-dense_128"))
    told = "Pages show fashion_mnist-seeds, but these records have no trial"
    with pytest.raises(UserError, match=told):
        call("--readme", "--records", tmp_path / "records", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mistake", [("--check",), ("--readme", DENSE)])
def test_what_does_not_go_together_is_refused(mistake: tuple[str, ...]) -> None:
    """Only the pictures of the README are checked, and they show every case."""
    with pytest.raises(UserError, match="pictures of pages"):
        call(*mistake)


def test_pages_show_the_committed_pictures_in_both_themes() -> None:
    """Each is there, is small, and every committed one is shown by a page or a guide."""
    pages = [ROOT / name for name in ("README.md", "results/cluster.md")]
    pages += (ROOT / "bench" / "docs").glob("*.md")
    texts = "".join(page.read_text("utf-8") for page in pages)
    shown = set(re.findall(r"pictures/[\w.-]+\.svg", texts))
    assert shown == {f"pictures/{n}{e}.svg" for n in PROJECT.pictures for e in ("", "-dark")}
    sizes = {name: (ROOT / "results" / name).stat().st_size for name in shown}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
