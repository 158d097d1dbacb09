"""The page itself: one file, whole or not at all, a pure function of what it is given."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fitting_room.analysis import trials
from fitting_room.analysis.mistakes import Confusion, TestSets, confusion, hardest
from fitting_room.analysis.rows import SEVERITY, Row
from fitting_room.analysis.trials import SHORT, commits, machines, one_per_seed, versions
from fitting_room.format import MISSING, count, in_words, percent
from fitting_room.machine import disturbance
from fitting_room.record import Record
from fitting_room.report import table
from fitting_room.report.files import as_json
from fitting_room.report.notes import banner, notes
from fitting_room.report.page.columns import Column, columns
from fitting_room.report.page.drawn import Known, Picture, Plots, data_address, inside, known, plots
from fitting_room.spec import TASKS
from fitting_room.store.records import write_whole

MOST = 24
"""Images a case."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One image and what became of it."""

    source: str
    """A ``data:`` address."""
    truth: str
    predicted: str
    image: int
    """Its index among the test images, from 0."""
    told: str
    """How many seeds get it wrong."""
    sure: str
    """And how sure they are; empty where that was not kept."""


def images(records: Sequence[Record], test_sets: TestSets, classes: Sequence[str]) -> list[Shown]:
    """Return the images that most seeds get wrong; none where the test images are not here."""
    known = [record for record in records if record.spec.dataset.checksum in test_sets]
    if not known:
        return []
    test_set = test_sets[known[0].spec.dataset.checksum]
    return [
        Shown(
            source=_png(test_set.test_images[hard.image]),
            truth=classes[hard.truth],
            predicted=classes[hard.predicted],
            image=hard.image,
            told=f"{hard.wrong} of {hard.n} seeds",
            sure=_sure(hard.probability),
        )
        for hard in hardest(known, test_set.test_labels, most=MOST)
    ]


def _sure(probability: float | None) -> str:
    if probability is None:
        return ""
    return "> 99.9 % sure" if probability > 0.999 else f"{100 * probability:.1f} % sure"


def _png(image: np.ndarray) -> str:
    """Return an image, shape (height, width), uint8, as a PNG in a ``data:`` address."""
    from PIL import Image  # takes longer to load than the rest of the page to write

    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return data_address(file.getvalue(), "png")


Facts = list[tuple[str, str]]


def settings_facts(records: Sequence[Record]) -> Facts:
    """Return what was asked for, of the last record; the others of a case were asked the same."""
    if not records:
        return []
    spec, size, resolved = records[-1].spec, records[-1].size, records[-1].resolved
    arguments = ", ".join(f"{name}={value}" for name, value in spec.case.arguments.items())
    recipe = spec.case.recipe
    return [
        ("architecture", f"{spec.case.builder}({arguments})"),
        *((_words(f.name), _told(getattr(recipe, f.name))) for f in dataclasses.fields(recipe)),
        ("backend", f"{spec.backend} on {spec.device}"),
        *(
            [
                ("precision as run", resolved.precision),
                ("XLA as run", _told(resolved.jit_compile)),
                ("threads", str(resolved.threads)),
                ("steps per epoch", count(resolved.steps_per_epoch)),
            ]
            if resolved
            else []
        ),
        *([("parameters", count(size.parameters))] if size else []),
        *([("FLOPs per image, forward", count(size.flops_per_image))] if size else []),
    ]


def provenance_facts(records: Sequence[Record]) -> Facts:
    """Return where the records come from: every different answer once."""
    found = {
        "machine": [machines(records)],
        "versions": [versions(records)],
        "environment": [trials.settings(records) or "no setting that can change a result"],
        "commit": commits(records),
        "code of the architecture": [r.provenance.architecture_digest[:SHORT] for r in records],
        "code of the training path": [r.provenance.training_digest[:SHORT] for r in records],
        "data": [_data(record) for record in records],
        "begun": [record.started[:10] for record in records],
    }
    return [(name, "; ".join(sorted(set(told)))) for name, told in found.items()]


TRIALS = ("seed", "outcome", "test accuracy (%)", "time", "ran", "key")


