"""One HTML file that needs no network: what a run found, tables to sort, and what is behind them.

Its plots are Matplotlib's. They are kept in ``plots`` beside the page, and Matplotlib is loaded
only where one rests on other records than the kept one does.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from io import BytesIO
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fitting_room.analysis.mistakes import TestSets, hardest
from fitting_room.analysis.trials import SEVERITY, SHORT, Row, days, ran_on
from fitting_room.format import MISSING, counted, in_words, name, percent
from fitting_room.machine import disturbance
from fitting_room.metrics import curves_of
from fitting_room.record import Record
from fitting_room.report import plots
from fitting_room.report.columns import (
    UNPUBLISHED,
    banner,
    by_task,
    cited,
    everything,
    footnotes,
    notes,
    verdict_notes,
)
from fitting_room.report.model import facts, shown, why_unseen
from fitting_room.report.plots import Album, Draw, seconds_to
from fitting_room.report.summary import ABSENT, as_json
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, folder_of
from fitting_room.store.records import write_whole

PLOTS = {
    "curves": "Accuracy and loss per epoch",
    "seconds": "Seconds per epoch over the run",
    "reliability": "Reliability: is it as often right as it is sure?",
    "confusion": "Which class is taken for which",
}
"""End of a plot's name → what it shows, in their order."""

OVERVIEW = "accuracy-parameters"
"""The plot that says most, above all tables."""

INSPECTED = {
    "samples": "Samples of each class",
    "activations": "What the layers make of three images",
    "filters": "Weights of the first layer",
    "confused": "Classes that are taken for one another",
}
"""Name of a file by ``inspect`` → what it shows, in their order."""

DRAWING = ("fitting_room.report.plots.album:everything", "fitting_room.report.plots:for_any_page")
"""The code that makes the plots, with all that it calls."""

MOST = 24
"""Images a case."""

ENVIRONMENT = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent),
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)

Pairs = list[tuple[str, str]]
"""Addresses of pictures, and what each shows."""


def write_page(
    path: Path,
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    run: str,
    test_sets: TestSets,
    stale: Mapping[str, str] | None = None,
    inspected: Path | None = None,
) -> Path:
    """Write the page, a pure function of what it is given, and return its path.

    ``run`` says in the first line what made the records, which may be of any outcome. Without the
    test sets there is no confusion and no image. ``inspected`` holds what ``inspect`` drew.

    Raises:
        UserError: The file cannot be written.
    """
    album = Album(rows, records, test_sets=test_sets, stale=stale or {})
    outcomes: Counter[str] = Counter(verdict.outcome for row in rows for verdict in row.verdicts)
    overview = [OVERVIEW] if sum(row.test_accuracy is not None for row in rows) > 1 else []
    behind = {row.case: _plots(row, album) for row in rows}
    alone = [(replace(album, rows=[row], records=album.of(row)), behind[row.case]) for row in rows]
    addresses = _addresses([(album, overview), *alone], path.parent / "plots")
    plotted = {
        case: [(source, shows) for each, shows in of.items() if (source := addresses[each])]
        for case, of in behind.items()
    }
    text = ENVIRONMENT.get_template("report.html").render(
        run=run,
        scope=_scope(rows, records),
        outcomes={outcome: outcomes[outcome] for outcome in SEVERITY if outcomes[outcome]},
        unmet=verdict_notes([replace(row, architecture=row.case) for row in rows]),
        overview=addresses.get(OVERVIEW, ""),
        tables=[_table(task, album, plotted, inspected) for task in by_task(rows)],
        stale=album.stale,
        json=as_json(rows, stale=album.stale).decode(),
    )
    write_whole(path, text.encode())
    return path


def _scope(rows: Sequence[Row], records: Sequence[Record]) -> str:
    """Return how much was trained, on what and when, in one line."""
    lost = sum(not record.completed for record in records)
    parts = [
        counted(len(rows), "case"),
        counted(len(records), "record"),
        f"{lost} of them not completed" if lost else "",
        "on the small sample" if any(record.spec.dataset.sample for record in records) else "",
        ran_on(records),
        days(records),
    ]
    return ", ".join(filter(None, parts))


def _table(
    task: str, album: Album, plotted: Mapping[str, Pairs], inspected: Path | None
) -> dict[str, Any]:
    rows = [row for row in album.rows if row.task == task]
    columns, marks = everything(rows), footnotes(rows)
    unjudged = [replace(row, verdicts=()) for row in rows]  # the page begins with their verdicts
    return {
        "task": task,
        "title": TASKS[task].title,
        "columns": columns,
        "cases": [
            {
                **_behind(row, album, inspected),
                "plots": plotted[row.case],
                "cells": [
                    (column, column.cell(row), cited(row, column.metric, marks), column.value(row))
                    for column in columns
                ],
            }
            for row in rows
        ],
        "warnings": [f"{UNPUBLISHED}: {why}" for why in banner(rows)],
        "notes": notes(unjudged, album.records, stale=album.stale, absent=ABSENT, every=True),
    }


