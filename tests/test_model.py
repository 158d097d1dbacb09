"""A kept model: its card, and its answer beside those of other seeds, in a terminal and drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from records import make_record
from rich.console import Console
from scheduler_world import trial
from test_kept_models import CONFIG, write_model
from trials import assigned

from fitting_room.record import Confidence, Record
from fitting_room.report.model import (
    Answer,
    as_sure,
    card,
    confidences,
    draws_blocks,
    foreign,
    known_seeds,
    picture,
    table,
)
from fitting_room.report.plots import LIGHT, render
from fitting_room.report.plots.images import answer_picture


@pytest.mark.parametrize("sample", [True, False])
def test_a_card_says_what_the_model_is_and_what_it_is_worth(tmp_path: Path, sample: bool) -> None:
    """Case and seed, figures as percentages, the data by checksum, and where it means nothing."""
    write_model(tmp_path / "model.keras")
    record = make_record(
        case="mnist-dense_128", seed=7, test_accuracy=0.9762, test_loss=0.08714, sample=sample
    )
    text = card(record, tmp_path / "model.keras")
    cells = [[each.strip() for each in line.split("|")[1:-1]] for line in text.splitlines()]
    assert text.startswith("# mnist-dense_128, seed 7\n")
    assert "every figure is from the record beside it, `model.json`" in text
    assert 'keras.models.load_model("model.keras")' in text
    assert ["test accuracy", "97.62 %"] in cells
    assert ["test loss", "0.0871"] in cells
    assert ["parameters", "101,770"] in cells
    assert ["its SHA-256", f"`{record.spec.dataset.checksum}`"] in cells
    assert ["backend", "tensorflow on cpu"] in cells
    limits = text.split("## Limits")[1]
    assert "It knows the 10 classes of MNIST and nothing else" in limits
    assert ("Trained on the small sample" in limits) is sample


def test_a_card_names_what_keras_alone_cannot_load(tmp_path: Path) -> None:
    """A layer of this project's own is told, and a plain model needs nothing."""
    own = {"module": "models.minimal", "class_name": "Whitening", "config": {}}
    write_model(tmp_path / "own.keras", config={"config": {"layers": [CONFIG, own]}})
    write_model(tmp_path / "plain.keras")
    assert foreign(tmp_path / "own.keras") == {"models.minimal.Whitening"}
    record = trial(assigned(), lambda *_: None)
    texts = [card(record, tmp_path / f"{name}.keras") for name in ("own", "plain")]
    assert "needs this project's `models`, for models.minimal.Whitening" in texts[0]
    assert "Plain Keras 3 is all it needs" in texts[1]


CLASSES = ("cat", "dog", "2")
CONFIDENCE = Confidence(
    images=(0, 0, 10, 30),
    right=(0, 0, 6, 27),
    mean=(0.0, 0.0, 0.6, 0.9),
    first=((0.1, 0.2, 0.7), (0.3, 0.3, 0.4)),
    mistakes=(),
)


def answer(**changes: object) -> Answer:
    """Return an answer of three classes."""
    known = Answer(classes=CLASSES, probabilities=(0.25, 0.7, 0.05), truth=1)
    return replace(known, **changes)  # type: ignore[arg-type]


def record(seed: int, **changes: object) -> Record:
    """Return the record of a seed that kept how sure it was."""
    return replace(make_record(seed=seed), **{"confidence": CONFIDENCE, **changes})  # type: ignore[arg-type]


def test_other_seeds_are_those_that_may_be_published() -> None:
    """Not one on the sample, nor one made before probabilities were kept."""
    sample = replace(make_record(seed=2, sample=True), confidence=CONFIDENCE)
    records = [record(0), record(1, confidence=None), sample, record(3)]
    assert known_seeds(records, 1) == {0: (0.3, 0.3, 0.4), 3: (0.3, 0.3, 0.4)}
    assert known_seeds(records, 2) == {}
    assert len(confidences(records)) == 2


@pytest.mark.parametrize(
    ("probability", "expected"), [(1.0, (0.75, 1.0, 0.9, 30)), (0.6, (0.5, 0.75, 0.6, 10))]
)
def test_how_often_such_an_answer_is_right(
    probability: float, expected: tuple[float, float, float, int]
) -> None:
    """It is the share of the bin that the probability falls into; 1 is in the last."""
    assert as_sure(CONFIDENCE, probability) == pytest.approx(expected)


def test_a_class_is_named_once() -> None:
    """A digit's name is its label."""
    assert [answer().named(label) for label in (1, 2)] == ["dog (1)", "2"]


def test_characters_are_as_bright_as_pixels() -> None:
    """Black is blank, white the densest; each is two wide, for characters are high."""
    drawn = picture(np.array([[0, 255], [128, 0]], np.uint8), blocks=False)
    assert drawn.plain == "  @@\n++"


def test_a_half_block_holds_two_pixels() -> None:
    """The upper in front, the lower behind; an odd row has black below it."""
    drawn = picture(np.array([[10], [20], [30]], np.uint8), blocks=True)
    assert drawn.plain == "▀\n▀"
    styles = [str(span.style) for span in drawn.spans]
    assert styles == ["rgb(10,10,10) on rgb(20,20,20)", "rgb(30,30,30) on rgb(0,0,0)"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"force_terminal": True, "color_system": "truecolor"}, True),
        ({"force_terminal": True, "color_system": None}, False),
        ({"force_terminal": True, "no_color": True, "color_system": "truecolor"}, False),
        ({"force_terminal": False}, False),
    ],
)
def test_blocks_need_a_terminal_with_colours(settings: dict[str, object], expected: bool) -> None:
    """Elsewhere, and where NO_COLOR is set, the image is made of characters."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert draws_blocks(Console(file=file, **settings)) is expected  # type: ignore[arg-type]


def test_each_class_has_a_line_with_its_number_and_its_bar() -> None:
    """The most probable is marked; other seeds are mean and range, what was published is beside."""
    seeds = ((0.2, 0.8, 0.0), (0.4, 0.4, 0.2))
    head, _, *lines = table(
        answer(seeds=seeds, published=(None, 0.5, None)), blocks=False
    ).splitlines()
    lines = [head, *lines]
    assert lines[0].split() == ["this", "mean", "lowest–highest", "published"]
    assert lines[1].split() == ["0", "cat", "0.2500", "0.3000", "0.2000–0.4000", "######"]
    assert lines[2].split()[:7] == [">", "1", "dog", "0.7000", "0.6000", "0.4000–0.8000", "0.500"]
    assert lines[3].split() == ["2", "0.0500", "0.1000", "0.0000–0.2000", "#"]
    assert [line.index(".") for line in lines[1:]] == [lines[1].index(".")] * 3


@pytest.mark.parametrize("found", [[], [CONFIDENCE], [CONFIDENCE, CONFIDENCE]])
def test_an_answer_is_drawn_as_a_picture(found: list[Confidence]) -> None:
    """With the reliability diagram where there is a record; the same call gives the same file."""
    known = answer(seeds=((0.2, 0.8, 0.0),), published=(None, 0.5, None))
    draw = partial(answer_picture, np.eye(28, dtype=np.uint8), known, found, "a")
    files = [render(draw, LIGHT, "png") for _ in range(2)]
    assert (Image.open(io.BytesIO(files[0])).width > 1600) is bool(found)
    assert files[0] == files[1]
