"""A project's own metrics: calibrated, bounded, compared and claimed like those of every record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from unittest.mock import patch

import msgspec
import numpy as np
import pytest
import scipy.stats
from audit_world import written
from comparisons import outcomes, side
from records import PROJECT, make_failed_record, make_record
from tables import rows_of

from bench.cases import CASES
from fitting_room.analysis.audit import audit
from fitting_room.analysis.comparison import compare
from fitting_room.analysis.evidence import Evidence, costs_of
from fitting_room.analysis.trials import rows
from fitting_room.cli import calibrate
from fitting_room.errors import UserError
from fitting_room.format import shown_limits
from fitting_room.judge.verdict import Bound
from fitting_room.machine import USUAL
from fitting_room.metrics import METRICS, Metric, declare, macro_f1
from fitting_room.record import Record
from fitting_room.report.bounds import suggest
from fitting_room.report.page import write_page
from fitting_room.report.plots import LIGHT
from fitting_room.report.plots.album import Album, of_case, overview
from fitting_room.spec import TASKS
from fitting_room.store.bounds import read_bounds
from fitting_room.store.claims import read_published
from fitting_room.store.records import encoded

DENSE = CASES["fashion_mnist-dense_128"]
CNN = "fashion_mnist-cnn_64"
OWN = (
    Metric(name="macro_f1", better="higher", format="percent", compute=macro_f1),
    Metric(name="correlation", better="higher", format="percent", per_epoch=True),
    Metric(name="latency", unit="ms", better="lower"),
    Metric(name="margin"),
)
SCATTER = np.random.default_rng(5).normal(size=8).round(3).tolist()


@pytest.fixture(autouse=True)
def own() -> None:
    """Declare four metrics for one test: of each direction, and one that may be negative."""
    declare(OWN)


def told(means: Mapping[str, float], *, seeds: int = 5, first: int = 0) -> list[Record]:
    """Return records of seeds whose metrics scatter about their means by a hundredth."""
    return [
        replace(
            make_record(seed=seed, test_accuracy=0.87 + SCATTER[seed] / 100),
            metrics={name: mean + SCATTER[first + seed] / 100 for name, mean in means.items()},
        )
        for seed in range(seeds)
    ]


MEANS = {"macro_f1": 0.8, "correlation": -0.2, "latency": 3.0, "margin": 1.5}


def bounds_of(folder: Path, records: Sequence[Record]) -> Mapping[str, Bound]:
    """Return the bounds that are suggested, as the file's reader has them."""
    path = folder / "bounds.toml"
    path.write_text(suggest(DENSE, records), encoding="utf-8")
    return read_bounds(path, cases=CASES, metrics=METRICS).tables[DENSE.name]


def test_calibration_suggests_a_bound_on_the_side_that_is_worse(tmp_path: Path) -> None:
    """A floor, a ceiling, or a band where neither way is better; all seeds lie within."""
    records = told(MEANS)
    found = bounds_of(tmp_path, records)
    kinds = {"macro_f1": "at_least", "correlation": "at_least", "latency": "at_most"}
    assert all(getattr(found[name], kind) is not None for name, kind in kinds.items())
    assert found["margin"].between is not None
    for metric in OWN:
        values = [metric(record) or 0 for record in records]
        assert all(map(found[metric.name].met_by, values))
        assert found[metric.name].mean == pytest.approx(fmean(values), rel=1e-7)
        assert found[metric.name].sd == pytest.approx(stdev(values), rel=1e-7)


