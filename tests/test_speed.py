"""Times against a plain ``fit``: kept by case, and shown as a table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from commands import call
from records import make_record

from fitting_room.cli import noise as speed
from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.store.records import Speed, read_speeds, write_speed
from fitting_room.studies.peers import speed_table

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"


def timed(record: Record | None = None) -> Speed:
    """Return three pairs of which the bench takes half the time."""
    made = record or make_record()
    assert made.machine
    return Speed(
        spec=made.spec,
        started=made.started,
        provenance=made.provenance,
        machine=made.machine,
        images=15_000,
        ours=(1.0, 1.1, 0.9),
        plain=(2.0, 2.2, 2.0),
    )


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    """But for the folder of the data, which only concerns the machine."""
    path = write_speed(tmp_path, timed())
    (found,) = read_speeds(tmp_path)
    assert path.name == f"{DENSE}.json"
    assert (found.ours, found.plain, found.spec.case) == (
        timed().ours,
        timed().plain,
        timed().spec.case,
    )
    assert found.spec.dataset.folder == ""
    assert read_speeds(tmp_path / "none") == []


def test_the_table_has_medians_ratio_and_provenance() -> None:
    """Half the time in pairs of 0.5, 0.5 and 0.45; a case that was never timed says so."""
    text = speed_table([timed()], [DENSE, CNN], stale={})
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert f"| {DENSE} | 1.00 (0.95–1.05) | — | 2.00 (2.00–2.10) | 0.50 | 0.45–0.50 | 3 |" in lines
    assert f"| {CNN} | {' | '.join(['no reference yet'] * 6)} |" in lines
    assert "Example CPU (avx2), 2 cores, 8 GiB" in text
    assert "n = 3 pairs" in text
    assert "—: not measured yet; `fitting-room speed --json` times it." in text


def test_utilisation_is_the_rate_of_training_over_that_of_matrix_products() -> None:
    """15,000 images of 400,000 operations in a median of 1 s are 6 of 24 billion: a quarter."""
    known = replace(timed(), flops_per_image=400_000, flops_per_second=24_000_000_000)
    text = speed_table([known], [DENSE], stale={})
    assert re.search(r"1\.00 \(0\.95–1\.05\) +\| +25\.0 \|", text)
    assert "not measured yet" not in text
    assert "25.0 (stale)" in speed_table([known], [DENSE], stale={DENSE: "it changed"})


def test_stale_times_say_so_in_their_cells_and_below_why() -> None:
    """A figure of other code is no figure of this one."""
    text = speed_table([timed()], [DENSE], stale={DENSE: "the training path changed since"})
    assert "0.50 (stale)" in text
    assert "— (stale)" not in text
    assert f"- {DENSE} is stale: the training path changed since." in text


@pytest.mark.parametrize("kept", [False, True])
def test_json_keeps_the_times_to_be_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: bool
) -> None:
    """Without it nothing lands beside the references."""
    monkeypatch.setattr(speed, "timed", lambda *_, **__: timed())
    assert call("speed", DENSE, "--results", tmp_path, *["--json"] * kept) == 0
    assert bool(read_speeds(tmp_path / "speed")) == kept
    assert "0.45–0.50" in capsys.readouterr().out


def test_recipe_beyond_a_plain_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed, and the message names what can be."""
    monkeypatch.setattr(speed, "timed", None)
    with pytest.raises(UserError, match=r"mnist-minimal: .* Name some of fashion_mnist-dense_128"):
        call("speed", "mnist-minimal")
