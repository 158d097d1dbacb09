"""What ``inspect`` drew, in the report page."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pages import CNN, RECORDS

from bench.cases import CASES
from fitting_room.analysis.rows import rows
from fitting_room.report.page.drawn import inside
from fitting_room.report.page.writing import page

DAY = datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp()


def test_pictures_are_in_the_page_in_their_order(tmp_path: Path) -> None:
    """Those that there are, and no other file of the folder."""
    (tmp_path / CNN).mkdir()
    for name in ("filters", "activations", "calibration"):
        (tmp_path / CNN / f"{name}.png").write_bytes(name.encode())
    os.utime(tmp_path / CNN / "filters.png", (DAY, DAY))
    found = inside(tmp_path, CNN)
    assert [picture.told.split()[0] for picture in found] == ["What", "Weights"]
    assert found[1].told == "Weights of the first layer, drawn 2026-03-01"
    assert found[0].source == "data:image/png;base64,YWN0aXZhdGlvbnM="
    assert (inside(tmp_path, "another"), inside(None, CNN)) == ([], [])


@pytest.mark.usefixtures("undrawn")
def test_a_case_that_nobody_inspected_says_how(tmp_path: Path) -> None:
    """The command stands where the pictures would."""
    (tmp_path / CNN).mkdir()
    (tmp_path / CNN / "filters.png").write_bytes(b"filters")
    os.utime(tmp_path / CNN / "filters.png", (DAY, DAY))
    known = [record for record in RECORDS if record.spec.case.task == "fashion_mnist"]
    cases = {record.spec.case.name: CASES[record.spec.case.name] for record in known}
    text = page(
        rows(list(cases.values()), known, {}, {}), known, test_sets={}, stale={}, inspected=tmp_path
    )
    assert text.count("Weights of the first layer, drawn 2026-03-01</figcaption>") == 1
    assert "inspect --case fashion_mnist-dense_128</code>" in text
    assert f"inspect --case {CNN}</code>" not in text
