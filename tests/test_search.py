"""Searches: candidates as they are written, and the log of their trials."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from records import make_failed_record, make_record
from search_world import HELD_OUT, line, searched

from fitting_room.errors import UserError
from fitting_room.spec import Case, Recipe
from fitting_room.studies.search import (
    Study,
    Tried,
    append,
    read_log,
    read_study,
    settings_of,
    tried,
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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[candidate.x]", "there is no key 'candidate'. Did you mean 'candidates'"),
        (
            "[candidates.x]\nrecipes = {}",
            r"\[candidates.x\] recipes: there is no key 'recipes'.*'recipe'",
        ),
        ("[candidates.x]\nrecipe = 3", r"\[candidates.x\]: Expected `object`, got `int`"),
        (
            "[candidates.x]\nbuilder = 'models.a:b'\nrecipe = { epoch = 3 }",
            r"\[candidates.x\]: a recipe has no 'epoch'. Did you mean 'epochs'",
        ),
        (
            "[candidates.x]\nbuilder = 'models.a:b'\nrecipe = { epochs = 0 }",
            r"\[candidates.x\]: epochs must be at least 1, not 0",
        ),
        (
            "[candidates.x]\nbuilder = 'models.a:b'\nrecipe = { epochs = 'three' }",
            r"\[candidates.x\]: Expected `int`, got `str`",
        ),
        (
            "[candidates.x]\nbuilder = 'models.a:b'",
            r"\[candidates.x\]: .*missing required field `epochs`",
        ),
        ("[candidates.x]\nrecipe = { epochs = 1 }", r"\[candidates.x\]: its builder must .* none"),
        (
            "[candidates.x]\nbuilder = 'other:net'\nrecipe = { epochs = 1 }",
            r"\[candidates.x\]: its builder must be as models.minimal:minimal, not 'other:net'",
        ),
        (
            "[defaults]\nbuilder = 'models.a:b'\nrecipe = { epochs = 1 }\n"
            "[candidates.'a b']\n[candidates.'a/b']\n",
            "there are two candidates 'a_b'. Rename one",
        ),
        (GOOD.replace("[defaults]", "base = 'smal'\n[defaults]"), "base: .* mean 'small'"),
        ("candidates = 3", r"candidates must be tables"),
        ("", "names no candidates. Add a table such as"),
        ("[[[", ":1: this is not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file, the candidate and what was expected."""
    with pytest.raises(UserError, match=f"candidates.toml.*{told}"):
        read(tmp_path, text)


def test_a_mistake_in_the_call_is_told(tmp_path: Path) -> None:
    """The file is not there, or the task is unknown."""
    with pytest.raises(UserError, match=r"none.toml cannot be read.*It holds candidates"):
        read_study(tmp_path / "none.toml", "mnist")
    with pytest.raises(UserError, match=r"no task 'mnits'. Did you mean 'mnist'"):
        read(tmp_path, GOOD, task="mnits")


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
