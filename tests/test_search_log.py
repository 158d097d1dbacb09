"""The log of a search: every trial a line, and nothing of the test set."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from records import make_failed_record, make_record
from search_world import HELD_OUT, line, searched

from fitting_room.errors import UserError
from fitting_room.recipe import Recipe
from fitting_room.studies.candidates import Tried, append, read_log, settings_of, tried


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In order, through a folder that is not there yet."""
    path, lines = tmp_path / "search" / "mnist.jsonl", [line("a"), line("b", seed=1)]
    for each in lines:
        append(path, each)
    assert read_log(path) == lines
    assert path.read_bytes().count(b"\n") == 2


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    """Before the first search there is no file."""
    assert read_log(tmp_path / "mnist.jsonl") == []


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


def test_a_short_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last free bytes of a disk take part of a line, and the call that wrote it succeeds."""
    monkeypatch.setattr("os.write", lambda _, content: len(content) - 1)
    with pytest.raises(UserError, match=r"bytes were written. Free the disk"):
        append(tmp_path / "mnist.jsonl", line())


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Its name and the reason are in the message."""
    (tmp_path / "search").write_text("no folder")
    with pytest.raises(UserError, match=r"mnist.jsonl cannot be written: "):
        append(tmp_path / "search" / "mnist.jsonl", line())