def _behind(row: Row, album: Album, inspected: Path | None) -> dict[str, Any]:
    """Return what a row of a table opens to."""
    own = [record for record in album.records if record.spec.case.name == row.case]
    seen = album.seen(row)
    images, unseen = _images(seen, album.test_sets, TASKS[row.task].classes)
    told = [facts(record) for record in own]
    return {
        "row": row,
        "images": images,
        "has_images": bool(seen),
        "unseen": unseen,
        "inspected": _inspected(inspected, own),
        "facts": {
            what: "; ".join(sorted({each[what] for each in told}))
            for what in (told[0] if told else {})
        },
        "trials": Table(TRIALS, trial_facts(own)).html(kind="trials") if own else "",
    }


def _plots(row: Row, album: Album) -> dict[str, str]:
    """Return the names of the plots of a case, and what each shows."""
    trained = album.of(row)
    kinds = dict(PLOTS) if trained else {}
    if not any(record.confidence for record in trained):
        kinds.pop("reliability", None)
    if not any(record.predictions for record in album.seen(row)):
        kinds.pop("confusion", None)
    kinds |= {each.name: f"{name(each.name)} after each epoch" for each in curves_of(trained)}
    for metric in TASKS[row.task].targets if trained else ():
        kinds[seconds_to(metric)] = f"{name(metric).capitalize()} by training seconds"
    return {f"{row.case}-{kind}": shows for kind, shows in kinds.items()}


def _addresses(wanted: Iterable[tuple[Album, Iterable[str]]], folder: Path) -> dict[str, str]:
    """Return the address of each plot by its name, empty where it cannot be drawn.

    The files in ``folder`` are drawn again only where what they rest on has changed.
    """
    files: dict[str, Path] = {}
    stale: dict[str, tuple[bytes, Draw | str]] = {}
    for album, names in wanted:
        rests_on = _basis(album)
        files |= {each: folder / f"{folder_of(each)}-page.svg" for each in names}
        if old := [each for each in names if not plots.is_sealed(files[each], rests_on)]:
            # Matplotlib takes longer to load than the rest of the page to write.
            from fitting_room.report.plots.album import everything as drawings

            pictures = drawings(album)
            stale |= {each: (rests_on, pictures[each]) for each in old}
    drawn = {each: draw for each, (_, draw) in stale.items() if not isinstance(draw, str)}
    svgs = dict(zip(drawn, plots.side_by_side([*drawn.values()]), strict=True))
    for each, (rests_on, _) in stale.items():
        write_whole(files[each], plots.sealed(svgs.get(each, b""), rests_on))
    found = {each: file.read_bytes().partition(plots.SEAL)[0] for each, file in files.items()}
    return {each: _address(svg, "svg+xml") if svg else "" for each, svg in found.items()}


def _basis(album: Album) -> bytes:
    """Return a digest of what the plots of an album rest on, verdicts apart."""
    unjudged = (replace(row, verdict="", verdicts=()) for row in album.rows)
    said = repr([(row, album.stale.get(row.case)) for row in unjudged]).encode()
    return plots.basis(plots.drawing(DRAWING), said, *map(msgspec.json.encode, album.records))


def _address(image: bytes, kind: str) -> str:
    """Return the content of an image file as a ``data:`` address."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def _inspected(folder: Path | None, records: Sequence[Record]) -> Pairs:
    """Return the pictures of a case under ``folder``; its records may be younger than they are."""
    if folder is None or not records:
        return []
    sample = "-sample" if records[-1].spec.dataset.sample else ""
    own = folder / f"{folder_of(records[-1].spec.case.name)}{sample}"
    return [
        (
            _address(file.read_bytes(), "png"),
            f"{shows}, drawn {datetime.fromtimestamp(file.stat().st_mtime, timezone.utc):%Y-%m-%d}",
        )
        for each, shows in INSPECTED.items()
        if (file := own / f"{each}.png").is_file()
    ]


def _images(
    records: Sequence[Record], test_sets: TestSets, classes: Sequence[str]
) -> tuple[list[dict[str, Any]], str]:
    """Return the images that most seeds get wrong with their answers, and why none can be seen."""
    if not records:
        return [], ""
    test_set = test_sets[records[0].spec.dataset.checksum]
    found = hardest(records, test_set.test_labels, most=MOST)
    images = np.asarray(test_set.test_images)[[hard.image for hard in found]]
    unseen = why_unseen(images.shape[1:])
    pictures = map(_png, shown(images)) if found and not unseen else repeat("")
    told = [
        {
            "source": source,
            "truth": classes[hard.truth],
            "predicted": classes[hard.predicted],
            "image": hard.image,
            "wrong": f"{hard.wrong} of {hard.n} seeds",
            "sure": "" if hard.probability is None else f"{100 * hard.probability:.1f} % sure",
        }
        for hard, source in zip(found, pictures, strict=False)
    ]
    return told, unseen


def _png(image: np.ndarray) -> str:
    """Return the address of an image, grey or with three channels, uint8."""
    from PIL import Image  # takes longer to load than the rest of the page to write

    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return _address(file.getvalue(), "png")


TRIALS = ("seed", "outcome", "test accuracy %", "time", "ran", "key")


def trial_facts(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Return one line for each record, whatever became of it, in the order of the headings."""
    return [
        (
            str(record.spec.seed),
            f"{record.outcome}: {record.reason}",
            percent(record.test_accuracy),
            in_words(record.seconds["total"]) if "total" in record.seconds else MISSING,
            (disturbance(record) or "alone") if record.spec.alone else "with others",
            record.key[:SHORT],
        )
        for record in sorted(records, key=lambda record: (record.spec.seed, record.started))
    ]
