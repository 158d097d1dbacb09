"""Tables of where the scatter of accuracy and of time comes from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from fitting_room.format import is_accuracy, name, percent
from fitting_room.judge.components import Component, crossed, nested
from fitting_room.report.table import Table
from fitting_room.studies.documents import Crossed, Origin, Sample, Times, disagreement

METRICS = ("test_accuracy", "test_loss", "training_accuracy", "training_loss")
SOURCES = {
    "rows": "initial weights",
    "columns": "order of the images",
    "interaction": "the two together",
    "repeat": "the same seeds again",
}
TIMES = {"blocks": "minutes", "groups": "processes", "values": "epochs"}


def accuracy(found: Sequence[Crossed]) -> str:
    """Return the scatter of each metric by its source, and what repeating a seed repeats."""
    rows = [_row(each, metric) for each in found for metric in METRICS]
    head = ("case", "metric", "sd in all", *(f"sd from {source}" for source in SOURCES.values()))
    notes = [note for each in found for note in (_design(each), _again(each))]
    return "\n\n".join(
        [
            Table(head, rows).markdown(),
            "Test images on which two trials differ, in per cent:",
            Table(
                ("case", "same seeds", "same weights", "same order", "nothing the same"),
                [_differences(each) for each in found],
                notes,
            ).markdown(),
        ]
    )


def _row(found: Crossed, metric: str) -> Sequence[str]:
    values = found.table(metric)
    repeats = np.array([[getattr(s, metric) for s in pair] for pair in found.repeats()])
    components = crossed(values, repeats)
    scale = 100 if is_accuracy(metric) else 1
    unit = "points" if is_accuracy(metric) else "nats"
    total = float(np.sqrt(sum(each.sd**2 for each in components.values())))
    return (
        found.case,
        f"{name(metric)}, {unit}",
        f"{scale * total:.2g}",
        *(_component(components[source], scale) for source in SOURCES),
    )


def _component(found: Component, scale: float) -> str:
    if found.high == 0:
        return "0"
    low, high = (f"{scale * end:.2g}" for end in (found.low, found.high))
    return f"{scale * found.sd:.2g} ({low}–{high})"


def _differences(found: Crossed) -> Sequence[str]:
    first = [each for each in found.samples if not each.repeat]
    pairs = list(combinations(first, 2))

    def share(alike: Sequence[tuple[Sample, Sample]]) -> str:
        return percent(disagreement(alike), 1)

    return (
        found.case,
        share(found.repeats()),
        share([(a, b) for a, b in pairs if a.initial == b.initial]),
        share([(a, b) for a, b in pairs if a.order == b.order]),
        share([(a, b) for a, b in pairs if a.initial != b.initial and a.order != b.order]),
    )


def _design(found: Crossed) -> str:
    epochs = f"{found.epochs} epoch{'' if found.epochs == 1 else 's'}"
    short = "" if found.epochs == found.whole else f" of the recipe's {found.whole}"
    return (
        f"{found.case}: {found.levels} initial weights × {found.levels} orders, {epochs}{short}; "
        f"95 % intervals; {_origin(found.origin)}."
    )


def _again(found: Crossed) -> str:
    """Say what the same seeds repeat here: every bit, the metric, or the distribution alone."""
    pairs = found.repeats()
    bits = sum(_alike(a, b, "predictions", *METRICS) for a, b in pairs)
    answers = sum(a.predictions == b.predictions for a, b in pairs)
    metric = sum(_alike(a, b, "test_accuracy") for a, b in pairs)
    said = "only the distribution is the same"
    if bits == len(pairs):
        said = "every prediction and every bit of every metric is the same"
    elif metric == len(pairs):
        said = "the test accuracy is the same, the bits are not"
    return (
        f"{found.case}: the same seeds again, {len(pairs)} times: {said} (all bits {bits}, all "
        f"predictions {answers}, test accuracy {metric} of {len(pairs)})."
    )


def _alike(a: Sample, b: Sample, *names: str) -> bool:
    return all(getattr(a, name) == getattr(b, name) for name in names)


def times(found: Sequence[Times]) -> str:
    """Return the scatter of seconds per epoch by its source, in per cent of the seconds."""
    rows = [
        (
            each.case,
            f"{np.median(each.table):.2f}",
            *(_component(components[source], 100) for source in TIMES),
        )
        for each in found
        if len(each.blocks) > 1 and (components := nested(np.log(each.table)))
    ]
    head = ("case", "median s/epoch", *(f"sd between {source}, %" for source in TIMES.values()))
    return Table(head, rows, [_series(each) for each in found]).markdown()


def _series(found: Times) -> str:
    blocks, processes, epochs = found.table.shape
    part = "" if found.train_fraction == 1 else f" on {found.train_fraction:.0%} of the images"
    return (
        f"{found.case}{part.replace('%', ' %')}: {blocks} blocks of {processes} processes right "
        f"after one another, {epochs} epochs each without the first; "
        f"{found.blocks[0].started[:16]} to {found.blocks[-1].started[:16]} UTC; 95 % intervals; "
        f"{_origin(found.origin)}."
    )


def _origin(origin: Origin) -> str:
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores" if origin.machine else "unknown"
    libraries = ", ".join(f"{k} {v}" for k, v in origin.provenance.versions.items())
    return f"{machine}; {libraries}; commit {(origin.provenance.commit or 'unknown')[:12]}"
