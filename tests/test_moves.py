"""``remove`` and ``rename``: what is left of a case once the project's list of cases changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Printed, printed, shell
from imports import ROOT
from records import PROJECT, make_record
from test_kept_models import write_model

from bench.cases import CASES
from fitting_room.machine import PLATFORMS
from fitting_room.record import Job, Record
from fitting_room.report.model import card
from fitting_room.store.bounds import read_bounds
from fitting_room.store.claims import read_published
from fitting_room.store.key import quality_key
from fitting_room.store.records import Models, Store, encoded, read_speeds

NEW = CASES["fashion_mnist-dense_128"]
OLD = replace(NEW, architecture="old")
BOUNDS = """# What holds.

# Kept by nobody else.
[fashion_mnist-old]
parameters = { exactly = 101_770, reason = "counted [really]" }

["fashion_mnist-old".training_loss_by_epoch]
between = [
  [0.4, 0.5],
]
mean = [0.45]
sd = [0.01]
seeds = 5
reason = "five seeds"

["fashion_mnist-old".jax-cpu]
test_loss = { at_most = 0.3, reason = "so" }

# Of another.
[mnist-dense_128]
test_loss = { at_most = 0.3, reason = "so" }
"""
CLAIMS = """[sources]
book = "A. Author, Book, 1999"

[fashion_mnist-old]
test_accuracy = { published = "87%", value = 0.87, source = "book" }

[claims.better]
kind = "order"
said = "one before the other"
metric = "test_accuracy"
cases = ["fashion_mnist-old", "fashion_mnist-cnn_64"]
source = "book"
"""


def key(record: Record) -> Record:
    """Return the record with the key that its code and case give it."""
    return replace(record, key=quality_key(record.spec, record.provenance))


def run(*arguments: object, status: int = 0) -> Printed:
    """Run a command as a person does."""
    return printed(*arguments, status=status, by=shell)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the project be one that had the old case until now; return its results."""
    (tmp_path / "bounds.toml").write_text(BOUNDS, "utf-8")
    (tmp_path / "claims.toml").write_text(CLAIMS, "utf-8")
    results = tmp_path / "results"
    for seed in (0, 1):
        Store(results / "reference").put(key(make_record(case=OLD, seed=seed)))
    Store(results / "reference" / "jax-cpu").put(key(make_record(case=OLD, backend="jax")))
    Store(results / "trials").put(key(make_record(case=CASES["mnist-dense_128"])))
    here = replace(
        PROJECT,
        root=tmp_path,
        results=results,
        bounds=tmp_path / "bounds.toml",
        claims=tmp_path / "claims.toml",
    )
    object.__setattr__(here, "cases", CASES)  # read once: their modules do not lie in the folder
    object.__setattr__(here, "exercise_cases", {})
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: here)
    monkeypatch.chdir(tmp_path)
    return results


