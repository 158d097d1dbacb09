"""Badges: what is in each, and that they are kept fresh like tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest
from records import PROJECT, make_failed_record, make_record
from test_readme_pages import call, folder

from bench.cases import CASES
from fitting_room.analysis.rows import rows
from fitting_room.judge.verdict import Bound
from fitting_room.lab.evaluator import on_reference
from fitting_room.record import Record
from fitting_room.report.readme import badges
from fitting_room.store.bounds import Bounds
from fitting_room.store.records import Store

__all__ = ["folder"]

DENSE, MINIMAL = CASES["fashion_mnist-dense_128"], CASES["mnist-minimal"]
FLOOR = Bound(
    metric="test_accuracy", at_least=0.86, mean=0.872, sd=0.003, reference_seeds=10, reason="r"
)
BOUNDS = Bounds(path=Path("bounds.toml"), tables={DENSE.name: {"test_accuracy": FLOOR}})


def badge(records: Sequence[Record], *, bounds: Bounds = BOUNDS, stale: bool = False) -> object:
    """Return what is in the only file that records of one case make."""
    judged = {DENSE.name: on_reference(DENSE, records, bounds)}
    found = badges(rows([DENSE], records, judged, {}), stale={DENSE.name: "so"} if stale else {})
    assert list(found) == ["fashion_mnist-dense_128.json"]
    return json.loads(found["fashion_mnist-dense_128.json"])


def seeds(*accuracies: float) -> list[Record]:
    """Return a record for each test accuracy."""
    return [make_record(seed=n, test_accuracy=value) for n, value in enumerate(accuracies)]


def test_a_badge_has_the_keys_that_shields_reads() -> None:
    """Verdict, mean ± sd and parameters: 87, 87.2 and 87.4 % are 87.2 ± 0.2 %."""
    assert badge(seeds(0.87, 0.872, 0.874)) == {
        "schemaVersion": 1,
        "label": "dense_128 on Fashion MNIST",
        "message": "pass · 87.2 ± 0.2 % · 101,770 parameters",
        "color": "brightgreen",
    }


@pytest.mark.parametrize(
    ("accuracies", "said", "colour"),
    [
        ((0.872, 0.87, 0.873, 0.871), "pass", "brightgreen"),
        ((0.80, 0.81, 0.80, 0.81), "fail", "red"),
        ((0.864,), "undecided", "yellow"),
    ],
)
def test_the_colour_is_that_of_the_verdict(
    accuracies: Sequence[float], said: str, colour: str
) -> None:
    """And the words say it as well, for whoever sees no colour."""
    found = badge(seeds(*accuracies))
    assert isinstance(found, dict)
    assert (found["message"].split(" · ")[0], found["color"]) == (said, colour)


def test_a_second_diverged_seed_is_a_failure() -> None:
    """It stands in the reference, and the seeds that came to a result do not hide it."""
    lost = [make_failed_record(seed=n, outcome="diverged") for n in (0, 1)]
    found = badge([*lost, *seeds(0.87, 0.872, 0.874)[2:]])
    assert isinstance(found, dict)
    assert found["color"] == "red"


def test_what_is_stale_or_has_no_bound_is_grey() -> None:
    """Figures of other code are no verdict on this one."""
    records = seeds(0.87, 0.872, 0.874)
    told = [badge(records, stale=True), badge(records, bounds=Bounds(path=Path("none")))]
    found = [(each["message"].split(" · ")[0], each["color"]) for each in told]  # type: ignore[index]
    assert found == [("stale", "lightgrey"), ("not judged", "lightgrey")]


def test_a_committed_badge_says_what_its_records_say() -> None:
    """Its figures are the mean and the scatter of all files of the reference."""
    path = PROJECT.results / "reference" / MINIMAL.name
    values = [100 * json.loads(each.read_bytes())["test_accuracy"] for each in path.glob("*.json")]
    assert PROJECT.badges
    found = json.loads((PROJECT.badges / f"{MINIMAL.name}.json").read_bytes())
    figures = f"{fmean(values):.2f} ± {stdev(values):.2f} %"
    assert found["message"] == f"pass · {figures} · 7,989 parameters"


def test_badges_are_written_and_checked_with_the_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One a case with a reference; a changed one and one of no such case are stale, and mended."""
    kept = folder / "results" / "badges"
    here = {"results": folder / "results", "badges": kept, "pages": (folder / "A.md",)}
    project = replace(PROJECT, pictures=(), **here)  # type: ignore[arg-type]
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: project)
    (folder / "A.md").write_text("<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n")
    for record in seeds(0.87, 0.872):
        Store(folder / "results" / "reference").put(record)
    assert (call("--check"), kept.exists()) == (1, False)
    assert (call(), call("--check")) == (0, 0)
    assert [path.name for path in kept.iterdir()] == ["fashion_mnist-dense_128.json"]
    (kept / "fashion_mnist-dense_128.json").write_text("{}")
    (kept / "mnist-gone.json").write_text("{}")
    capsys.readouterr()
    assert call("--check") == 1
    printed = capsys.readouterr().out
    assert "dense_128.json is stale." in printed
    assert "mnist-gone.json belongs to no case with a reference." in printed
    assert (call(), call("--check")) == (0, 0)
    assert [path.name for path in kept.iterdir()] == ["fashion_mnist-dense_128.json"]


def test_no_badge_is_written_unless_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from other results than the project's, nor where its table has no such line."""
    (folder / "A.md").write_text("<!-- fitting-room: mnist -->\n<!-- /fitting-room -->\n")
    Store(folder / "results" / "reference").put(make_record())
    kept = folder / "kept"
    asking = replace(PROJECT, results=folder / "elsewhere", badges=kept)
    silent = replace(PROJECT, results=folder / "results", badges=None)
    for project in (asking, silent):
        monkeypatch.setattr("fitting_room.cli.current", lambda *_, it=project: it)
        assert call("A.md", "--results", folder / "results") == 0
        assert not kept.exists()
    asking = replace(asking, results=folder / "results")
    monkeypatch.setattr("fitting_room.cli.current", lambda *_: asking)
    assert call("A.md", "--results", folder / "results") == 0
    assert kept.exists()
