"""``readme`` and ``show``, as a person runs them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from commands import printed
from records import PROJECT, make_failed_record, make_record, stored

from fitting_room.errors import UserError
from fitting_room.record import Callbacks, Record
from fitting_room.store.records import Store

DENSE = "fashion_mnist-dense_128"
BLOCKS = "\n".join(
    f"<!-- fitting-room: {name} -->\n<!-- /fitting-room -->" for name in ("mnist", "fashion_mnist")
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with two references and a crashed trial, and a README beside it."""
    (tmp_path / "README.md").write_text(BLOCKS, encoding="utf-8")
    seeds = (make_record(seed=seed, test_accuracy=0.87 + seed / 100) for seed in (0, 1))
    stored(tmp_path / "reference", seeds)
    Store(tmp_path / "trials").put(make_failed_record(case="mnist-dense_128"))
    return tmp_path


def test_readme_is_stale_until_it_is_rewritten(results: Path) -> None:
    """A check fails with a diff and changes nothing; after rewriting it succeeds."""
    file = results / "README.md"
    assert "+| dense_128" in printed("readme", file, "--check", "--results", results, status=1).out
    assert file.read_text(encoding="utf-8") == BLOCKS
    printed("readme", file, "--results", results)
    printed("readme", file, "--check", "--results", results)
    text = file.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "87.5 ± 0.7 (2)" in text  # sd 0.707


def test_readme_says_what_has_no_reference_yet(results: Path) -> None:
    """Trials that are not committed references do not fill a table."""
    file = results / "README.md"
    printed("readme", file, "--results", results)
    text = file.read_text("utf-8")
    cells = [line.split("|")[2:] for line in text.splitlines() if line.startswith("| cnn_64")]
    assert "no reference yet" in cells[0][0]


def test_readme_keeps_the_permissions_of_its_file(results: Path) -> None:
    """Rewriting makes a file that all may read no private one."""
    file = results / "README.md"
    file.chmod(0o644)
    printed("readme", file, "--results", results)
    assert file.stat().st_mode & 0o777 == 0o644


def test_readme_refuses_references_that_may_not_be_published(results: Path) -> None:
    """A record of overridden epochs among the references is an error, not left out silently."""
    Store(results / "reference").put(make_record(seed=2, epochs=1))
    with pytest.raises(UserError, match=f"{DENSE} with overridden epochs"):
        printed("readme", results / "README.md", "--results", results)


def test_readme_says_which_file_is_missing(tmp_path: Path) -> None:
    """The message has its name."""
    with pytest.raises(UserError, match=r"NO\.md cannot be read"):
        printed("readme", tmp_path / "NO.md", "--results", tmp_path)


def test_show_lists_every_record(results: Path) -> None:
    """References and trials, completed or not, are a line each."""
    lines = printed("show", "--seeds", "--results", results).out.rpartition("-\n")[2].splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:5] == [DENSE, "1", "5/5", "88.00", "completed"]
    assert "crashed" in lines[2]


def test_show_has_a_line_a_case_and_the_sample_apart(results: Path) -> None:
    """Mean, sd and seeds of what counts; what no table may show stands below; the gone is named."""
    gone = replace(PROJECT.cases[DENSE], architecture="gone")
    stale = replace(make_record(case="mnist-minimal").provenance, training_digest="0" * 64)
    sample, old = make_record(test_accuracy=0.5, sample=True), make_record(case="mnist-minimal")
    variant = make_record(case=replace(PROJECT.cases[DENSE], variant="crippled"))
    records = (sample, make_record(case=gone), replace(old, provenance=stale), variant)
    stored(results / "trials", records)
    shown = printed("show", "--results", results).out
    real, _, sample = shown.partition("Not for publication")
    rows = [re.split(r"  +", line) for line in real.splitlines() if "mnist-" in line]
    assert [row[:2] for row in rows] == [
        [DENSE, "87.5 ± 0.7 (2)"],
        ["mnist-dense_128", "—"],
        ["mnist-minimal", "87.5 (1)"],
        [f"{DENSE}~crippled", "87.5 (1)"],
        [gone.name, "87.5 (1)"],
    ]
    assert [row[-2] for row in rows[2:]] == ["stale", "variant", "no such case"]
    assert rows[1][-3] == "1 crashed"
    assert "50.0 (1)" in sample
    assert "mnist-minimal is stale: " in sample
    assert f"fitting-room remove {gone.name}" in sample


