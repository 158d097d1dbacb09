"""Blocks of a README: replaced between their markers, and nowhere else."""

from __future__ import annotations

from textwrap import indent

import pytest

from fitting_room.errors import UserError
from fitting_room.report.readme import difference, regenerate

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
