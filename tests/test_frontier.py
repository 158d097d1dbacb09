"""What a search found: candidates, and the frontier of parameters against accuracy."""

from __future__ import annotations

import pytest
from search_world import line

from fitting_room.studies.search_tables import candidates, frontier, smallest, table

LINES = [
    line("small", accuracy=0.980, parameters=1_000),
    line("small", accuracy=0.984, parameters=1_000, seed=1),
    line("middle", accuracy=0.990, parameters=5_000),
    line("middle", accuracy=0.992, parameters=5_000, seed=1),
    line("worse", accuracy=0.989, parameters=6_000),
    line("worse", accuracy=0.989, parameters=6_000, seed=1),
    line("lucky", accuracy=0.999, parameters=2_000),
    line("large", accuracy=0.995, parameters=90_000),
    line("large", accuracy=0.997, parameters=90_000, seed=1),
    line("broken", accuracy=None, outcome="diverged"),
]


def names(found: list) -> list[str]:  # type: ignore[type-arg]
    """Return the names of candidates."""
    return [each.name for each in found]


def test_candidates_are_sorted_by_their_mean() -> None:
    """The best first, and those that gave nothing last."""
    found = candidates(LINES)
    assert names(found) == ["lucky", "large", "middle", "worse", "small", "broken"]
    assert found[2].accuracy is not None
    assert (found[2].accuracy.mean, found[2].accuracy.n) == (pytest.approx(0.991), 2)


def test_of_two_lines_of_a_seed_the_last_counts() -> None:
    """A trial that broke and was run again is one trial, under its last name."""
    lines = [line("a", accuracy=None, outcome="crashed"), line("b", body="a", accuracy=0.9)]
    (found,) = candidates(lines)
    assert (found.name, len(found.trials)) == ("b", 1)
    assert found.accuracy is not None and found.accuracy.mean == 0.9


def test_a_frontier_holds_what_nothing_smaller_beats() -> None:
    """Smallest first; one seed is no evidence where two are asked for."""
    found = candidates(LINES)
    assert names(frontier(found)) == ["small", "lucky"]
    assert names(frontier(found, least_seeds=2)) == ["small", "middle", "large"]


def test_the_smallest_that_reaches_an_accuracy_is_found() -> None:
    """Or none is."""
    found = candidates(LINES)
    reached = [smallest(found, a, least_seeds=2) for a in (0.99, 0.994, 0.998)]
    assert [each.name if each else None for each in reached] == ["middle", "large", None]


def test_a_table_shows_seeds_scatter_size_and_time() -> None:
    """A candidate that diverged says so."""
    rows = [row.split("|")[1:-1] for row in table(candidates(LINES)).splitlines()[2:]]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    assert cells["middle"] == ["99.10 ± 0.14 (2)", "5,000", "3", "6.5", "7"]
    assert cells["lucky"][0] == "99.90 (1)"
    assert cells["broken"][0] == "diverged"
