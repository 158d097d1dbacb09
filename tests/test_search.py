"""Searches: candidates as they are written, the log of their trials, and what readers are told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from records import make_failed_record, make_record
from scipy.stats import ttest_ind
from search_world import HELD_OUT, line, searched
from tables import rows_of

from fitting_room.cli.calibrate import append, tried
from fitting_room.errors import UserError
from fitting_room.spec import TASKS, Case, Recipe
from fitting_room.studies.search import (
    Study,
    Tried,
    blocks,
    candidates,
    cost,
    frontier_table,
    read_log,
    read_study,
    settings_of,
    smallest_table,
    table,
)

GOOD = """
[defaults]
builder = "models.minimal:minimal"
arguments = { body = "8 p 8", dropout = 0.1 }
recipe = { epochs = 9, batch_size = 128 }

[candidates.small]

[candidates.wide]
arguments = { body = "16 p 16" }
recipe = { epochs = 5, schedule = "one_cycle" }
"""


def study(folder: Path, text: str, task: str = "mnist") -> Study:
    """Write a file of candidates and read it back."""
    path = folder / "candidates.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path, task)


def read(folder: Path, text: str, task: str = "mnist") -> Mapping[str, Case]:
    """Return its cases."""
    return study(folder, text, task).cases


def test_a_candidate_takes_what_it_does_not_say_from_the_defaults(tmp_path: Path) -> None:
    """Key by key, of arguments and of the recipe."""
    small, wide = read(tmp_path, GOOD).values()
    assert small.arguments == {"body": "8 p 8", "dropout": 0.1}
    assert wide.arguments == {"body": "16 p 16", "dropout": 0.1}
    assert (small.recipe.epochs, wide.recipe.epochs, wide.recipe.batch_size) == (9, 5, 128)
    assert (wide.name, wide.builder) == ("mnist-wide", "models.minimal:minimal")
    assert (small.recipe.tuned, wide.recipe.tuned) == (False, True)


def test_what_varies_gives_a_candidate_for_each_combination(tmp_path: Path) -> None:
    """Names of the recipe and of arguments alike, with names that a folder can have."""
    more = '\n[candidates.grid]\nvary = { learning_rate = [0.1, 1], body = ["8 p 8", "4"] }\n'
    found = read(tmp_path, GOOD + more)
    names = [name for name in found if name.startswith("grid")]
    assert names == [
        "grid-learning_rate=0.1-body=8_p_8",
        "grid-learning_rate=0.1-body=4",
        "grid-learning_rate=1-body=8_p_8",
        "grid-learning_rate=1-body=4",
    ]
    last = found[names[-1]]
    assert (last.recipe.learning_rate, last.arguments["body"]) == (1, "4")


def test_a_study_has_a_title_a_base_and_words_for_its_candidates(tmp_path: Path) -> None:
    """All of them optional: names stand for what has no words."""
    assert study(tmp_path, GOOD).title == "candidates"
    text = "title = 'Small ones'\nbase = 'small'\n" + GOOD + "about = 'twice as wide'\n"
    found = study(tmp_path, text)
    assert (found.title, found.base) == ("Small ones", "small")
    assert found.about == {"small": "small", "wide": "twice as wide"}


BUILDER = "builder = 'models.a:b'"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("recipes = {}", "recipes: there is no key 'recipes'.*'recipe'"),
        ("recipe = 3", ": Expected `object`, got `int`"),
        (
            f"{BUILDER}\nrecipe = {{ epoch = 3 }}",
            ": a recipe has no 'epoch'. Did you mean 'epochs'",
        ),
        (f"{BUILDER}\nrecipe = {{ epochs = 0 }}", ": epochs must be at least 1, not 0"),
        (f"{BUILDER}\nrecipe = {{ epochs = 'three' }}", ": Expected `int`, got `str`"),
        (BUILDER, ": .*missing required field `epochs`"),
        ("recipe = { epochs = 1 }", ": its builder must .* none"),
        (
            "builder = 'other:net'\nrecipe = { epochs = 1 }",
            ": its builder must be as models.minimal:minimal, not 'other:net'",
        ),
    ],
)
def test_a_candidate_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file, the candidate and what was expected."""
    with pytest.raises(UserError, match=rf"candidates.toml.*\[candidates.x\] ?{told}"):
        read(tmp_path, f"[candidates.x]\n{text}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[candidate.x]", "there is no key 'candidate'. Did you mean 'candidates'"),
        (
            f"[defaults]\n{BUILDER}\nrecipe = {{ epochs = 1 }}\n"
            "[candidates.'a b']\n[candidates.'a/b']\n",
            "there are two candidates 'a_b'. Rename one",
        ),
        (GOOD.replace("[defaults]", "base = 'smal'\n[defaults]"), "base: .* mean 'small'"),
        ("candidates = 3", r"candidates: expected a table of \[candidates.small\] and others"),
        ("", "names no candidates. Add a table such as"),
        ("[[[", ":1: this is not valid TOML"),
    ],
)
def test_a_study_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file and what was expected."""
    with pytest.raises(UserError, match=f"candidates.toml.*{told}"):
        read(tmp_path, text)


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In order, through a folder that is not there yet."""
    path, lines = tmp_path / "search" / "mnist.jsonl", [line("a"), line("b", seed=1)]
    for each in lines:
        append(path, each)
    assert read_log(path) == lines
    assert path.read_bytes().count(b"\n") == 2
    assert read_log(tmp_path / "none.jsonl") == []


