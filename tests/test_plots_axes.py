"""Every picture that there is, drawn from a few made-up records, light and dark."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pages import IMAGES
from records import make_record

from bench.cases import CASES
from bench.harness.record import Confidence, Record
from bench.harness.report.plots.album import Album, of_case, overview
from bench.harness.report.plots.canvas import Draw, render
from bench.harness.report.plots.theme import LIGHT, THEMES, Theme
from bench.harness.report.rows import rows

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
DIGITS = "mnist-dense_128"
SURE = Confidence(images=(5, 20), right=(0, 15), mean=(0.3, 0.9), first=(), mistakes=())


def whole(case: str, seed: int) -> Record:
    """Return a record with probabilities, whose last epoch a neighbour made twice as long."""
    record = make_record(case=case, seed=seed)
    *epochs, last = record.epochs
    slow = replace(last, seconds=2 * last.seconds)
    return replace(record, confidence=SURE, epochs=(*epochs, slow))


def pictures() -> dict[str, Draw]:
    """Return how each is drawn: the overview of three cases, and what there is of one alone."""
    records = [whole(case, seed) for case in (DENSE, CNN, DIGITS) for seed in (0, 1)]
    album = Album(
        rows=rows(list(CASES.values()), records, {}, {}),
        records=records,
        bounds=lambda *_: None,
        test_sets={record.spec.dataset.checksum: IMAGES for record in records},
    )
    found = {**overview(album), **of_case(album, album.trained[0])}
    return {name: draw for name, draw in found.items() if not isinstance(draw, str)}


PICTURES = pictures()


def has_names(axes: Axes) -> bool:
    """Return whether words stand at the ticks of the vertical axis, such as names of cases."""
    texts = [text.get_text() for text in axes.get_yticklabels()]
    return bool(texts) and all(text[:1].isalpha() for text in texts)


def test_nothing_is_missing_where_records_have_all() -> None:
    """Confusion and calibration are there, too."""
    kinds = {name.removeprefix(f"{DENSE}-") for name in PICTURES if name.startswith(DENSE)}
    assert kinds == {"curves", "seconds", "confusion", "reliability"}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("name", PICTURES)
def test_every_axis_says_what_it_is(name: str, theme: Theme) -> None:
    """By a label of its own or of the axes that it stands in line with, or by names."""
    drawn: list[Figure] = []

    def draw(theme: Theme) -> Figure:
        drawn.append(PICTURES[name](theme))
        return drawn[0]

    assert render(draw, theme, "svg").startswith(b"<?xml")
    grid = [(axes, axes.get_subplotspec()) for axes in drawn[0].axes if axes.axison]
    labelled_columns = {place.colspan for axes, place in grid if place and axes.get_xlabel()}
    labelled_rows = {place.rowspan for axes, place in grid if place and axes.get_ylabel()}
    assert grid
    assert {place.colspan for _, place in grid if place} == labelled_columns
    named = {place.rowspan for axes, place in grid if place and has_names(axes)}
    assert {place.rowspan for _, place in grid if place} == labelled_rows | named


def test_a_disturbed_epoch_is_crossed_out() -> None:
    """One of each of two seeds, on both clocks; the first epochs, with tracing, are hollow."""
    for axes in PICTURES[f"{DENSE}-seconds"](LIGHT).axes:
        marks = [(line.get_marker(), len(line.get_xdata())) for line in axes.lines]
        assert [mark for mark in marks if mark[0] in "xo"] == [("o", 6), ("x", 2), ("o", 2)]


def test_accuracy_and_loss_of_one_case_stand_side_by_side() -> None:
    """Both over the same epochs."""
    left, right = PICTURES[f"{DENSE}-curves"](LIGHT).axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("accuracy (%)", "loss (nats)")
    assert left.get_subplotspec().rowspan == right.get_subplotspec().rowspan
    assert left.get_xlim() == right.get_xlim()