def test_calibrate_writes_their_bounds_and_what_each_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call finds nothing to change; what holds on another platform stays all along."""
    project = replace(PROJECT, root=tmp_path, bounds=tmp_path / "bounds.toml")
    other = f'[{DENSE.name}.jax-gpu]\ntest_loss = {{ at_most = 1e-6, reason = "by hand" }}\n'
    project.bounds.write_text(f"# Mine.\n\n{other}", encoding="utf-8")
    calibrate._propose(project, {DENSE.name: told(MEANS)}, USUAL, apply=True)
    printed = capsys.readouterr().out
    text = project.bounds.read_text("utf-8")
    assert text.startswith(f"# Mine.\n\n{other}\n[fashion_mnist-dense_128]\n")
    for metric in OWN:
        bound = read_bounds(project.bounds, cases=CASES, metrics=METRICS).for_case(
            DENSE.name, metric.name
        )
        name = metric.name.replace("_", " ")
        (row,) = [row for row in rows_of(printed) if row[:2] == [DENSE.name, name]]
        assert row[2] == bound.words
    calibrate._propose(project, {DENSE.name: told(MEANS)}, USUAL, apply=True)
    assert "has these bounds already" in capsys.readouterr().out
    assert project.bounds.read_text("utf-8") == text


def test_a_bound_may_be_negative_where_the_metric_is(tmp_path: Path) -> None:
    """A correlation of -20 % has its floor below that; a loss never has a negative one."""
    bound = bounds_of(tmp_path, told(MEANS))["correlation"]
    assert bound.at_least is not None and bound.at_least < -0.2 - 3 * 0.005
    assert shown_limits("margin", (-0.5, 0.25)) == "-0.500 to 0.250"
    path = tmp_path / "wrong.toml"
    for line, said in (
        (
            "test_loss = { at_most = -1, reason = 'r' }",
            "has at_most = -1, and test_loss is never negative",
        ),
        (
            "correlation = { at_least = -20, reason = 'r' }",
            "has at_least = -20, .* a fraction; did you mean -0.2",
        ),
    ):
        path.write_text(f"[{DENSE.name}]\n{line}\n", encoding="utf-8")
        with pytest.raises(UserError, match=said):
            read_bounds(path, cases=CASES, metrics=METRICS)


def test_a_fraction_that_scatters_much_has_a_floor_that_can_be_read(tmp_path: Path) -> None:
    """Below -1 no correlation lies, and no file of bounds may say so."""
    values = (0.9, 0.1, 0.5)
    records = [
        replace(make_record(seed=seed), metrics={"correlation": value})
        for seed, value in enumerate(values)
    ]
    assert bounds_of(tmp_path, records)["correlation"].at_least == -1


def test_a_metric_of_any_scale_keeps_its_reference(tmp_path: Path) -> None:
    """Billionths are no zero, and not the same for all seeds."""
    tiny = [
        replace(make_record(seed=seed), metrics={"latency": 1e-9 * (3 + value)})
        for seed, value in enumerate(SCATTER)
    ]
    bound = bounds_of(tmp_path, tiny)["latency"]
    assert bound.sd == pytest.approx(1e-9 * stdev(SCATTER), rel=1e-6)


def test_what_only_some_seeds_report_gets_no_bound() -> None:
    """Nor does what none has, which is not even mentioned, nor a loss without probabilities."""
    records = [*told({"latency": 3.0}), make_record(seed=7)]
    text = suggest(DENSE, records)
    assert "# latency: 5 of 6 seeds have it; a bound needs them all." in text
    assert "margin" not in text
    bare = [
        replace(make_record(seed=seed, test_loss=None), epochs=each.epochs[:1], size=None)
        for seed, each in enumerate(records)
    ]
    text = suggest(DENSE, bare)
    assert "# parameters: the trainer does not tell them." in text
    assert "# test_loss: 0 of 6 seeds have it" in text
    assert "# drop_in_training_loss: 0 of 6" in text


@pytest.mark.parametrize(
    ("name", "step", "label"),
    [
        ("macro_f1", -0.2, "regression"),
        ("macro_f1", 0.1, "improvement"),
        ("latency", 1.0, "regression"),
        ("latency", -1.0, "improvement"),
        ("margin", 1.0, "changed"),
        ("margin", -1.0, "changed"),
        ("margin", 0.0, "same"),
    ],
)
def test_a_comparison_knows_the_direction(name: str, step: float, label: str) -> None:
    """Where neither way is better, a change either way is one."""
    base, head = told({name: MEANS[name]}), told({name: MEANS[name] + step}, first=2)
    found = compare(side(base), side(head))
    assert outcomes(found)[name] == label
    assert found.red(undecided=False) == (label in ("regression", "changed"))


def test_a_comparison_of_an_own_metric_is_student_s_t_test() -> None:
    """The p-value that is printed is SciPy's, of the values of both sides."""
    base, head = told({"latency": 3.0}), told({"latency": 3.01}, first=2)
    values = [[METRICS["latency"](record) for record in records] for records in (base, head)]
    (change,) = [
        each for each in compare(side(base), side(head)).changes if each.verdict.metric == "latency"
    ]
    assert f"p = {scipy.stats.ttest_ind(*values).pvalue:.2g}," in change.verdict.reason
    assert re.search(r"a change of 0\.0\d+ ms is caught with 80 % power$", change.verdict.reason)


