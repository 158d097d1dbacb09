"""``readme``: blocks of a text, every committed page, pictures and badges, files of one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from textwrap import indent

import pytest
from imports import ROOT
from records import PROJECT, make_failed_record, make_record

from bench.__main__ import main
from bench.cases import CASES
from fitting_room.analysis.trials import rows
from fitting_room.cli import pages
from fitting_room.errors import UserError
from fitting_room.format import difference
from fitting_room.judge.verdict import Bound
from fitting_room.lab.evaluator import on_reference
from fitting_room.record import Record
from fitting_room.report import plots as theme
from fitting_room.report.readme import badges, regenerate
from fitting_room.store.bounds import Bounds
from fitting_room.store.records import Store

BLOCK = re.compile(
    rb"(<!-- fitting-room: (?P<name>[^\n]+) -->\n).*?(<!-- /fitting-room -->)", re.DOTALL
)
FENCED = re.compile(rb"(```.*?```)", re.DOTALL)
"""Markers in it are no block."""

PAGES = [page.relative_to(ROOT) for page in PROJECT.pages]

OWN = "<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n"


def call(*arguments: str | Path) -> int:
    """Run the command; return its exit status."""
    return main(["readme", *map(str, arguments)])


def emptied(page: bytes) -> bytes:
    """Return a page with nothing between its markers."""
    parts = FENCED.split(page)
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
    texts = (FENCED.sub(b"", (ROOT / page).read_bytes()) for page in PAGES)
    names = {found["name"].decode() for text in texts for found in BLOCK.finditer(text)}
    assert names == set(pages.blocks(pages.committed(PROJECT, PROJECT.results, PROJECT.claims)))


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


DENSE, MINIMAL = CASES["fashion_mnist-dense_128"], CASES["mnist-minimal"]
FLOOR = Bound(
    metric="test_accuracy", at_least=0.86, mean=0.872, sd=0.003, reference_seeds=10, reason="r"
)
BOUNDS = Bounds(path=Path("bounds.toml"), tables={DENSE.name: {"test_accuracy": FLOOR}})


def badge(records: Sequence[Record], *, bounds: Bounds = BOUNDS, stale: bool = False) -> object:
    """Return what is in the only file that records of one case make."""
    judged = {DENSE.name: on_reference(DENSE, records, bounds)}
    found = badges(rows([DENSE], records, judged, {}), stale={DENSE.name: "so"} if stale else {})
    assert list(found) == ["fashion_mnist-dense_128.json"]
    return json.loads(found["fashion_mnist-dense_128.json"])


def seeds(*accuracies: float) -> list[Record]:
    """Return a record for each test accuracy."""
    return [make_record(seed=n, test_accuracy=value) for n, value in enumerate(accuracies)]


def test_a_badge_has_the_keys_that_shields_reads() -> None:
    """Verdict, mean ± sd and parameters: 87, 87.2 and 87.4 % are 87.2 ± 0.2 %."""
    assert badge(seeds(0.87, 0.872, 0.874)) == {
        "schemaVersion": 1,
        "label": "dense_128 on Fashion MNIST",
        "message": "pass · 87.2 ± 0.2 % · 101,770 parameters",
        "color": "brightgreen",
    }


@pytest.mark.parametrize(
    ("accuracies", "said", "colour"),
    [
        ((0.872, 0.87, 0.873, 0.871), "pass", "brightgreen"),
        ((0.80, 0.81, 0.80, 0.81), "fail", "red"),
        ((0.864,), "undecided", "yellow"),
    ],
)
def test_the_colour_is_that_of_the_verdict(
    accuracies: Sequence[float], said: str, colour: str
) -> None:
    """And the words say it as well, for whoever sees no colour."""
    found = badge(seeds(*accuracies))
    assert isinstance(found, dict)
    assert (found["message"].split(" · ")[0], found["color"]) == (said, colour)


def test_a_second_diverged_seed_is_a_failure() -> None:
    """It stands in the reference, and the seeds that came to a result do not hide it."""
    lost = [make_failed_record(seed=n, outcome="diverged") for n in (0, 1)]
    found = badge([*lost, *seeds(0.87, 0.872, 0.874)[2:]])
    assert isinstance(found, dict)
    assert found["color"] == "red"


def test_what_is_stale_or_has_no_bound_is_grey() -> None:
    """Figures of other code are no verdict on this one."""
    records = seeds(0.87, 0.872, 0.874)
    told = [badge(records, stale=True), badge(records, bounds=Bounds(path=Path("none")))]
    found = [(each["message"].split(" · ")[0], each["color"]) for each in told]  # type: ignore[index]
    assert found == [("stale", "lightgrey"), ("not judged", "lightgrey")]


def test_a_committed_badge_says_what_its_records_say() -> None:
    """Its figures are the mean and the scatter of all files of the reference."""
    path = PROJECT.results / "reference" / MINIMAL.name
    values = [100 * json.loads(each.read_bytes())["test_accuracy"] for each in path.glob("*.json")]
    assert PROJECT.badges
    found = json.loads((PROJECT.badges / f"{MINIMAL.name}.json").read_bytes())
    figures = f"{fmean(values):.2f} ± {stdev(values):.2f} %"
    assert found["message"] == f"pass · {figures} · 7,989 parameters"


def test_badges_are_written_and_checked_with_the_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One a case with a reference; a changed one and one of no such case are stale, and mended."""
    kept = folder / "results" / "badges"
    here = {"results": folder / "results", "badges": kept, "pages": (folder / "A.md",)}
    project = replace(PROJECT, pictures=(), **here)  # type: ignore[arg-type]
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: project)
    (folder / "A.md").write_text("<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n")
    for record in seeds(0.87, 0.872):
        Store(folder / "results" / "reference").put(record)
    assert (call("--check"), kept.exists()) == (1, False)
    assert (call(), call("--check")) == (0, 0)
    assert [path.name for path in kept.iterdir()] == ["fashion_mnist-dense_128.json"]
    (kept / "fashion_mnist-dense_128.json").write_text("{}")
    (kept / "mnist-gone.json").write_text("{}")
    capsys.readouterr()
    assert call("--check") == 1
    printed = capsys.readouterr().out
    assert "dense_128.json is stale." in printed
    assert "mnist-gone.json belongs to no case with a reference." in printed
    assert (call(), call("--check")) == (0, 0)
    assert [path.name for path in kept.iterdir()] == ["fashion_mnist-dense_128.json"]


