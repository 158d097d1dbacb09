"""``predict`` and ``inspect``, as a person runs them, with simulated trainings and answers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Printed, printed, shell
from PIL import Image
from records import PROJECT, make_record, stored
from scheduler_world import pretend, trial
from test_kept_models import write_model
from test_model import CONFIDENCE

from fitting_room.cli import predict
from fitting_room.cli.predict import alike
from fitting_room.lab.probe import Seen
from fitting_room.record import Job, Listener, Record, pack_classes

PNG = b"\x89PNG"
SURE = np.eye(10, dtype=np.float32)[9] * 0.9 + 0.01


def seen(*, inside: bool) -> Seen:
    """Return what a model is made to see in any image: an ankle boot."""
    layers = {"conv": np.ones((3, 26, 26, 4), np.float32)} if inside else {}
    filters = np.ones((3, 3, 4), np.float32) if inside else None
    return Seen(probabilities=SURE[np.newaxis], activations=layers, filters=filters)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make trainings up, and answers; return the trials that ran, and the models ``asked``."""
    monkeypatch.chdir(tmp_path)
    here = replace(PROJECT, results=tmp_path / "results")
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: here)
    monkeypatch.setenv("COLUMNS", "200")

    def make(job: Job, listen: Listener) -> Record:
        write_model(Path(job.keep or ""))
        answers = pack_classes(np.arange(500) % 10)
        return replace(
            trial(job, listen), confidence=replace(CONFIDENCE, first=()), predictions=answers
        )

    trials: Any = pretend(monkeypatch, make)
    trials.asked = []

    def ask(model: Path | None, *_: object, inside: bool = False) -> Seen:
        trials.asked.append(model)
        return seen(inside=inside)

    monkeypatch.setattr(predict, "look", ask)
    return trials


def run(*arguments: object, status: int = 0) -> Printed:
    """Run a command as a person does."""
    return printed(*arguments, status=status, by=shell)


def test_a_model_is_trained_once_and_then_there(world: Any) -> None:
    """The first call trains it, with progress and without a question; the second does not."""
    first, second = (run("predict", "--sample") for _ in range(2))
    assert len(world.ran) == 1
    assert [said.err.count("is kept: it is trained now") for said in (first, second)] == [1, 0]
    assert "Kept as results/models/fashion_mnist-dense_128/seed-000-sample.keras" in first.err
    answer = "It says Ankle boot (9), with a probability of 0.9100."
    assert [said.out.count(answer) for said in (first, second)] == [1, 1]


@pytest.mark.usefixtures("world")
def test_an_answer_is_held_against_the_label() -> None:
    """It is right or wrong, and how often such answers are right is said with it."""
    out = run("predict", "--sample", "--index", 3, "--output", "a.png").out
    assert re.search(r"The label is .*, (which is right|so it is wrong)\.", out)
    assert "Of its answers to test images 30 were as sure (0.750–1.000), 90.0 % were right" in out
    assert re.search(r"^> +9 Ankle boot +0\.9100 +#{22}$", out, re.MULTILINE)
    assert Path("a.png").read_bytes().startswith(PNG)


@pytest.mark.usefixtures("world")
def test_a_file_is_converted_and_what_was_done_is_told() -> None:
    """It has no label, and no step is told that was not taken."""
    Image.fromarray(np.pad(np.full((50, 30), 20, np.uint8), 25, constant_values=255)).save("a.png")
    out = run("predict", "--sample", "--image", "a.png").out
    steps = [line.removeprefix("  - ") for line in out.splitlines() if line.startswith("  - ")]
    assert steps == [
        "read 80 × 100 pixels",
        "grey, as distance from the border's 255",
        "cut to 30 × 50",
        "scaled to 17 × 28",
        "centred by its box in 28 × 28",
    ]
    assert "The label is" not in out
    assert "How often such an answer is right is not known" in out
    assert "were right" not in out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("predict --image none.png", "none.png cannot be used: No such file or directory"),
        ("predict --index 500", "There is no test image 500: there are 500, so the last is 499."),
        ("predict --case mnist-dens_128", "Did you mean 'mnist-dense_128'"),
        ("inspect --filters 4", "There is no filter 4 in every layer: the smallest has 4"),
        ("inspect --images 5 500", "There is no test image 500"),
    ],
)
def test_what_is_not_there_is_told_in_words(world: Any, command: str, said: str) -> None:
    """Before anything is trained."""
    assert said in run(*command.split(), "--sample", status=2).err
    assert world.ran == []


@pytest.mark.usefixtures("world")
def test_inspect_draws_all_there_is() -> None:
    """Into a folder of the case, and names the files."""
    out = run("inspect", "--sample", "--filters", 0, 3).out
    folder = Path("results/inspect/fashion_mnist-dense_128-sample")
    names = ["samples", "activations", "filters", "confused", "calibration"]
    assert [line for line in out.splitlines() if line.endswith(".png")] == [
        str(folder / f"{name}.png") for name in names
    ]
    assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())
    assert "Most confused, mistakes of one seed:" in out


def test_a_filter_is_looked_for_once_the_model_is_there(world: Any) -> None:
    """Then it is asked itself, and no other is built."""
    run("inspect", "--sample", "--filters", 3)
    told = run("inspect", "--sample", "--filters", 4, status=2).err
    assert "There is no filter 4 in every layer" in told
    assert [len(world.ran), world.asked.count(None)] == [1, 1]


def test_other_seeds_are_of_the_same_training(tmp_path: Path) -> None:
    """Not of another backend or device, other epochs, or code that has changed since."""
    own = make_record(seed=0)
    stale = replace(own.provenance, training_digest="0" * 64)
    others = [
        make_record(seed=1),
        make_record(seed=2, backend="jax"),
        make_record(seed=3, device="gpu"),
        make_record(seed=4, epochs=1),
        replace(make_record(seed=5), provenance=stale),
    ]
    stored(tmp_path / "reference", [own, *others])
    assert [record.spec.seed for record in alike(tmp_path, own)] == [0, 1]


def test_three_shoes_or_three_digits_are_followed() -> None:
    """The published choice: the first three ankle boots, and the first three digits."""
    from fitting_room.spec import TASKS

    labels = np.array([9, 2, 9, 1, 9, 9], np.uint8)
    assert predict._chosen(None, TASKS["fashion_mnist"], labels) == (0, 2, 4)
    assert predict._chosen(None, TASKS["mnist"], labels) == (0, 1, 2)
    assert predict._chosen([5, 1], TASKS["mnist"], labels) == (5, 1)