def test_a_metric_of_one_side_alone_is_not_comparable() -> None:
    """And one that no side has is not asked for, also where a seed was lost."""
    base = [*told({}), make_failed_record(seed=6, outcome="diverged")]
    found = compare(side(base), side(told({"latency": 3.0})))
    assert outcomes(found)["latency"] == "not comparable"
    assert "margin" not in outcomes(found)


CLAIM = """
[claims.it]
kind = "{}"
said = "so"
source = "book"
metric = "{}"
"""
BODIES = {
    "figure": f'case = "{DENSE.name}"\npublished = "80%"\nvalue = 0.8\n',
    "later": f'case = "{DENSE.name}"\npublished = "-21%"\nvalue = -0.21\nepoch = 2\n',
    "difference": f'cases = ["{DENSE.name}"]\nover = "{CNN}"\nlow = 0\n',
    "ratio": f'case = "{DENSE.name}"\nover = "{CNN}"\nlow = 1\n',
    "order": f'cases = ["{DENSE.name}", "{CNN}"]\n',
    "turn": f'case = "{DENSE.name}"\nlow = 2\nhigh = 2\n',
    "reach": f'case = "{DENSE.name}"\ntarget = 0.3\nby = 2\n',
}


def with_curve(record: Record) -> Record:
    """Return the record with a correlation after each epoch, best after the second."""
    curve = [0.1, 0.4, 0.3, 0.2, 0.1]
    pairs = zip(record.epochs, curve, strict=True)
    epochs = tuple(replace(epoch, metrics={"correlation": value}) for epoch, value in pairs)
    return replace(record, epochs=epochs)


def verdict(folder: Path, body: str, metric: str) -> str:
    """Return what becomes of a claim: dense_128 has 80 % of all, and cnn_64 less."""
    kind = "figure" if body == "later" else body
    path = written(folder, CLAIM.format(kind, metric) + BODIES[body])
    records = [*map(with_curve, told({"macro_f1": 0.8, "latency": 3.0}, seeds=6))]
    others = told({"macro_f1": 0.7, "latency": 4.0}, seeds=6, first=2)
    case = make_record(case=CNN).spec.case
    records += [replace(each, spec=replace(each.spec, case=case)) for each in others]
    (finding,) = audit(read_published(path, cases=CASES), records, [])
    return finding.verdict.label


@pytest.mark.parametrize(
    ("body", "metric", "label"),
    [
        ("figure", "macro_f1", "reproduced"),
        ("later", "correlation", "exceeded"),
        ("difference", "macro_f1", "reproduced"),
        ("difference", "latency", "exceeded"),
        ("order", "macro_f1", "reproduced"),
        ("order", "latency", "reproduced"),
        ("ratio", "macro_f1", "reproduced"),
        ("ratio", "latency", "not reproduced"),
        ("turn", "correlation", "reproduced"),
        ("reach", "correlation", "reproduced"),
    ],
)
def test_claims_about_an_own_metric_are_judged(
    tmp_path: Path, body: str, metric: str, label: str
) -> None:
    """More of a score is better and less of a latency, as the metric says: better is exceeded."""
    assert verdict(tmp_path, body, metric) == label


@pytest.mark.parametrize(
    ("body", "metric"),
    [("order", "margin"), ("turn", "macro_f1"), ("reach", "latency")],
)
def test_a_claim_that_an_own_metric_cannot_bear_is_refused(
    tmp_path: Path, body: str, metric: str
) -> None:
    """Without a direction nothing is better, without epochs nothing turns or is reached."""
    with pytest.raises(UserError, match=f"'{metric}' is no metric for kind = '{body}'"):
        verdict(tmp_path, body, metric)
    with pytest.raises(UserError, match="'macro_f1' is no metric that takes epoch"):
        verdict(tmp_path, "later", "macro_f1")


def test_an_epoch_without_own_metrics_has_no_key_for_them() -> None:
    """Files that were written before are what would be written now."""
    plain = msgspec.json.decode(encoded(make_record()))
    assert all("metrics" not in epoch for epoch in plain["epochs"])
    curved = msgspec.json.decode(encoded(with_curve(make_record())))
    assert curved["epochs"][1]["metrics"] == {"correlation": 0.4}


