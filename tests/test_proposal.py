"""A proposed change of the file of bounds: reviewable, and nothing else."""

from __future__ import annotations

from fitting_room.analysis.suggestion import difference, propose

BEFORE = """# Bounds.
[smoke]
a = 1

# About the first.
[one]
a = 1
[one.curve]
b = 2

# About the second.
[two]
a = 1
"""


def test_only_the_tables_named_change() -> None:
    """Sub-tables go with their case; comments, blank lines and other cases stay."""
    after = propose(BEFORE, {"one": "[one]\na = 9\n"})
    assert after == BEFORE.replace("[one]\na = 1\n[one.curve]\nb = 2\n", "[one]\na = 9\n")


def test_new_case_is_added_at_the_end() -> None:
    """What is there already is not touched."""
    assert propose(BEFORE, {"three": "[three]\na = 3"}) == f"{BEFORE}\n[three]\na = 3\n"


def test_proposing_twice_changes_nothing_more() -> None:
    """What was applied is no change."""
    once = propose(BEFORE, {"two": "[two]\na = 2\n"})
    assert propose(once, {"two": "[two]\na = 2\n"}) == once


def test_difference_is_one_that_git_applies() -> None:
    """It names the file on both sides, and is empty where nothing changes."""
    changed = difference("a\n", "b\n", file="bench/bounds.toml")
    assert changed.startswith("--- a/bench/bounds.toml\n+++ b/bench/bounds.toml\n")
    assert difference("a\n", "a\n", file="bench/bounds.toml") == ""


def test_smoke_bounds_of_a_case_stay() -> None:
    """A reference says nothing of the sample, so what somebody set for it is not taken away."""
    own = "[one.smoke]\na = 5\n"
    before = BEFORE.replace("b = 2\n", f"b = 2\n\n{own}")
    after = propose(before, {"one": "[one]\na = 9\n"})
    assert after == BEFORE.replace("[one]\na = 1\n[one.curve]\nb = 2\n", f"[one]\na = 9\n\n{own}")
