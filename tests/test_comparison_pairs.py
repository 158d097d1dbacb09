"""The pairs of base's and head's cases, and those without a counterpart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fitting_room.analysis.sides import Facts, Side, match


def side(*cases: str, known: set[str] | None = None, **identities: str) -> Side:
    """Return a side that knows of some cases no more than their names and identities."""
    names = [*cases, *identities]
    found = {name: Facts(case=name, identity=identities.get(name)) for name in names}
    return Side(told="a side", facts=found, known=None if known is None else frozenset(known))


@pytest.mark.parametrize(
    ("base", "head", "fate"),
    [
        (side("a", "b"), side("a", known={"a"}), ("", "b", "")),
        (side("a", "b"), side("a", known={"a", "b"}), ("", "", "b")),
        (side("a", "b"), side("a"), ("", "", "b")),
        (side("a", known={"a"}), side("a", "b"), ("b", "", "")),
        (side("a", known={"a", "b"}), side("a", "b"), ("", "", "b")),
        (side("a", known={"a", "b"}), side("a", known={"a", "b"}), ("", "", "b")),
        (side("a", known={"a"}), side("a", known={"a", "b"}), ("b", "", "")),
    ],
)
def test_a_case_of_one_side_appeared_vanished_or_is_missing(
    base: Side, head: Side, fate: tuple[str, str, str]
) -> None:
    """Only what the other side's code does not have may be absent there."""
    found = match(base, head)
    missing = [name for name, _ in found.missing]
    assert ("".join(found.appeared), "".join(found.vanished), "".join(missing)) == fate


def test_a_case_renamed_is_paired_by_what_it_is() -> None:
    """The same builder and arguments under another name; a third case stays alone."""
    found = match(side(old="x", other="y"), side(new="x", more="z"))
    assert [(b.case, h.case) for b, h in found.two_names] == [("old", "new")]
    assert (found.appeared, [name for name, _ in found.missing]) == (("more",), ["other"])


def test_a_variant_is_paired_with_its_original() -> None:
    """Both variants of a case are, and the case itself is not missing."""
    found = match(side("a"), side("a~slow", "a~blind"))
    assert [(b.case, h.case) for b, h in found.pairs] == [("a", "a~slow"), ("a", "a~blind")]
    assert not (found.appeared or found.vanished or found.missing)


def test_one_case_a_side_is_a_pair_whatever_its_name() -> None:
    """A pair is made if neither side has code that may have other cases."""
    found = match(side("a"), side("b"))
    assert [(b.case, h.case) for b, h in found.pairs] == [("a", "b")]
    assert not (found.appeared or found.vanished or found.missing)
    assert match(side("a"), side("b", known={"b"})).pairs == ()


def test_what_does_not_count_says_why() -> None:
    """A stale reference is missing, with the reason."""
    base = replace(side(known={"a"}), unfit={"a": "its reference is stale: …"})
    (missing,) = match(base, side("a")).missing
    assert missing == ("a", "base (a side): its reference is stale: …")