def test_no_badge_is_written_unless_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from other results than the project's, nor where its table has no such line."""
    (folder / "A.md").write_text("<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n")
    Store(folder / "results" / "reference").put(make_record())
    kept = folder / "kept"
    asking = replace(PROJECT, results=folder / "elsewhere", badges=kept)
    silent = replace(PROJECT, results=folder / "results", badges=None)
    for project in (asking, silent):
        monkeypatch.setattr("fitting_room.cli.current", lambda *_, it=project: it)
        assert call("A.md", "--results", folder / "results") == 0
        assert not kept.exists()
    asking = replace(asking, results=folder / "results")
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: asking)
    assert call("A.md", "--results", folder / "results") == 0
    assert kept.exists()


TABLES = {"mnist": lambda: "| a |\n|---|\n", "fashion_mnist": lambda: "x"}
OPEN, CLOSE = "<!-- fitting-room: mnist -->", "<!-- /fitting-room -->"
FILLED = f"# Title\n\n{OPEN}\n\n| a |\n|---|\n\n{CLOSE}\nend\n"


def filled(text: str) -> str:
    """Regenerate a text called README.md."""
    return regenerate(text, TABLES, file="README.md")


@pytest.mark.parametrize("inside", ["", "\n", "typed by hand\n", "\n| old |\n\n\n"])
def test_a_block_is_replaced_whatever_it_held(inside: str) -> None:
    """What stood between the markers goes, what stands around them stays."""
    assert filled(f"# Title\n\n{OPEN}\n{inside}{CLOSE}\nend\n") == FILLED


def test_a_second_time_changes_nothing() -> None:
    """Regeneration is idempotent."""
    assert filled(FILLED) == FILLED


def test_line_ends_are_kept() -> None:
    """A file of Windows stays one, to the last byte of what is not ours; so does an old Mac's."""
    assert filled(f"one\rtwo\r{FILLED}") == f"one\rtwo\r{FILLED}"
    crlf = FILLED.replace("\n", "\r\n")
    assert filled(crlf) == crlf
    assert filled(f"{OPEN}\n{CLOSE}").endswith(CLOSE)


