"""The notebook runs from top to bottom on the sample, and is committed as it was written."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from bench_runs import PATIENCE_S
from imports import ROOT

nbclient = pytest.importorskip("nbclient", reason="executing it takes nbclient and ipykernel")
nbformat = pytest.importorskip("nbformat", reason="reading it takes nbformat, which nbclient has")

NOTEBOOK = ROOT / "bench" / "notebook.ipynb"


def read() -> Any:
    """Return the committed notebook."""
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_notebook_is_committed_without_outputs() -> None:
    """What a cell gives is of the machine it ran on: it is made where it is read."""
    found = read()
    nbformat.validate(found)
    cells = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


def test_the_notebook_is_set_to_the_sample() -> None:
    """Whoever opens it first needs neither a network nor patience."""
    assert any("WHOLE = False" in cell.source for cell in read().cells)


def test_every_cell_of_the_notebook_runs() -> None:
    """From top to bottom in a fresh kernel; pictures are pictures, and answers are there."""
    notebook = read()
    where = {"metadata": {"path": str(ROOT)}}
    end = time.monotonic() + PATIENCE_S
    # Whole seconds that a cell may take; 0 would be for ever.
    client = nbclient.NotebookClient(notebook, resources=where)
    client.timeout_func = lambda _: max(1, round(end - time.monotonic()))
    client.execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    told = [each.data for each in outputs if each.output_type in ("display_data", "execute_result")]
    text = "".join(each.text for each in outputs if each.output_type == "stream")
    assert sum("image/png" in each for each in told) == 8
    assert sum("text/markdown" in each for each in told) == 3
    assert "completed: trained for 5 epochs" in text
    assert re.search(r"^stopped after epoch \d+, \d+\.\d s of training$", text, re.MULTILINE)
    assert re.search(r"^[1-9]\d* files for TensorBoard$", text, re.MULTILINE)
    assert "claims: " in text
