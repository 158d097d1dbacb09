"""Names beside points, where they cover neither points nor lines nor each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

PLACES = (
    (8, 0, "left", "center"),
    (-8, 0, "right", "center"),
    (0, 8, "center", "bottom"),
    (0, -8, "center", "top"),
    (7, 6, "left", "bottom"),
    (7, -6, "left", "top"),
    (-7, 6, "right", "bottom"),
    (-7, -6, "right", "top"),
    (9, 14, "left", "bottom"),
    (9, -14, "left", "top"),
    (-9, 14, "right", "bottom"),
    (-9, -14, "right", "top"),
)
"""Offsets in points and alignments, the best first."""

AROUND = 3.0
"""Pixels that a point takes to each side, and the distance between those of a line."""

Path = Sequence[tuple[float, float]]
"""A line from point to point, or a single point; coordinates of the axes."""


def label(
    axes: Axes, names: Sequence[tuple[str, float, float]], *, avoid: Sequence[Path]
) -> list[Annotation]:
    """Write each (name, x, y) beside its point, at the first place that is free.

    Args:
        axes: laid out, with their final limits; what does not fit into them is not free.
        names: with the coordinates of their points.
        avoid: points and lines that are to stay visible.
    """
    FigureCanvasAgg(axes.figure.get_figure(root=True))  # it measures text
    paths = [*avoid, *([(x, y)] for _, x, y in names)]
    taken = [box for path in paths for box in _boxes(axes.transData.transform(path))]
    written = []
    for name, x, y in names:
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=8.5, in_layout=False
        )
        taken.append(_place(text, taken, axes.bbox))
        written.append(text)
    return written


def _place(text: Annotation, taken: Sequence[Bbox], room: Bbox) -> Bbox:
    """Move the text to the place that hides least, and return what it covers."""
    found = []
    for place in PLACES:
        _move(text, place)
        box = text.get_window_extent()
        hidden = sum(_overlap(box, other) for other in taken)
        found.append((hidden + _area(box) - _overlap(box, room), box, place))
    _, box, place = min(found, key=lambda each: each[0])  # of equal ones the first
    _move(text, place)
    return box


def _move(text: Annotation, place: tuple[float, float, str, str]) -> None:
    text.set_position(place[:2])
    text.set(ha=place[2], va=place[3])


def _boxes(path: np.ndarray) -> list[Bbox]:
    """Cover a path, shape (points, 2), pixels, with small squares."""
    points = [path[0]]
    for begin, end in pairwise(path):
        steps = max(1, int(np.hypot(*(end - begin)) / AROUND))
        points += [begin + (end - begin) * step / steps for step in range(1, steps + 1)]
    return [Bbox([point - AROUND, point + AROUND]) for point in points]


def _area(box: Bbox) -> float:
    return float(box.width * box.height)


def _overlap(one: Bbox, other: Bbox) -> float:
    """Return the area that two rectangles share, in pixels."""
    both = Bbox.intersection(one, other)
    return _area(both) if both else 0.0
