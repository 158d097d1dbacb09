"""``compare --update-reference``: explicit, shown, and nothing lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparisons import DENSE, call, seeds
from records import stored

from fitting_room.errors import UserError
from fitting_room.store.records import Store


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder whose reference is of two cases, with three seeds each."""
    for case in (DENSE, "mnist-dense_128"):
        stored(tmp_path / "results" / "reference", seeds(3, case=case))
    return tmp_path / "results"


def reference(results: Path) -> list[tuple[str, int, float | None]]:
    """Return case, seed and accuracy of every reference record."""
    records = Store(results / "reference").all()
    return [(r.spec.case.name, r.spec.seed, r.test_accuracy) for r in records]


def test_head_s_records_take_the_place_of_their_case_s(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All seeds of the case are replaced, the diff is printed, other cases stay."""
    before = reference(results)
    head = stored(tmp_path / "head", seeds(2, off=-0.06, first=9))
    options = ("--case", DENSE, "--results", results)
    assert call(results, head, *options) == 1
    assert reference(results) == before
    assert call(results, head, *options, "--update-reference") == 0
    after = reference(results)
    assert [each for each in after if each[0] == DENSE] != before[:3]
    assert (len(after), after[2:]) == (5, before[3:])
    out = capsys.readouterr().out
    assert out.count(f"\n-{DENSE} seed") == 3
    assert out.count(f"\n+{DENSE} seed") == 2


def test_a_published_record_says_nothing_of_this_machine_s_folders(
    results: Path, tmp_path: Path
) -> None:
    """The folder of the data is nobody's business."""
    head = stored(tmp_path / "head", seeds(4))
    assert call(results, head, "--case", DENSE, "--results", results, "--update-reference") == 0
    assert {r.spec.dataset.folder for r in Store(results / "reference").all()} >= {""}


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"n": 1}, "has 1 seed; a reference needs 2 at least"),
        ({"n": 3, "sample": True}, "was trained on the sample or not for its recipe's epochs"),
    ],
)
def test_what_may_be_no_reference_changes_nothing(
    results: Path, tmp_path: Path, known: dict[str, int], told: str
) -> None:
    """One seed, or the sample: refused before anything is written."""
    head = stored(tmp_path / "head", seeds(**known))
    before = reference(results)
    with pytest.raises(UserError, match=told):
        call(results, head, "--case", DENSE, "--results", results, "--update-reference")
    assert reference(results) == before


def test_a_side_without_records_is_no_reference(results: Path, tmp_path: Path) -> None:
    """This checkout has none in a folder that is not there."""
    with pytest.raises(UserError, match="this checkout has no records to be a reference"):
        call(results / "reference", "--results", tmp_path / "none", "--update-reference")
