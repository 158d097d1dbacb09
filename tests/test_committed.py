"""What claims rest on: which of the committed records and times, and which cases they may name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import DENSE, plain
from imports import ROOT
from records import PROJECT, make_record, stored

from fitting_room.analysis.audit import claims_in, grounds
from fitting_room.cli.calibrate import slim
from fitting_room.errors import UserError
from fitting_room.store.key import provenance
from fitting_room.store.records import Speed, write_speed

WIDER = PROJECT.exercise_cases["fashion_mnist-dense_512"]


def test_exercises_do_not_stand_in_for_references(tmp_path: Path) -> None:
    """Theirs is newer and without predictions; of a case without references it is all there is."""
    reference = make_record()
    newer = slim(make_record(started="2026-09-01T12:00:00+00:00", key="f" * 64))
    stored(tmp_path / "reference", [reference])
    stored(tmp_path / "exercises", [newer, slim(make_record(case=WIDER))])
    records = grounds(PROJECT, tmp_path).records
    assert [r.spec.case.name for r in records] == [DENSE, WIDER.name]
    assert records[0].predictions == reference.predictions


def test_exercises_are_all_there_is_of_a_case_without_references(tmp_path: Path) -> None:
    """Though it is one of the tables."""
    stored(tmp_path / "exercises", [slim(make_record())])
    assert [r.spec.case.name for r in grounds(PROJECT, tmp_path).records] == [DENSE]


def of_this_code(speed: Speed) -> Speed:
    """Return the times as if the present code had taken them."""
    return replace(speed, provenance=provenance(speed.spec, root=ROOT))


def test_times_of_other_code_are_left_out(tmp_path: Path) -> None:
    """The made-up digests of one are nobody's, and it is told why; the other's are right."""
    write_speed(tmp_path / "speed", plain(DENSE, 1, 2))
    write_speed(tmp_path / "speed", of_this_code(plain("fashion_mnist-cnn_64", 1, 2)))
    rest = grounds(PROJECT, tmp_path)
    assert [each.spec.case.name for each in rest.speeds] == ["fashion_mnist-cnn_64"]
    assert rest.outdated == {
        DENSE: "the code of its architecture, models/dense.py: dense, changed since"
    }
    assert rest.stale == {}


def test_claims_of_this_project_name_known_cases() -> None:
    """Those of tables, and points of exercises, which some of its statements are about."""
    named = {
        case for each in claims_in(PROJECT.claims, PROJECT).statements for case in each.cases_named
    }
    assert WIDER.name in named


def test_a_slip_in_the_case_of_an_exercise_is_told(tmp_path: Path) -> None:
    """Nobody waits for records of a case that there is not."""
    text = (ROOT / "bench" / "claims.toml").read_text("utf-8")
    (tmp_path / "claims.toml").write_text(text.replace("dense_512", "dense_521"), "utf-8")
    with pytest.raises(UserError, match=r"\[claims.wide_is_better\]: .*dense_521.*no case. Did"):
        claims_in(tmp_path / "claims.toml", PROJECT)
