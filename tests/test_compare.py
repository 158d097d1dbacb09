"""``python -m bench compare``, as a person and as continuous integration run it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import DENSE, call, elsewhere, seeds
from records import stored

from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.spec import Case


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
def test_a_crippled_architecture_is_red(
    what: str, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records of a variant are held against its original, and the reason is found."""
    off, changed = CRIPPLED[what]
    recipe = replace(CASES[DENSE].recipe, **changed)  # type: ignore[arg-type]
    case: Case = replace(CASES[DENSE], recipe=recipe, variant="crippled")
    head = stored(tmp_path / "head", seeds(3, case=case, off=off, first=9))
    assert call(base, head) == 1
    out = capsys.readouterr().out
    assert f"{DENSE}~crippled is a variant of {DENSE}, and compared with it" in out
    assert f"{DENSE} → {DENSE}~crippled training_accuracy regression" in out


def test_another_machine_is_not_comparable_by_time(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its records are compared in quality, and the reason stands where seconds would."""
    head = stored(tmp_path / "head", elsewhere(seeds(first=8)))
    assert call(base, head) == 0
    reason = capsys.readouterr().out.split("## Not comparable")[1]
    assert "cpu: Example CPU (avx2) then, Other CPU (avx512f) now" in reason


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


def test_both_forms_are_written(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Markdown as it was printed, the JSON with the same verdict."""
    files = tmp_path / "new" / "c.md", tmp_path / "new" / "c.json"
    assert call(base, base, "--output", files[0], "--json", files[1]) == 0
    assert files[0].read_text("utf-8") == capsys.readouterr().out
    assert json.loads(files[1].read_text("utf-8"))["green"] is True
