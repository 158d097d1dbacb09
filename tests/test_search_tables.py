"""Tables of searches: what readers are told, from logs and studies alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scipy.stats import ttest_ind
from search_world import line

from fitting_room.studies.search import Tried, append
from fitting_room.studies.search_tables import (
    blocks,
    candidates,
    cost,
    frontier_table,
    smallest_table,
    table,
)

STUDY = """
title = "ingredient"
base = "full"
[defaults]
builder = "models.minimal:minimal"
arguments = { body = "8 p 8" }
recipe = { epochs = 3, weight_average = 0.9 }
[candidates.full]
about = "everything"
[candidates.raw]
about = "last weights"
recipe = { weight_average = 0.0 }
[candidates.one]
recipe = { momentum = 0.5 }
[candidates.never]
recipe = { momentum = 0.9 }
"""


def two(name: str, accuracy: float, **known: object) -> list[Tried]:
    """Return the lines of two seeds, a tenth of a point around an accuracy."""
    values = (accuracy - 0.001, accuracy + 0.001)
    body = {"body": name, **known}
    name = name.replace(" ", "_")
    return [line(name, seed=seed, accuracy=a, **body) for seed, a in enumerate(values)]


LINES = [
    *two("8 p 8", 0.98, parameters=900),
    *two("16 p", 0.991, parameters=4_000),
    *two("16 p 16", 0.9905, parameters=8_000),
    *two("16 p 32", 0.996, parameters=50_000),
    *two("64", 0.999, parameters=200_000),
    *two("long", 0.9985, parameters=5_000, epochs=20),
    line("lucky", accuracy=1.0, parameters=2_000),
]


def written(folder: Path, lines: Sequence[Tried], task: str = "mnist") -> dict[str, str]:
    """Return the tables of a folder that holds the log of a task alone."""
    for each in lines:
        append(folder / f"{task}.jsonl", each)
    return blocks(folder)


def cells(table: str) -> dict[str, list[str]]:
    """Return first cell → the others of every row."""
    rows = [row for row in table.splitlines() if row.startswith("|")][2:]
    split = ([cell.strip() for cell in row.split("|")[1:-1]] for row in rows)
    return {row[0]: row[1:] for row in split}


def test_the_frontier_keeps_to_the_rules_of_its_task(tmp_path: Path) -> None:
    """Within 9 epochs, of at least two seeds, from 1,000 to 100,000 parameters."""
    found = cells(written(tmp_path, LINES)["search mnist frontier"])
    assert list(found) == ["4,000", "50,000"]
    assert found["4,000"] == ["99.10 ± 0.14 (2)", "3", "`body=16 p`"]


def test_the_smallest_network_of_each_mark_is_told() -> None:
    """Also that there is none."""
    found = cells(smallest_table(candidates(LINES[:10]), (0.975, 0.99, 0.9995)))
    sizes = {mark: row[0] for mark, row in found.items()}
    assert sizes == {"97.50 %": "900", "99.00 %": "4,000", "99.95 %": "none found"}


def test_a_study_holds_each_candidate_against_its_base(tmp_path: Path) -> None:
    """A gain has Welch's interval, with one seed no interval, and without seeds no figure."""
    full, raw = (0.989, 0.991), (0.976, 0.984)
    body = {"body": "8 p 8", "weight_average": 0.9}
    lines = [
        *(line("a", seed=seed, accuracy=each, **body) for seed, each in enumerate(full)),
        *(line("b", seed=seed, accuracy=each, body="8 p 8") for seed, each in enumerate(raw)),
        line("c", accuracy=0.991, momentum=0.5, **body),
    ]
    (tmp_path / "mnist-ablation.toml").write_text(STUDY)
    told = written(tmp_path, lines)["search mnist-ablation"]
    assert "- Trials: 5 by tensorflow on " in told
    found = cells(told)
    assert list(found) == ["everything", "last weights", "one", "never"]
    assert found["everything"][:2] == ["99.00 ± 0.14 (2)", ""]
    low, high = ttest_ind(raw, full, equal_var=False).confidence_interval(0.95)
    ends = f"({100 * low:+.0f} to {100 * high:+.0f})"
    assert found["last weights"][1] == f"-1 {ends}".replace("-", "−")
    assert found["one"][1] == "+0.10"
    assert found["never"][0] == "not tried"


def test_every_log_and_study_of_a_folder_has_its_blocks(tmp_path: Path) -> None:
    """Those of one task are not mistaken for another's, and nothing is made of nothing."""
    assert blocks(tmp_path) == {}
    (tmp_path / "fashion_mnist-rates.toml").write_text(STUDY)
    names = ("frontier", "smallest", "cost")
    expected = {*(f"search fashion_mnist {name}" for name in names), "search fashion_mnist-rates"}
    lines = two("8", 0.9, task="fashion_mnist")
    assert set(written(tmp_path, lines, "fashion_mnist")) == expected


def test_the_cost_of_a_search_is_told() -> None:
    """Trials, candidates, epochs and time, with those that gave nothing."""
    lines = [*two("8", 0.9), line("broken", accuracy=None, outcome="diverged")]
    told = cost(lines)
    assert "3 trials of 2 candidates, 1 of which gave no result: 9 epochs in 21 s" in told


def test_a_frontier_of_nothing_says_so() -> None:
    """One seed is too few, and a head without rows would say nothing."""
    assert frontier_table(candidates(LINES[-1:]), 1_000, 100_000) == (
        "None yet: no candidate in 1,000–100,000 parameters has 2 seeds."
    )


def test_candidates_are_sorted_and_show_seeds_scatter_size_and_time() -> None:
    """The best mean first, and last what gave nothing, which says why."""
    diverged = line("broken", accuracy=None, outcome="diverged")
    found = cells(table(candidates([diverged, *LINES[6:8], LINES[-1]])))
    assert list(found) == ["lucky", "16_p_32", "broken"]
    assert found["16_p_32"] == ["99.60 ± 0.14 (2)", "50,000", "3", "6.5", "7"]
    assert found["lucky"][0] == "100.00 (1)"
    assert found["broken"][0] == "diverged"


def test_of_two_lines_of_a_seed_the_last_counts() -> None:
    """A trial that broke and was run again is one trial, under its last name."""
    lines = [line("a", accuracy=None, outcome="crashed"), line("b", body="a", accuracy=0.9)]
    (found,) = candidates(lines)
    assert (found.name, len(found.trials)) == ("b", 1)
    assert found.accuracy is not None and found.accuracy.mean == 0.9