EXAMPLE = f"<!-- fitting-room: NAME -->\n{CLOSE}\n"
"""An example from documentation; there is no block of that name."""


@pytest.mark.parametrize(
    "shown",
    [
        f"```text\n~~~\n{EXAMPLE}~~~\n```\n",
        f"~~~\n```\n{EXAMPLE}~~~\n",
        f"````\n```\n{EXAMPLE}```\n{EXAMPLE}````\n",
        f"```\n{EXAMPLE}``` no end, for it says something\n{EXAMPLE}```\n",
        f"Two lines:\n\n{indent(EXAMPLE, '    ')}",
        f"Inline, `<!-- fitting-room: NAME -->` and ``{CLOSE}``.\n",
        r"Escaped, \<!-- fitting-room: NAME -->." + "\n",
    ],
)
def test_an_example_in_any_code_is_never_filled(shown: str) -> None:
    """Whatever the code holds that looks like its end, and wherever it stands."""
    assert filled(f"{shown}\n{FILLED}") == f"{shown}\n{FILLED}"


@pytest.mark.parametrize(
    "before",
    [
        "```inline``` is no fence: what follows one on its line has no backtick.\n",
        "Four spaces are no fence:\n\n    ```\n",
        "    ~~~\n",
        "> ```\n> ends with its quotation\n",
        "- ```\n  ends with its list\n",
        "\\```\n",
    ],
)
def test_what_looks_like_a_fence_hides_no_typed_figure(before: str) -> None:
    """The block after it is found, and so is the figure that somebody typed there."""
    typed = FILLED.replace("| a |", "| 99.9 |")
    assert filled(f"{before}\n{typed}") == f"{before}\n{FILLED}"


@pytest.mark.parametrize("line", ["99.9 {}", "{} 99.9", "| {} |", "> {}", "- {}", "{}{}"])
@pytest.mark.parametrize("marker", [OPEN, CLOSE])
def test_a_marker_that_shares_its_line_is_told(line: str, marker: str) -> None:
    """It would be passed over, and the figure beside it with it."""
    with pytest.raises(UserError, match="line 1: a marker shares its line"):
        filled(line.format(marker, marker) + f"\n\n{FILLED}")


def test_what_is_replaced_may_hold_a_marker_within_a_sentence() -> None:
    """It goes with all that stands in the block."""
    assert filled(FILLED.replace("| a |", f"typed {CLOSE}")) == FILLED


def test_several_blocks_are_filled_each_with_its_own() -> None:
    """Names decide, not order."""
    text = filled(f"<!-- fitting-room: fashion_mnist -->\n{CLOSE}\n{OPEN}\n{CLOSE}\n")
    assert text.index("\nx\n") < text.index("| a |")


def test_a_block_that_is_not_asked_for_is_not_made() -> None:
    """What another block would cost, or how it would fail, does not matter."""

    def unwanted() -> str:
        raise AssertionError

    made = regenerate(FILLED, {**TABLES, "fashion_mnist": unwanted}, file="README.md")
    assert made == FILLED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"one\n<!-- fitting-room: mnst -->\n{CLOSE}", "line 2: .* 'mnst'. Did you mean 'mnist'"),
        (f"one\ntwo\n{OPEN}\n", "line 3: the block 'mnist' is not closed"),
        (f"{OPEN}\n{OPEN}\n{CLOSE}", "line 1: the block 'mnist' is not closed"),
        (f"one\n{CLOSE}\n", "line 2: no block is open"),
        ("one\n", "no block to fill. Add two lines: <!-- fitting-room: mnist -->"),
    ],
)
def test_wrong_markers_are_told_with_their_line(text: str, message: str) -> None:
    """Each mistake names the file, the line and the remedy."""
    with pytest.raises(UserError, match=f"README.md.*{message}"):
        filled(text)


def test_difference_is_one_that_git_applies() -> None:
    """It names the file on both sides, and is empty where nothing changes."""
    changed = difference("a\n", "b\n", file="results/speed.md")
    assert changed.startswith("--- a/results/speed.md\n+++ b/results/speed.md\n")
    assert difference("a\n", "a\n", file="README.md") == ""