def test_a_line_tells_settings_in_full_and_what_came_of_them(tmp_path: Path) -> None:
    """Also every setting that stands at its default."""
    append(tmp_path / "log", line("8 p 8", accuracy=0.991, learning_rate=0.5))
    told = json.loads((tmp_path / "log").read_text())
    assert told["recipe"] == json.loads(json.dumps(asdict(Recipe(epochs=3, learning_rate=0.5))))
    assert (told["arguments"], told["held_out"]) == ({"body": "8 p 8"}, HELD_OUT)
    assert (told["validation_accuracy"], told["parameters"]) == (0.991, 5_000)
    assert (told["epoch_seconds"], told["by_epoch"]) == ([9, 6, 7], [0.991] * 3)


def test_a_record_of_the_test_set_is_refused() -> None:
    """However it came to a search, it is not logged."""
    with pytest.raises(ValueError, match="is of the test set, and no search's"):
        tried(make_record())


def test_a_broken_trial_is_logged_too() -> None:
    """What nothing is known of is null, and the reason is there."""
    broken = make_failed_record(outcome="crashed")
    dataset = replace(broken.spec.dataset, validation=True)
    found = tried(replace(broken, spec=replace(broken.spec, dataset=dataset)))
    assert (found.outcome, found.reason) == ("crashed", "the trial crashed")
    assert (found.parameters, found.validation_accuracy, found.by_epoch) == (None, None, ())


def test_trials_of_the_same_settings_belong_together() -> None:
    """Whatever the candidate was called, and as the command knows before it trains."""
    one, renamed, other = line("a"), line("b", body="a", seed=3), line("a", momentum=0.9)
    assert one.settings == renamed.settings != other.settings
    case = searched("a").spec.case
    assert settings_of(case, 3, HELD_OUT) == one.settings


def test_settings_outlive_fields_that_recipes_get_later() -> None:
    """A line from before a field was there is a trial of its default."""
    told = msgspec.to_builtins(line("a"))
    del told["recipe"]["erase_pixels"]
    assert msgspec.convert(told, Tried).settings == line("a").settings


@pytest.mark.parametrize("damage", ["{}", "not JSON", "\udcff", "[" * 9999, '{"task": "mnist"}'])
def test_a_damaged_line_is_told_with_its_number_and_costs_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """Nothing is left out in silence, and nothing else is lost."""
    path = tmp_path / "mnist.jsonl"
    append(path, line())
    path.write_bytes(path.read_bytes() + damage.encode(errors="surrogateescape") + b"\n")
    append(path, line())
    assert read_log(path) == [line()] * 2
    assert re.search(r"mnist.jsonl:2: this is no trial: .*from git", capsys.readouterr().err)


def test_a_torn_line_costs_neither_the_one_before_nor_the_next(tmp_path: Path) -> None:
    """A disk that was full, or a power cut, left half a line without an end."""
    path = tmp_path / "mnist.jsonl"
    append(path, line())
    path.write_bytes(path.read_bytes() + path.read_bytes()[:100])
    append(path, line())
    assert read_log(path) == [line()] * 2


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no folder; or the last free bytes of a disk take part of a line."""
    (tmp_path / "search").write_text("no folder")
    with pytest.raises(UserError, match=r"mnist.jsonl cannot be written: "):
        append(tmp_path / "search" / "mnist.jsonl", line())
    monkeypatch.setattr("os.write", lambda _, content: len(content) - 1)
    with pytest.raises(UserError, match=r"bytes were written. Free the disk"):
        append(tmp_path / "mnist.jsonl", line())


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
    return {name: make() for name, make in blocks(folder).items()}


def cells(table: str) -> dict[str, list[str]]:
    """Return first cell → the others of every row."""
    return {row[0]: row[1:] for row in rows_of(table)[1:]}


def test_the_frontier_keeps_to_the_rules_of_its_task(tmp_path: Path) -> None:
    """Within 9 epochs, of at least two seeds, from 1,000 to 100,000 parameters."""
    found = cells(written(tmp_path, LINES)["search mnist frontier"])
    assert list(found) == ["4,000", "50,000"]
    assert found["4,000"] == ["99.10 ± 0.14 (2)", "3", "`body=16 p`"]


def test_the_smallest_network_of_each_mark_is_told() -> None:
    """Also that there is none."""
    found = cells(smallest_table(LINES[:10], replace(TASKS["mnist"], marks=(0.975, 0.99, 0.9995))))
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
    assert frontier_table(LINES[-1:], TASKS["mnist"]) == (
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