def test_a_ratio_needs_a_mean_that_is_no_zero(tmp_path: Path) -> None:
    """Each mean lies in its 97.5 % interval, and the multiple between the quotients of its ends."""
    ratio = BODIES["ratio"].replace("low = 1", "low = 1.05")
    with patch.dict(BODIES, ratio=ratio):
        assert verdict(tmp_path, "ratio", "macro_f1") == "reproduced"
    values = [METRICS["macro_f1"](each) for each in told({"macro_f1": 0.8}, seeds=6)]
    found = costs_of([DENSE.name], "macro_f1", Evidence(told({"macro_f1": 0.8}, seeds=6)))
    interval = found.of[DENSE.name]
    half = scipy.stats.t.ppf(1 - 0.025 / 2, 5) * scipy.stats.sem(values)
    assert (interval.low, found.n) == (pytest.approx(fmean(values) - half), 6)
    zero = told({"margin": 0.0}, seeds=6)
    path = written(tmp_path, CLAIM.format("ratio", "margin") + BODIES["ratio"])
    case = make_record(case=CNN).spec.case
    others = [replace(each, spec=replace(each.spec, case=case)) for each in zero]
    (finding,) = audit(read_published(path, cases=CASES), [*zero, *others], [])
    assert finding.verdict.label == "undecided"
    assert finding.verdict.reason == "margin may be zero by these seeds: no multiple is known"


def test_the_plot_of_seeds_has_a_column_for_each() -> None:
    """With its values, its bound and its unit, after the three that every case has."""
    records = told(MEANS)
    held = Bound(metric="latency", at_most=5.0, reason="so")
    album = Album(
        rows([DENSE], records, {}, {}), records, lambda _, name: held if name == "latency" else None
    )
    picture = overview(album)["fashion_mnist-seeds"]
    assert callable(picture)
    axes = {each.get_xlabel(): each for each in picture(LIGHT).axes}
    own = ["macro f1 (%)", "correlation (%)", "latency (ms)", "margin"]
    assert list(axes) == ["test accuracy (%)", "test loss (nats)", "training accuracy (%)", *own]
    drawn = [line.get_xdata() for line in axes["latency (ms)"].lines]
    assert list(drawn[0]) == [METRICS["latency"](record) for record in records]
    assert [5.0, 5.0] in [list(each) for each in drawn]


def test_a_metric_of_each_epoch_may_be_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first epoch that has it counts; one that is no fraction, or falls, is refused."""
    task = replace(TASKS["fashion_mnist"], targets={"correlation": 0.4})
    monkeypatch.setitem(TASKS, "fashion_mnist", task)
    records = [*map(with_curve, told({}, seeds=2))]
    assert [METRICS["epochs_to_target"](record) for record in records] == [2, 2]
    (row,) = rows([DENSE], records, {}, {})
    found = row.epochs_to_target[0].found
    assert found and (found.median, found.reached) == (2, 2)
    wrong = replace(TASKS["mnist"], targets={"latency": 3})
    project = replace(PROJECT, objects={**PROJECT.objects})
    monkeypatch.setattr(type(project), "_mapping", lambda *_: {"mnist": wrong})
    with pytest.raises(UserError, match="a target of 'latency', which no epoch has"):
        project.tasks  # noqa: B018


def test_a_metric_of_each_epoch_is_drawn(tmp_path: Path) -> None:
    """A line a seed, and their mean: per cent, of the epochs that the records have."""
    records = [*map(with_curve, told({"margin": 1.0}, seeds=2))]
    records[1] = replace(records[1], epochs=records[1].epochs[:3])
    album = Album(rows([DENSE], records, {}, {}), records, lambda *_: None)
    picture = of_case(album, album.rows[0])[f"{DENSE.name}-correlation"]
    assert f"{DENSE.name}-margin" not in of_case(album, album.rows[0])
    assert callable(picture)
    (axes,) = picture(LIGHT).axes
    lines = [line.get_xydata().tolist() for line in axes.lines]
    curve = [[1, 0.1], [2, 0.4], [3, 0.3], [4, 0.2], [5, 0.1]]
    assert lines[:2] == [curve, curve[:3]]
    assert np.allclose(lines[2], curve[:3])
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("correlation (%)", "epoch")
    path = tmp_path / "page.html"
    write_page(path, album.rows, records, run="A run", test_sets={})
    assert "correlation after each epoch" in path.read_text("utf-8")