def state(folder: Path) -> dict[str, bytes]:
    """Return the content of every file."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", [("remove", OLD.name), ("rename", OLD.name, NEW.name)])
def test_nothing_is_changed_before_it_was_shown(command: tuple[str, ...], results: Path) -> None:
    """Without --apply folders and lines are told, and every file stays."""
    before = state(results.parent)
    out = run(*command).out
    assert f"{command[0]} results/reference/{OLD.name}\n" in out
    assert f"-[{OLD.name}]\n" in out
    assert "--apply" in out
    assert state(results.parent) == before


def test_remove_leaves_nothing_of_a_case(results: Path) -> None:
    """Records, bounds and every claim about it go; the rest stays to the letter."""
    others = Path("results/trials")
    before = state(others)
    run("remove", OLD.name, "--apply")
    assert [path for path in results.rglob("*") if OLD.name in path.name] == []
    assert state(others) == before
    text = Path("bounds.toml").read_text("utf-8")
    assert text == BOUNDS.partition("# Kept")[0] + "# Of" + BOUNDS.partition("# Of")[2]
    published = read_published(Path("claims.toml"), cases=CASES)
    assert published.all == []
    run("remove", OLD.name, status=2)


def test_rename_takes_models_times_and_pictures_along(results: Path) -> None:
    """What lies beside the records is found under the new name, and nothing under the old."""
    model = Models(results / "models", card).file(make_record(case=OLD).spec)
    model.parent.mkdir(parents=True)
    write_model(model)
    model.with_suffix(".json").write_bytes(encoded(key(make_record(case=OLD))))
    (results / "inspect" / f"{OLD.name}-sample").mkdir(parents=True)
    for room in ("speed", "noise", "peers"):
        text = (ROOT / "results" / room / f"{NEW.name}.json").read_text("utf-8")
        text = text.replace('"dense_128"', '"old"').replace(NEW.name, OLD.name)
        (results / room).mkdir()
        (results / room / f"{OLD.name}.json").write_text(text, "utf-8")
    run("rename", OLD.name, NEW.name, "--apply")
    wanted = Job(
        spec=make_record(case=NEW).spec,
        key=key(make_record(case=NEW)).key,
        provenance=make_record(case=NEW).provenance,
        root=str(ROOT),
    )
    assert Models(results / "models", card).find(wanted)
    committed = [each for each in read_speeds(ROOT / "results/speed") if each.spec.case == NEW]
    assert read_speeds(results / "speed") == committed
    noise = Path("results", "noise", f"{NEW.name}.json")
    assert noise.read_bytes() == (ROOT / noise).read_bytes()
    assert json.loads(Path("results", "peers", f"{NEW.name}.json").read_text())["case"] == NEW.name
    assert (results / "inspect" / f"{NEW.name}-sample").is_dir()
    assert [path for path in results.rglob("*") if OLD.name in path.name] == []


def test_rename_makes_records_answer_for_the_new_name(results: Path) -> None:
    """Their figures stay, their keys are those that the same code now gives; so do bounds."""
    run("rename", OLD.name, NEW.name, "--apply")
    store = Store(results / "reference")
    wanted = [key(make_record(case=NEW, seed=seed)) for seed in (0, 1)]
    assert list(store.all()) == wanted
    assert [store.find(NEW.name, each.key) for each in wanted] == wanted
    jax = Store(results / "reference" / "jax-cpu").all()
    assert list(jax) == [key(make_record(case=NEW, backend="jax"))]
    bounds = read_bounds(
        Path("bounds.toml"), cases=CASES, metrics=["parameters", "training_loss", "test_loss"]
    )
    assert bounds.metrics(NEW.name) == ("parameters", "training_loss_by_epoch")
    assert bounds.on(PLATFORMS["jax-cpu"]).metrics(NEW.name) == ("parameters", "test_loss")
    published = read_published(Path("claims.toml"), cases=CASES)
    assert NEW.name in published.figures
    assert published.statements[0].cases_named == (NEW.name, "fashion_mnist-cnn_64")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["remove", NEW.name], "Take it out of its code first"),
        (["remove", "mnist-never"], "Nothing is left of 'mnist-never'"),
        (["rename", OLD.name, "mnist-never"], "There is no case 'mnist-never'"),
        (["rename", OLD.name, "mnist-dense_128"], "is there already"),
        (["rename", OLD.name, "mnist-minimal"], "is of another task"),
    ],
)
def test_what_would_lose_something_is_refused(command: list[str], said: str, results: Path) -> None:
    """Before any file changes."""
    before = state(results.parent)
    assert said in run(*command, "--apply", status=2).err
    assert state(results.parent) == before


def test_a_bound_of_no_case_names_both_commands(results: Path) -> None:
    """Whoever removed an architecture is told what is left to do."""
    told = run("plots", "--records", results / "reference", status=2).err
    assert f"python -m bench remove {OLD.name}, or rename" in told