def test_show_tells_the_seconds_of_trials_that_were_alone(results: Path) -> None:
    """A seed that shared its machine took 30 s an epoch, and the line says 3, as the tables do."""
    shared = make_record(seed=2, epoch_seconds=[50.0, 30.0, 30.0, 30.0, 30.0])
    shared = replace(shared, spec=replace(shared.spec, alone=False))
    for seed in (2, 3, 4):
        spec = replace(shared.spec, seed=seed)
        Store(results / "reference").put(replace(shared, spec=spec, key=f"{seed}" * 64))
    lines = printed("show", "--results", results).out.splitlines()
    row = next(line for line in lines if line.startswith(DENSE))
    assert re.split(r"  +", row)[2] == "3.00"


def test_readme_says_what_is_left_of_a_case_that_is_gone(results: Path) -> None:
    """A check does not call pages up to date while references of no case lie there."""
    file = results / "README.md"
    Store(results / "reference").put(
        make_record(case=replace(PROJECT.cases[DENSE], architecture="gone"))
    )
    printed("readme", file, "--results", results)
    assert (
        "fitting-room remove fashion_mnist-gone"
        in printed("readme", file, "--check", "--results", results, status=1).out
    )


def test_show_goes_on_past_what_cannot_be_read(results: Path) -> None:
    """A flipped bit costs the row of its own record, and is told."""
    path = next(results.glob("*/*/seed-*.json"))
    path.write_bytes(path.read_bytes().replace(b"fashion", b"f\xe1shion"))
    assert (
        f"{path} is no readable record: it is not UTF-8 text."
        in printed("show", "--results", results).err
    )


def test_show_of_a_case_has_its_epochs(results: Path) -> None:
    """Each epoch's figures stand below the records of the case, and no other case is shown."""
    out = printed("show", DENSE, "--results", results).out
    assert f"{DENSE}, seed 1: completed" in out
    assert len([line for line in out.splitlines() if line.startswith("    5  ")]) == 2
    assert "crashed" not in out


def test_show_as_json_can_be_read_back(results: Path) -> None:
    """Accuracies are fractions, and a case has its epochs."""
    found = json.loads(printed("show", DENSE, "--json", "--results", results).out)
    assert [record["test_accuracy"] for record in found] == [0.87, 0.88]
    assert [record["calibration_error"] for record in found] == [None, None]
    assert len(found[0]["per_epoch"]) == 5


def watched() -> Record:
    """Return a record of three epochs whose best is the second, stopped after the third."""
    record = make_record(seed=2, training_accuracy=[0.8, 0.85, 0.9])
    epochs = tuple(
        replace(epoch, validation_accuracy=0.8, validation_loss=loss)
        for epoch, loss in zip(record.epochs, (0.5, 0.4, 0.45), strict=True)
    )
    did = Callbacks(stopped_epoch=3, best_epoch=2, learning_rates=(0.01, 0.01, 0.005))
    return replace(record, epochs=epochs, callbacks=did)


def test_show_has_what_callbacks_watched_and_did(results: Path) -> None:
    """Validation figures and rates by epoch where there are any, and no such columns elsewhere."""
    Store(results / "trials").put(watched())
    *plain, told = printed("show", DENSE, "--results", results).out.split(f"{DENSE}, seed ")
    assert "best by validation loss: epoch 2; stopped after epoch 3" in told
    lines = [re.split(r"  +", line.strip()) for line in told.splitlines()]
    assert ["80.00", "0.4500", "0.005"] in [line[3:6] for line in lines]
    assert not any("validation" in each or "learning rate" in each for each in plain)


def test_show_as_json_has_the_callbacks(results: Path) -> None:
    """The JSON has them as the record does; null where there are none."""
    Store(results / "trials").put(watched())
    found = json.loads(printed("show", DENSE, "--json", "--results", results).out)
    assert [each["callbacks"] for each in found[:2]] == [None, None]
    assert found[2]["callbacks"]["learning_rates"] == [0.01, 0.01, 0.005]
    assert [epoch["validation_loss"] for epoch in found[2]["per_epoch"]] == [0.5, 0.4, 0.45]


def test_show_of_nothing_says_so(tmp_path: Path) -> None:
    """An empty folder is no error."""
    assert printed("show", "--results", tmp_path).out.startswith("No records under")
