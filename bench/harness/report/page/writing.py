"""The page itself: one file, whole or not at all, a pure function of what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.harness.record import Record
from bench.harness.report.files import as_json
from bench.harness.report.mistakes import Confusion, TestSets, confusion
from bench.harness.report.notes import banner, notes
from bench.harness.report.page import facts
from bench.harness.report.page.columns import Column, columns
from bench.harness.report.page.drawn import Known, Plots, known, plots
from bench.harness.report.page.images import Shown, images
from bench.harness.report.page.inside import Picture, inside
from bench.harness.report.rows import SEVERITY, Row
from bench.harness.report.trials import one_per_seed
from bench.harness.spec import TASKS
from bench.harness.store.records import write_whole

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
    settings: facts.Facts
    provenance: facts.Facts
    trials: Sequence[tuple[str, ...]]


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
        settings=facts.settings(own),
        provenance=facts.provenance(own),
        trials=facts.trials(own),
    )
