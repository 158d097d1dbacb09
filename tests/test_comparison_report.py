"""A comparison as people and programs read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from comparisons import DENSE, seeds, side
from records import make_record

from bench.cases import CASES
from fitting_room.analysis.comparison import compare
from fitting_room.record import Record
from fitting_room.report.comparison import as_json, as_markdown


def test_a_case_renamed_is_compared_and_told_of() -> None:
    """That its builder and arguments are the vanished one's is said, with their digest."""
    case = replace(CASES[DENSE], architecture="dense_a")
    found = compare(side(seeds()), side(seeds(case=case, off=-0.06)))
    text = as_markdown(found, undecided=False)
    assert "fashion_mnist-dense_a appeared and fashion_mnist-dense_128 vanished, but" in text
    assert re.search(r"\(digest [0-9a-f]{12}\): renamed", text)
    assert f"{DENSE} → fashion_mnist-dense_a test_accuracy regression" in text


def test_what_is_missing_fails() -> None:
    """A case that head does not show is red, and named."""
    both = [*seeds(), *seeds(case="mnist-dense_128")]
    found = compare(side(both), side(seeds(), "folder y"))
    assert found.red(undecided=False)
    assert "mnist-dense_128 is missing: head (folder y): no records of it" in as_markdown(
        found, undecided=False
    )


def test_a_changed_recipe_is_judged_and_stated() -> None:
    """What the settings are is told; whether that does harm is for the figures to say."""
    case = CASES[DENSE]
    slow = replace(case, recipe=replace(case.recipe, learning_rate=1e-4))
    found = compare(side(seeds()), side(seeds(case=slow, off=-0.06)))
    text = as_markdown(found, undecided=False)
    assert "recipe's learning rate: 0.001 in base, 0.0001 in head" in text.replace("_", " ")
    assert "test_accuracy regression" in text


@pytest.mark.parametrize("make", [as_json, as_markdown])
def test_json_and_markdown_have_the_same_findings(make: Callable[..., Any]) -> None:
    """Every metric is in both, and the keys of the records in the JSON."""
    found = compare(side(seeds()), side(seeds(off=-0.06)))
    text = make(found, undecided=False)
    text = text.decode() if isinstance(text, bytes) else text
    assert all(each.verdict.metric in text for each in found.changes)
    if make is as_json:
        assert seeds()[0].key in text


def test_predictions_are_compared_image_by_image() -> None:
    """The interval of the difference on the same images stands beside the test over seeds."""
    truth = np.arange(1000) % 10
    right, wrong = truth.copy(), truth.copy()
    wrong[:100] += 1
    base = [
        replace(r, predictions=p.predictions) for r, p in zip(seeds(), packed(right), strict=True)
    ]
    head = [
        replace(r, predictions=p.predictions)
        for r, p in zip(seeds(off=-0.06), packed(wrong), strict=True)
    ]
    found = compare(side(base), side(head), labels=lambda _: truth)
    (images,) = (c.images for c in found.changes if c.images)
    assert images.estimate == pytest.approx(-0.1)
    assert "on the same images -10.00 points" in as_markdown(found, undecided=False)
    assert not any(c.images for c in compare(side(base), side(head)).changes)


def packed(classes: np.ndarray) -> list[Record]:
    """Return six records that predict these classes."""
    return [make_record(predictions=classes.tolist())] * 6
