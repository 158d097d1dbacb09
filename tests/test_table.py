"""One table in three outputs, and strings that each of them could take for markup."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import DENSE, figure, judged, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from imports import ROOT, imports_of
from markdown_it import MarkdownIt
from records import make_failed_record, make_record

from bench.cases import CASES
from fitting_room.analysis.trials import rows
from fitting_room.format import in_code, in_html, in_markdown, in_prose, in_terminal, one_line
from fitting_room.report.columns import banner
from fitting_room.report.findings import claims_markdown, claims_shown
from fitting_room.report.progress import Screen
from fitting_room.report.summary import summary, tables
from fitting_room.report.table import Code, Table

HOSTILE = (
    "a | b",
    "a\\| b",
    "two\nlines",
    "`code",
    "a\\` b `",
    "<!-- /fitting-room -->",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b]0;title\x07",
    "::error file=x::no",
    "##[error]no",
    "\u202eright to left",
    "byte \udcff of a name",
    "&lt; & \"quoted\" 'too'",
)
GFM = MarkdownIt("commonmark").enable("table")


def markdown_cells(text: str) -> list[list[str]]:
    """Return the cells of a table as a reader of the rendered Markdown sees them."""
    tokens = GFM.parse(text)
    found: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.level >= 3:
            found[-1].append("".join(child.content for child in token.children or ()))
    return found


def html_cells(text: str) -> list[list[str]]:
    """Return the cells of a table of a page."""
    lines = re.findall(r"<tr>(.*?)</tr>", text)
    return [[html.unescape(c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t", row)] for row in lines]


def terminal_cells(text: str) -> list[list[str]]:
    """Return the cells of a table on a terminal, whose cells hold no two spaces."""
    return [re.split(" {2,}", line.strip()) for line in text.splitlines() if set(line) - set("- ")]


def test_cells_are_the_same_in_every_output() -> None:
    """Figures, a dash and a unit read alike in Markdown, on a terminal and on a page."""
    head = ["case", "accuracy"]
    body = [["dense_128", "87.1 ± 0.4 % (20)"], ["cnn_64", "—"]]
    table = Table(head, body)
    assert markdown_cells(table.markdown()) == [head, *body]
    assert terminal_cells(table.terminal()) == [head, *body]
    assert html_cells(table.html(kind="plain")) == [head, *body]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_string_breaks_a_table(text: str) -> None:
    """Whatever a cell holds, it is one cell that reads as the string in one line."""
    table = Table(["a", text], [[text, "1"], ["b", text]])
    said = one_line(text)
    wanted = [["a", said], [said, "1"], ["b", said]]
    assert html_cells(table.html(kind="plain")) == wanted
    assert markdown_cells(table.markdown()) == wanted
    assert "<" not in re.sub(r"</?t\w+[^>]*>", "", table.html(kind="plain"))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_string_commands_a_terminal_or_a_job(text: str) -> None:
    """No control character is left, and no line begins as a workflow command."""
    lines = Table([text], [[text], ["", text]][:1], [text]).terminal(width=10).splitlines()
    lines += Screen(width=20).folded(text, rest="  ").splitlines()
    assert all(line.isprintable() for line in lines)
    assert not any(line.strip().startswith("::") or "##[" in line for line in lines)


def test_a_command_that_folding_puts_first_is_none() -> None:
    """A runner skips the spaces before it."""
    cell = f"{'long ' * 3}::error::no"
    lines = Table(["a", "b"], [["", cell]]).terminal(width=20).splitlines()
    assert any("\\::error" in line for line in lines)
    assert "\\::error" in Screen(width=20).folded(cell, rest="  ")


def test_code_is_code_and_nothing_else_is() -> None:
    """A pipe in a span of code is escaped for the table, a backtick by more of them."""
    assert in_code("a|b") == "`a\\|b`"
    assert in_code("`a") == "`` `a ``"
    assert in_markdown("`a`") == "\\`a\\`"
    assert in_prose("`<b>` and <b> and `") == "`<b>` and &lt;b> and \\`"
    assert in_prose("see <https://example.org/a>") == "see <https://example.org/a>"


def test_the_format_stands_alone() -> None:
    """Whoever shows a value can import it: besides the metrics it loads the standard library."""
    found = {each.module for each in imports_of(ROOT / "bench" / "fitting_room" / "format.py")}
    rest = {module for module in found if not module.startswith("fitting_room.metrics")}
    assert {module.split(".")[0] for module in rest} <= sys.stdlib_module_names


def test_a_message_keeps_its_lines() -> None:
    """What a command prints may have several."""
    assert in_terminal("one\r\n  ::two\x1b[2J") == "one\n  \\::two\\x1b[2J"
    assert in_html("<b> & \n c") == "&lt;b&gt; &amp; c"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab \\`|<>!-/&\n\x1b:#[", max_size=20))
def test_any_string_is_one_cell(text: str) -> None:
    """No combination of marks opens a column, a line, a tag or a comment."""
    found = GFM.parse(Table(["a", "b"], [[text, "1"], [Code(text), "2"]]).markdown())
    kinds = {child.type for token in found for child in token.children or ()}
    assert sum(token.type == "td_open" for token in found) == 4
    assert not kinds & {"html_inline"}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_and_a_claim_are_only_text(text: str, tmp_path: Path) -> None:
    """The reason of a crash and a published figure reach every table as they are."""
    row = rows([CASES[DENSE]], [make_record(case=DENSE)], {}, {})[0]
    row = replace(row, architecture=text, flags=(f"1 of 2 trials {text}",))
    records = [make_record(case=DENSE), make_failed_record(seed=1)]
    page = summary([row], records)
    assert len({line.count("|") for line in page.splitlines() if line.startswith("|")}) >= 1
    assert not re.search(r"<!--|<script|\x1b", page)
    (block,) = tables([row], records, Screen(verbosity=1, width=200))
    assert all(line.isprintable() for line in block.splitlines())
    assert banner([row]) == []
    claim = figure("82%", 0.82).replace('"82%"', '"""82% <!-- x --> | `y"""')
    found = judged(tmp_path, claim, *seeds(DENSE, 0.872))
    assert "82% &lt;!-- x --> \\| \\`y" in claims_markdown(found, [], stale={})
    assert "82% <!-- x --> | `y" in claims_shown(found, Screen(width=160), stale={})


def test_a_dumb_terminal_has_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its width is what the table was told, and no more than that is known of it."""
    table = Table(["name", "why"], [["ab", "a reason of many words, " * 9]], align="l")
    known = table.terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert table.terminal() == known
    assert len(known.splitlines()) == 3


def test_a_terminal_that_is_too_narrow_folds_the_emptiest_columns() -> None:
    """Every word stays whole, and short columns stay as wide as they are."""
    table = Table(["name", "why"], [["ab", "a reason of many words, one after another"]], align="l")
    assert table.terminal(width=24).splitlines() == [
        "name  why",
        "----- ------------------",
        "ab    a reason of many",
        "      words, one after",
        "      another",
    ]