def trial_facts(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Return one line for each record, whatever became of it, in the order of the headings."""
    return [
        (
            str(record.spec.seed),
            f"{record.outcome}: {record.reason}",
            percent(record.test_accuracy),
            in_words(record.seconds["total"]) if "total" in record.seconds else MISSING,
            _company(record),
            record.key[:SHORT],
        )
        for record in sorted(records, key=lambda record: (record.spec.seed, record.started))
    ]


def _company(record: Record) -> str:
    if not record.spec.alone:
        return "with others"
    return disturbance(record) or "alone"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _told(value: object) -> str:
    if value is None:
        return MISSING
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _data(record: Record) -> str:
    dataset = record.spec.dataset
    return f"{dataset.name} {dataset.checksum[:SHORT]} from {dataset.source}"


ABSENT = "no completed trial"


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What a row of a table opens to."""

    row: Row
    plots: Plots
    classes: Sequence[str]
    confusion: Confusion | None
    images: Sequence[Shown]
    has_images: bool
    """Whether the test images are on this machine."""
    inside: Sequence[Picture]
    """What ``inspect`` drew of it."""
    settings: Facts
    provenance: Facts
    trials: str
    """The table of every record, as HTML; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The cases of one task."""

    task: str
    title: str
    columns: Sequence[Column]
    cases: Sequence[Behind]
    warnings: Sequence[str]
    notes: Sequence[str]


def write_page(
    path: Path,
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    test_sets: TestSets,
    stale: Mapping[str, str] | None = None,
    inspected: Path | None = None,
) -> Path:
    """Write the page and return its path.

    Args:
        path: of the file; whatever is there is replaced, its plots are kept where nothing changed.
        rows: what the tables show.
        records: those that the rows were made of, of any outcome.
        test_sets: those on this machine; without them there is no confusion and no image.
        stale: case → why its figures are not those of the present code.
        inspected: folder of what ``inspect`` drew, one of a case in each.

    Raises:
        UserError: The file cannot be written.
    """
    text = page(
        rows,
        records,
        test_sets=test_sets,
        stale=stale or {},
        inspected=inspected,
        before=known(path),
    )
    write_whole(path, text.encode())
    return path


def page(
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    test_sets: TestSets,
    stale: Mapping[str, str],
    inspected: Path | None = None,
    before: Known | None = None,
) -> str:
    """Return the page as HTML; see ``write_page``. Plots in ``before`` are not drawn again."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    tables = [
        _table(name, of_task, records, test_sets, stale, inspected, before or {})
        for name in TASKS
        if (of_task := [row for row in rows if row.task == name])
    ]
    outcomes: Counter[str] = Counter(verdict.outcome for row in rows for verdict in row.verdicts)
    return environment.get_template("report.html").render(
        tables=tables,
        stale=stale,
        outcomes={name: count for name in SEVERITY if (count := outcomes[name])},
        json=as_json(rows, stale=stale).decode(),
    )


def _table(
    task: str,
    rows: Sequence[Row],
    records: Sequence[Record],
    test_sets: TestSets,
    stale: Mapping[str, str],
    inspected: Path | None,
    before: Known,
) -> Table:
    return Table(
        task=task,
        title=TASKS[task].title,
        columns=columns(rows),
        cases=[_behind(row, records, test_sets, stale, inspected, before) for row in rows],
        warnings=[text.lstrip("> ").replace("**", "") for text in banner(rows)],
        notes=notes(rows, records, stale=stale, absent=ABSENT),
    )


def _behind(
    row: Row,
    records: Sequence[Record],
    test_sets: TestSets,
    stale: Mapping[str, str],
    inspected: Path | None,
    before: Known,
) -> Behind:
    own = [record for record in records if record.spec.case.name == row.case]
    trained = [record for record in one_per_seed(own) if record.epochs]
    here = [record for record in trained if record.spec.dataset.checksum in test_sets]
    labels = test_sets[here[0].spec.dataset.checksum].test_labels if here else None
    classes = TASKS[row.task].classes
    return Behind(
        row=row,
        plots=plots(row, trained, stale, before),
        classes=classes,
        confusion=None if labels is None else confusion(here, labels, classes=len(classes)),
        images=images(here, test_sets, classes),
        has_images=bool(here),
        inside=inside(inspected, row.case),
        settings=settings_facts(own),
        provenance=provenance_facts(own),
        trials=table.Table(TRIALS, trial_facts(own)).html(kind="trials") if own else "",
    )
