"""Pictures: always the same bytes, legible on light and dark pages, complete and within frame."""

from __future__ import annotations

import inspect
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imports import ROOT
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pages import IMAGES
from PIL import Image
from records import make_record

from bench.cases import CASES
from fitting_room.analysis.mistakes import Pair, most_confused
from fitting_room.analysis.trials import rows
from fitting_room.judge.verdict import Bound
from fitting_room.record import Confidence, Record
from fitting_room.report import plots
from fitting_room.report.plots import (
    DARK,
    LIGHT,
    THEMES,
    Draw,
    Theme,
    drawn_by,
    for_any_page,
    render,
    save,
    side_by_side,
)
from fitting_room.report.plots.album import (
    Album,
    frontier,
    label,
    made_with,
    of_case,
    overview,
)
from fitting_room.report.plots.images import activations, confused, filters, samples

DENSE, DIGITS = "fashion_mnist-dense_128", "mnist-dense_128"
RECORDS = [make_record(case=case, seed=seed) for case in (DENSE, DIGITS) for seed in (0, 1)]


def album() -> Album:
    """Return what can be drawn of two cases, whose images are not at hand."""
    return Album(
        rows=rows(list(CASES.values()), RECORDS, {}, {}), records=RECORDS, bounds=lambda *_: None
    )


def line(theme: Theme) -> Figure:
    """Draw something small."""
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1], color=theme.test)
    return figure


