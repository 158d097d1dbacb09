"""Candidates of a search: read as written, or refused with the place and the cure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fitting_room.errors import UserError
from fitting_room.spec import Case
from fitting_room.studies.candidates import Study, read_study

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


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Its name is in the message."""
    with pytest.raises(UserError, match=r"none.toml cannot be read.*It holds candidates"):
        read_study(tmp_path / "none.toml", "mnist")


def test_an_unknown_task_is_told(tmp_path: Path) -> None:
    """With the nearest known."""
    with pytest.raises(UserError, match=r"no task 'mnits'. Did you mean 'mnist'"):
        read(tmp_path, GOOD, task="mnits")
