"""Columns of tables: a project's own metrics, and those that it asks for."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from records import make_record
from test_project import OWN_METRICS, project

from bench.cases import CASES
from fitting_room.analysis.trials import Row, rows
from fitting_room.errors import UserError
from fitting_room.metrics import SHOWN, Metric, declare
from fitting_room.project import current
from fitting_room.report.columns import everything, task_table
from fitting_room.report.progress import Screen
from fitting_room.report.summary import tables, write_report
from fitting_room.store.claims import Claim

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
F1 = Metric(name="macro_f1", better="higher", format="percent")
LATENCY = Metric(name="latency", unit="ms", better="lower")
USUAL = ["architecture", "test accuracy %", "test loss", "parameters", "s/epoch"]
VALUES = (0.80, 0.81, 0.82)
RECORDS = [
    *(replace(make_record(seed=n), metrics={"macro_f1": x}) for n, x in enumerate(VALUES)),
    make_record(case=CNN),
]


@pytest.fixture(autouse=True)
def ask() -> Iterator[Callable[..., None]]:
    """Let a test declare metrics and columns, which are forgotten after it."""
    yield lambda *columns: declare([F1, LATENCY], columns=columns)
    declare([])


def made(claims: Sequence[Claim] = ()) -> list[Row]:
    """Return the rows of two cases, of which the second has no metric of the project's own."""
    published = {DENSE: {claim.metric: claim for claim in claims}}
    return rows([CASES[DENSE], CASES[CNN]], RECORDS, {}, published)


def shown(found: Sequence[Row]) -> list[list[str]]:
    """Return the cells of a Markdown table, its heading first, and the notes below it."""
    lines = task_table(found, RECORDS, stale={}).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    table = [line.strip("| ") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")] for line in table]


def test_own_metrics_stand_behind_the_usual_columns(ask: Callable[..., None]) -> None:
    """80, 81 and 82 % are 81 ± 1; a case without any has a dash, a metric without any no column."""
    assert [cell for cell in shown(made())[0] if cell != "training accuracy %"] == USUAL
    ask()
    head, dense, cnn = shown(made())
    assert head == [*USUAL, "macro f1 %"]
    assert (dense[-1], cnn[-1]) == ("81.0 ± 1.0 (3)", "—")


def test_a_project_chooses_its_columns(ask: Callable[..., None]) -> None:
    """In its order, with units; what is said below is of those columns alone."""
    ask("parameters", "macro_f1", "latency", "peak_memory_mib")
    found = made()
    head, dense, _ = shown(found)
    assert head == ["architecture", "parameters", "macro f1 %", "latency ms", "peak memory MiB"]
    assert dense == ["dense_128", "101,770", "81.0 ± 1.0 (3)", "—", "512"]
    below = task_table(found, RECORDS, stale={})
    assert "Accuracy, loss and own metrics: after the last epoch" in below
    assert "Seconds" not in below


def test_a_published_figure_of_an_own_metric_stands_beside_it(ask: Callable[..., None]) -> None:
    """And one of a column that is not shown leaves neither a column nor a source."""
    claims = [
        Claim(case=DENSE, metric=metric, published="83%", low=0.83, high=0.83, source=source)
        for metric, source in (("macro_f1", "Book"), ("test_accuracy", "Other"))
    ]
    ask("macro_f1")
    head, dense, cnn = shown(made(claims))
    assert head == ["architecture", "macro f1 %", "published"]
    assert (dense[-1], cnn[-1]) == ("83%", "—")
    below = task_table(made(claims), RECORDS, stale={})
    assert "Published: Book." in below


def test_terminal_page_and_files_have_them_too(ask: Callable[..., None], tmp_path: Path) -> None:
    """A narrow terminal goes without the last columns first, and says so."""
    ask("macro_f1", "test_accuracy", "test_loss", "parameters")
    screen = Screen(width=200, mark=lambda text, **_: text, verbosity=0)
    (wide,) = tables(made(), RECORDS, screen)
    (narrow,) = tables(made(), RECORDS, replace(screen, width=30))
    assert "macro f1 %" in " ".join(wide.split())
    assert "Too narrow for: test accuracy %, test loss, parameters" in " ".join(narrow.split())
    headings = [column.heading for column in everything(made())]
    assert headings == ["verdict", "macro f1 %", "test accuracy %", "test loss", "parameters"][1:]
    write_report(tmp_path, made(), RECORDS)
    with (tmp_path / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    told = [lines[0][name] for name in ("macro_f1", "macro_f1_sd", "macro_f1_n", "latency_n")]
    assert [float(value) for value in told] == pytest.approx([0.81, 0.01, 3, 0])
    assert (lines[1]["macro_f1"], lines[1]["macro_f1_n"]) == ("", "0")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ('["macro_f1", "test_loss"]', ""),
        ('["macro_f2"]', "no column 'macro_f2' to show. Did you mean 'macro_f1'"),
        ('["validation_loss"]', "no column 'validation_loss' to show. "),
        ('["test_loss", "test_loss"]', "has 'test_loss' twice"),
        ('"test_loss"', "columns in .* cannot be 'test_loss': Expected `array`"),
        ("[3]", r"columns in .* cannot be \[3\]: Expected `str`"),
    ],
)
def test_columns_are_named_in_the_project_s_table(
    tmp_path: Path, columns: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are metrics that a table can show, its own among them; a slip is told."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_metrics", raising=False)
    table = f'cases = "a:A"\nmetrics = "own_metrics:METRICS"\ncolumns = {columns}'
    folder = project(tmp_path, table)
    (folder / "own_metrics.py").write_text(OWN_METRICS, encoding="utf-8")
    if said:
        with pytest.raises(UserError, match=said):
            current(folder)
    else:
        current(folder)
        assert SHOWN == ["macro_f1", "test_loss"]
