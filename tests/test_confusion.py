"""Which classes are taken for one another."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image

from fitting_room.analysis.mistakes import Pair, most_confused
from fitting_room.report.plots import DARK, LIGHT, Draw, Theme, render
from fitting_room.report.plots.images import activations, confused, filters, samples

LABELS = np.array([0, 0, 0, 1, 1, 2], np.uint8)
SEEDS = [np.array([0, 1, 1, 1, 0, 2], np.uint8), np.array([0, 0, 1, 1, 1, 0], np.uint8)]


def test_pairs_are_ordered_by_their_mistakes_either_way() -> None:
    """Counts are means over the seeds, and images those that most seeds mistake first."""
    first, second = most_confused(SEEDS, LABELS, pairs=9)
    assert first == Pair(classes=(0, 1), counts=(1.5, 0.5), images=((2, 1), (4,)))
    assert second == Pair(classes=(0, 2), counts=(0.0, 0.5), images=((), (5,)))


def test_no_more_pairs_than_asked_for_and_none_without_mistakes() -> None:
    """A perfect model confuses nothing."""
    assert len(most_confused(SEEDS, LABELS, pairs=1)) == 1
    assert most_confused([LABELS], LABELS, pairs=9) == []


def test_every_mistake_is_of_some_pair() -> None:
    """Over all pairs the counts add up to the mistakes of a seed."""
    generator = np.random.default_rng(0)
    labels, answers = generator.integers(0, 10, (2, 500), np.uint8)
    pairs = most_confused([answers], labels, pairs=45)
    assert sum(pair.both for pair in pairs) == np.sum(answers != labels)


IMAGES = np.random.default_rng(0).integers(0, 255, (6, 28, 28), np.uint8)
PAIRS = most_confused(SEEDS, LABELS, pairs=2)
LAYERS = {
    "conv": np.random.default_rng(1).random((2, 26, 26, 4), np.float32),
    "pool": np.zeros((2, 13, 13, 4), np.float32),
}


NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(
    "draw",
    [
        partial(samples, IMAGES, LABELS, NAMES, "x"),
        partial(confused, IMAGES, PAIRS, NAMES, "x", small_print="x"),
        partial(activations, {"a": IMAGES[0], "b": IMAGES[1]}, LAYERS, [0, 3], "x"),
        partial(filters, np.zeros((3, 3, 5), np.float32), "x"),
        partial(filters, np.random.default_rng(0).random((28, 28, 150), np.float32), "x"),
    ],
)
def test_each_picture_can_be_drawn(draw: Draw, theme: Theme) -> None:
    """Of classes with few images, of silent layers, of weights that are all zero, too."""
    assert Image.open(io.BytesIO(render(draw, theme, "png"))).format == "PNG"