def test_equal_records_give_equal_bytes_in_another_process() -> None:
    """Neither date nor chance nor the seed of Python's hashes is in a file."""
    program = (
        "from __future__ import annotations; import sys; from matplotlib.figure import Figure\n"
        f"from fitting_room.report.plots import LIGHT, render\n{inspect.getsource(line)}\n"
        "sys.stdout.buffer.write(render(line, LIGHT, 'svg'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT / "bench")}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment)
    assert ran.stdout == render(line, LIGHT, "svg")


def test_settings_of_a_user_change_no_picture() -> None:
    """What somebody prefers in Matplotlib is no part of a picture."""
    plain = render(line, LIGHT, "svg")
    with mpl.rc_context({"axes.grid": False, "font.size": 20, "lines.linewidth": 9}):
        assert render(line, LIGHT, "svg") == plain
        assert mpl.rcParams["font.size"] == 20


def test_file_is_of_the_kind_that_its_name_says(tmp_path: Path) -> None:
    """SVG says which program drew it, and PNG begins as one does."""
    svg = save(line, tmp_path / "line.svg", LIGHT).read_bytes()
    assert drawn_by(svg) == f"Matplotlib v{mpl.__version__}"
    assert save(line, tmp_path / "line.png", LIGHT).read_bytes().startswith(b"\x89PNG")


def test_picture_in_a_page_has_the_colours_of_both_themes() -> None:
    """Each light one is named once, beside the dark one in its place, and used by its name."""
    assert len(set(zip(LIGHT.colours, DARK.colours, strict=True))) == len(set(LIGHT.colours))
    text = for_any_page(line).decode()
    style = re.search(r"<style>svg (.*?)</style>", text)
    assert style
    assert re.findall("#[0-9a-f]{6}", style[1]) == [*LIGHT.colours, *DARK.colours]
    assert not re.findall(r": #[0-9a-f]{6}", text.replace(style[0], ""))


@pytest.mark.parametrize("program", [sys.executable, "false"])
def test_pictures_are_the_same_whichever_process_draws_them(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """A second one draws every other picture; where it fails, the first does."""
    monkeypatch.setattr(plots, "usable_cores", lambda: 2)
    monkeypatch.setattr(plots, "MANY", 1)
    monkeypatch.setattr(sys, "executable", program)
    wanted = [PICTURES[f"{DENSE}-{kind}"] for kind in ("curves", "seconds", "reliability")]
    assert side_by_side(wanted) == [for_any_page(draw) for draw in wanted]


def luminance(colour: str) -> float:
    """Return the relative luminance that WCAG 2 defines."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_every_colour_stands_out_from_the_paper(theme: Theme) -> None:
    """WCAG 2 asks for a contrast of 4.5 for text, and of 3 for graphics."""
    for colours, least in (
        ((theme.ink, theme.muted), 4.5),
        ((theme.test, theme.other), 3.0),
    ):
        for colour in colours:
            low, high = sorted((luminance(colour), luminance(theme.paper)))
            assert (high + 0.05) / (low + 0.05) >= least, colour


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_frontier_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    """Held against the definition, point by point."""
    beaten = {
        (x, y) for x, y in points for a, b in points if a <= x and b >= y and (a, b) != (x, y)
    }
    assert frontier(points) == sorted(set(points) - beaten)


def test_names_cover_neither_each_other_nor_points() -> None:
    """Four points close together, and a line through them, leave room for all four names."""
    figure = Figure(figsize=(6, 4), layout="none")
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    points = [("first", 5.0, 5.0), ("second", 5.4, 5.0), ("third", 5.0, 5.5), ("fourth", 5.4, 5.6)]
    texts = label(axes, points, avoid=[[(0, 5), (10, 5)]])
    boxes = [text.get_window_extent() for text in texts]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    spots = axes.transData.transform([point[1:] for point in points])
    assert not [spot for spot in spots for box in boxes if box.contains(*spot)]


def test_caption_says_with_what_and_when() -> None:
    """Number of seeds, versions, machine and dates, and no name of a host."""
    records = [*RECORDS, make_record(seed=2, started="2026-03-04T12:00:00+00:00")]
    assert made_with(records) == (
        "n = 2–3 seeds a case; keras 3.15.1 with tensorflow 2.21.0 on cpu; "
        "Example CPU (avx2), 2 cores; 2026-03-01 to 2026-03-04."
    )


def test_album_has_every_picture_that_records_allow() -> None:
    """What cannot be drawn is named with its reason."""
    pictures = overview(album()) | of_case(album(), album().trained[0])
    assert {name for name, draw in pictures.items() if not isinstance(draw, str)} == {
        "accuracy-parameters",
        "accuracy-seconds",
        *(f"{task}-{kind}" for task in ("fashion_mnist", "mnist") for kind in ("curves", "seeds")),
        "mnist-epochs-to-training-accuracy",
        f"{DENSE}-curves",
        f"{DENSE}-seconds",
    }
    assert (
        pictures[f"{DENSE}-reliability"] == "its records were made before probabilities were kept"
    )
    assert str(pictures[f"{DENSE}-confusion"]).startswith("its test images are not here")


CNN = "fashion_mnist-cnn_64"
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


def drawable() -> dict[str, Draw]:
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


PICTURES = drawable()


def has_names(axes: Axes) -> bool:
    """Return whether words stand at the ticks of the vertical axis, such as names of cases."""
    texts = [text.get_text() for text in axes.get_yticklabels()]
    return bool(texts) and all(text[:1].isalpha() for text in texts)


def test_nothing_is_missing_where_records_have_all() -> None:
    """Confusion and calibration are there, too."""
    kinds = {name.removeprefix(f"{DENSE}-") for name in PICTURES if name.startswith(DENSE)}
    assert kinds == {"curves", "seconds", "confusion", "reliability"}


@pytest.mark.parametrize("name", PICTURES)
def test_every_axis_says_what_it_is_within_the_frame(name: str) -> None:
    """A label says so, its own or that of the axes in line with it, or names do.

    Viewers that count in single precision draw coordinates far outside in the wrong place.
    """
    drawn: list[Figure] = []

    def draw(theme: Theme) -> Figure:
        drawn.append(PICTURES[name](theme))
        return drawn[0]

    assert reach(render(draw, LIGHT, "svg")) < 0.01
    grid = [(axes, axes.get_subplotspec()) for axes in drawn[0].axes if axes.axison]
    labelled_columns = {place.colspan for axes, place in grid if place and axes.get_xlabel()}
    labelled_rows = {place.rowspan for axes, place in grid if place and axes.get_ylabel()}
    assert grid
    assert {place.colspan for _, place in grid if place} == labelled_columns
    named = {place.rowspan for axes, place in grid if place and has_names(axes)}
    assert {place.rowspan for _, place in grid if place} == labelled_rows | named


def reach(svg: bytes) -> float:
    """Return how far lines and points go beyond the frame of a picture, in shares of its sides."""
    text = re.sub(rb"<defs>.*?</defs>", b"", svg, flags=re.DOTALL).decode()
    wide, high = map(float, re.findall(r'viewBox="0 0 (\S+) (\S+)"', text)[0])
    pairs = r"(-?\d[\d.e+-]*) (-?\d[\d.e+-]*)"
    paths = (re.findall(pairs, path) for path in re.findall(r'<path d="([^"]*)"', text))
    points = [
        *re.findall(r'<use \S+ x="(\S+)" y="(\S+)"', text),
        *(point for path in paths for point in path),
    ]
    assert len(points) > 50
    shares = np.array(points, float) / (wide, high)
    return float(np.maximum(-shares, shares - 1).max())


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results" / "pictures").glob("*.svg")), ids=lambda p: p.stem
)
def test_no_committed_picture_goes_beyond_its_frame(path: Path) -> None:
    """They are what readers see, drawn from all references and the bounds as they are."""
    assert reach(path.read_bytes()) < 0.01


def test_a_disturbed_epoch_is_crossed_out() -> None:
    """One of each of two seeds, on both clocks; the first epochs, with tracing, are hollow."""
    for axes in PICTURES[f"{DENSE}-seconds"](LIGHT).axes:
        marks = [(line.get_marker(), len(line.get_xdata())) for line in axes.lines]
        assert [mark for mark in marks if mark[0] in "xo"] == [("o", 6), ("x", 2), ("o", 2)]


LABELS = np.array([0, 0, 0, 1, 1, 2], np.uint8)
SEEDS = [np.array([0, 1, 1, 1, 0, 2], np.uint8), np.array([0, 0, 1, 1, 1, 0], np.uint8)]


def test_pairs_are_ordered_by_their_mistakes_either_way() -> None:
    """Counts are means over the seeds, and images those that most seeds mistake first."""
    first, second = most_confused(SEEDS, LABELS, pairs=9)
    assert first == Pair(classes=(0, 1), counts=(1.5, 0.5), images=((2, 1), (4,)))
    assert second == Pair(classes=(0, 2), counts=(0.0, 0.5), images=((), (5,)))


NOISE = np.random.default_rng(0).integers(0, 255, (6, 28, 28), np.uint8)
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
        partial(samples, NOISE, LABELS, NAMES, "x"),
        partial(confused, NOISE, PAIRS, NAMES, "x", small_print="x"),
        partial(activations, {"a": NOISE[0], "b": NOISE[1]}, LAYERS, [0, 3], "x"),
        partial(filters, np.zeros((3, 3, 5), np.float32), "x"),
        partial(filters, np.random.default_rng(0).random((28, 28, 150), np.float32), "x"),
    ],
)
def test_each_picture_can_be_drawn(draw: Draw, theme: Theme) -> None:
    """Classes with few images, silent layers and weights that are all zero are drawn too."""
    assert Image.open(io.BytesIO(render(draw, theme, "png"))).format == "PNG"
