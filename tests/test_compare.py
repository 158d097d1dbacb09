"""``python -m bench compare``, as a person and as continuous integration run it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import DENSE, call, printed, seeds
from records import stored

from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.spec import Case
from fitting_room.store.records import Store


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with eight seeds of one case."""
    return stored(tmp_path / "base", seeds(8))


CRIPPLED = {
    "shuffled labels": (-0.77, {"shuffle_labels": True}),
    "a tenth of the rate": (-0.03, {"learning_rate": 1e-4}),
    "half the data": (-0.012, {"train_fraction": 0.5}),
}


@pytest.mark.parametrize("what", CRIPPLED)
def test_a_crippled_architecture_is_red(what: str, base: Path, tmp_path: Path) -> None:
    """Records of a variant are held against its original, and the reason is found."""
    off, changed = CRIPPLED[what]
    recipe = replace(CASES[DENSE].recipe, **changed)  # type: ignore[arg-type]
    case: Case = replace(CASES[DENSE], recipe=recipe, variant="crippled")
    head = stored(tmp_path / "head", seeds(3, case=case, off=off, first=9))
    out = printed(base, head, status=1).out
    assert f"{DENSE}~crippled is a variant of {DENSE}, and compared with it" in out
    assert f"{DENSE} → {DENSE}~crippled training_accuracy regression" in out


@pytest.mark.parametrize("damage", ["{", '{"schema": 99}'])
def test_a_damaged_record_is_told_and_kept(base: Path, tmp_path: Path, damage: str) -> None:
    """The error names the file; nothing is moved, and no comparison is written."""
    file = sorted((base / DENSE).iterdir())[0]
    file.write_text(damage, encoding="utf-8")
    with pytest.raises(UserError, match=file.name):
        call(base, base, "--output", tmp_path / "comparison.md")
    assert file.read_text("utf-8") == damage
    assert not (tmp_path / "comparison.md").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("no-such-thing",),
            "'no-such-thing' is no commit of this checkout, no folder of records and no case",
        ),
        (("a.json",), "'a.json' is no commit of this checkout, no folder of"),
        (("empty",), "empty holds no records"),
        (("base", "base", "--case", "mnist-dense"), "There is no case 'mnist-dense'"),
        (
            ("mnist-minimal", "base", "--results", "empty"),
            "There are no records of mnist-minimal to compare: it has none",
        ),
        (("base", "base", "--time"), "--time runs the code of both sides, but folder base has"),
    ],
)
def test_a_mistake_is_told(
    arguments: tuple[str, ...], told: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with what was expected."""
    (base.parent / "empty").mkdir()
    (base.parent / "a.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(base.parent)
    with pytest.raises(UserError, match=told):
        call(*arguments)


def test_both_forms_are_written(base: Path, tmp_path: Path) -> None:
    """The Markdown as it was printed, the JSON with the same verdict."""
    files = tmp_path / "new" / "c.md", tmp_path / "new" / "c.json"
    told = printed(base, base, "--output", files[0], "--json", files[1]).out
    assert files[0].read_text("utf-8") == told
    assert json.loads(files[1].read_text("utf-8"))["green"] is True


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


def test_head_s_records_take_the_place_of_their_case_s(results: Path, tmp_path: Path) -> None:
    """All seeds of the case are replaced, the diff is printed, other cases stay."""
    before = reference(results)
    head = stored(tmp_path / "head", seeds(2, off=-0.06, first=9))
    options = ("--case", DENSE, "--results", results)
    assert call(results, head, *options) == 1
    assert reference(results) == before
    out = printed(results, head, *options, "--update-reference").out
    after = reference(results)
    assert [each for each in after if each[0] == DENSE] != before[:3]
    assert (len(after), after[2:]) == (5, before[3:])
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
