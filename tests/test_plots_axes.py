"""Every picture that there is, drawn from a few made-up records, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from imports import ROOT
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D
from pages import IMAGES
from records import make_record

from bench.cases import CASES
from fitting_room.analysis.rows import rows
from fitting_room.judge.verdict import Bound
from fitting_room.record import Confidence, Record
from fitting_room.report.plots.album import Album, of_case, overview
from fitting_room.report.plots.theme import LIGHT, THEMES, Draw, Theme, render

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
DIGITS = "mnist-dense_128"
SURE = Confidence(images=(5, 20), right=(0, 15), mean=(0.3, 0.9), first=(), mistakes=())


def whole(case: str, seed: int) -> Record:
    """Return a record with probabilities, whose last epoch a neighbour made twice as long."""
    record = make_record(case=case, seed=seed)
    *epochs, last = record.epochs
    slow = replace(last, seconds=2 * last.seconds)
    return replace(record, confidence=SURE, epochs=(*epochs, slow))


def bound(metric: str) -> Bound:
    """Return a limit below for accuracies, and a band for losses."""
    if "accuracy" in metric:
        return Bound(metric=metric, at_least=0.8, reason="shown")
    return Bound(metric=metric, between=(0.1, 0.6), reason="shown")


def pictures() -> dict[str, Draw]:
    """Return how each is drawn: the overview of three cases, and what there is of one alone."""
    records = [whole(case, seed) for case in (DENSE, CNN, DIGITS) for seed in (0, 1)]
    album = Album(
        rows=rows(list(CASES.values()), records, {}, {}),
        records=records,
        bounds=lambda _, metric: bound(metric),
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


NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
SVG = "{http://www.w3.org/2000/svg}"


def placed(text: str) -> Affine2D:
    """Return what an SVG file's ``transform`` does."""
    whole = Affine2D()
    for name, numbers in re.findall(r"(\w+)\(([^)]*)\)", text):
        told = [float(number) for number in re.findall(NUMBER, numbers)]
        step = Affine2D()
        if name == "translate":
            step.translate(*[*told, 0.0][:2])
        elif name == "scale":
            step.scale(*told)
        elif name == "rotate" and len(told) == 3:
            step.rotate_deg_around(told[1], told[2], told[0])
        elif name == "rotate":
            step.rotate_deg(told[0])
        else:
            step = Affine2D.from_values(*told)
        whole = step + whole
    return whole


def coordinates(element: ElementTree.Element, at: Affine2D) -> Iterator[np.ndarray]:
    """Yield the points, shape (n, 2), of all that an SVG element shows, in those of its frame."""
    if element.tag in (f"{SVG}defs", f"{SVG}metadata"):
        return  # definitions have coordinates of their own
    at = placed(element.get("transform", "")) + at
    numbers = [float(number) for number in re.findall(NUMBER, element.get("d", ""))]
    if element.tag == f"{SVG}path":
        yield at.transform(np.reshape(numbers, (-1, 2)))
    if element.tag in (f"{SVG}use", f"{SVG}image"):
        x, y, wide, high = (float(element.get(k, 0)) for k in ("x", "y", "width", "height"))
        yield at.transform([[x, y], [x + wide, y + high]])
    for part in element:
        yield from coordinates(part, at)


def reach(svg: bytes) -> float:
    """Return how far a picture goes beyond its frame, as a share of its longer side."""
    root = ElementTree.fromstring(svg)
    frame = [float(number) for number in root.attrib["viewBox"].split()]
    points = np.concatenate(list(coordinates(root, Affine2D())))
    assert len(points) > 100
    beyond = np.maximum(np.subtract(frame[:2], points), points - np.add(frame[:2], frame[2:]))
    return float(beyond.max()) / max(frame[2:])


@pytest.mark.parametrize("name", PICTURES)
def test_no_picture_goes_beyond_its_frame(name: str) -> None:
    """Viewers that count in single precision draw coordinates far outside in the wrong place."""
    assert reach(render(PICTURES[name], LIGHT, "svg")) < 0.01


@pytest.mark.parametrize("path", sorted((ROOT / "results").rglob("*.svg")), ids=lambda p: p.stem)
def test_no_committed_picture_goes_beyond_its_frame(path: Path) -> None:
    """They are what readers see, drawn from all references and the bounds as they are."""
    assert reach(path.read_bytes()) < 0.01


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
