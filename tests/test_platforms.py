"""References of another backend or device: apart on disk, in verdicts, and in what is shown.

The last tests train for real, in a project of their own, with every backend that is installed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkouts import write_files
from commands import call, printed
from comparisons import DENSE, of_code, seeds
from comparisons import call as compare
from comparisons import printed as compared
from own_projects import ROWS, TABLE, Own
from records import make_record, make_verdict, stored
from scheduler_world import CASE, FakeTrials, new_evaluator

from fitting_room.analysis.audit import references
from fitting_room.analysis.trials import incomparable, of_one_platform
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Bound
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.plan import Options
from fitting_room.machine import PLATFORMS, USUAL, Platform, of_one_machine, platform_of
from fitting_room.record import Record
from fitting_room.store.bounds import reference_folder, reference_folders
from fitting_room.store.records import Store

JAX = Platform("jax", "cpu")
FLOOR = Bound(metric="test_accuracy", at_least=0.8, reason="a round figure")
HARD = replace(FLOOR, at_least=0.99)
COUNT = Bound(metric="parameters", exactly=101_770, reason="counted")


def of_jax(n: int, **known: Any) -> list[Record]:
    """Return records of seeds on JAX, whose keys are not those of TensorFlow's."""
    return [replace(each, key=f"{each.key[::-1]}") for each in seeds(n, backend="jax", **known)]


def test_a_platform_has_a_name_words_and_options() -> None:
    """Of its options those are left out that are the default."""
    assert (USUAL.words, USUAL.options) == ("tensorflow on cpu", "")
    both = PLATFORMS["torch-gpu"]
    assert (both.words, both.options) == ("torch on gpu", "--backend torch --device gpu")
    assert platform_of(make_record(backend="torch", device="gpu")) == both
    assert USUAL.name not in PLATFORMS


def test_references_of_another_platform_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    """What reads the usual ones does not see them."""
    usual, other = (reference_folder(tmp_path, each) for each in (USUAL, JAX))
    assert reference_folders(tmp_path) == [usual]
    stored(usual, seeds(2))
    stored(other, of_jax(3))
    assert other == usual / "jax-cpu"
    assert reference_folders(tmp_path) == [usual, other]
    assert {platform_of(record) for record in references(usual)} == {USUAL}
    assert {platform_of(record) for record in references(other)} == {JAX}


def test_a_reference_in_the_folder_of_another_platform_is_refused(tmp_path: Path) -> None:
    """A table would mix the two, or leave one out unsaid."""
    stored(tmp_path / "reference", [*seeds(2), *of_jax(1)])
    with pytest.raises(UserError, match=r"records of jax-cpu among those of tensorflow on cpu"):
        references(tmp_path / "reference")


def test_times_of_two_backends_do_not_mix() -> None:
    """Even on one machine: those of the backend that most were trained on are kept."""
    records = [make_record(backend="jax"), *(make_record(seed=seed) for seed in (1, 2))]
    assert of_one_machine(records) == records[1:]
    assert of_one_machine([records[0], records[1]]) == [records[0]]
    assert of_one_platform(records[:1] * 2 + records[1:2]) == records[1:2]
    assert of_one_platform(records[:1]) == records[:1]


def judge_of(folder: Path, usual: Bound, *own: Bound, options: Options | None = None) -> Evaluator:
    """Return what judges a case on JAX that has a bound and a count on TensorFlow."""
    options = options or Options(backend="jax")
    found = new_evaluator(folder, options, usual, COUNT)
    apart = {CASE.name: {JAX.name: {bound.metric: bound for bound in own}}}
    return replace(found, bounds=replace(found.bounds, apart=apart).on(JAX))


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("usual", "own", "outcome"), [(HARD, FLOOR, "pass"), (FLOOR, HARD, "fail")]
)
def test_a_verdict_is_by_the_bound_of_its_own_platform(
    tmp_path: Path, usual: Bound, own: Bound, outcome: str
) -> None:
    """That of the usual one has no part in it, however it would judge; counts are shared."""
    judge = judge_of(tmp_path, usual, own, options=Options(backend="jax", seeds=5))
    verdict = judge.verdict(CASE, "test_accuracy")
    assert (verdict.against, verdict.outcome) == (own.words, outcome)
    assert judge.verdict(CASE, "parameters").passed


def test_without_a_reference_nothing_is_judged_but_counts(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """The figure is told, from as few seeds as the tier has, with the line that makes one."""
    judge = judge_of(tmp_path, HARD)
    for metric in ("test_accuracy", "training_loss_by_epoch"):
        verdict = judge.verdict(CASE, metric)
        assert (verdict.outcome, verdict.n) == ("not comparable", 1)
        made = f"make it: fitting-room calibrate {CASE.name} --backend jax --apply"
        assert verdict.reason == f"no reference for jax on cpu; {made}"
        assert verdict.estimate is not None
    assert judge.verdict(CASE, "parameters").passed
    assert trials.seeds == [0]


@pytest.mark.usefixtures("trials")
def test_the_sample_is_held_to_the_same_bounds_on_every_platform(tmp_path: Path) -> None:
    """They are set by hand, whether the path works, and have no reference."""
    options = Options(tier="smoke", backend="jax")
    found = new_evaluator(tmp_path, options, smoke=[FLOOR])
    judge = replace(found, bounds=found.bounds.on(JAX))
    assert judge.verdict(CASE, "test_accuracy").passed


def test_the_end_of_a_run_says_once_what_is_missing() -> None:
    """One line has every case and every metric, and a command that makes all of it."""
    made = "no reference; make it: calibrate {} --apply"
    verdicts = [
        make_verdict("not comparable", subject=case, metric=metric, reason=made.format(case))
        for case in ("one", "two")
        for metric in ("test_loss", "test_accuracy")
    ]
    assert incomparable(verdicts) == [
        "not comparable, as no reference; make it: calibrate one two --apply: "
        "test_loss, test_accuracy"
    ]


def test_compare_looks_at_one_platform(tmp_path: Path) -> None:
    """Later trials on JAX are no part of a comparison, unless they are asked for."""
    base, results = stored(tmp_path / "base", seeds(8)), tmp_path / "results"
    stored(results / "reference", of_code(seeds(first=8)))
    late = of_jax(6, off=-0.2, started="2026-05-01T12:00:00+00:00")
    stored(results / "trials", of_code(late))
    options = ("--case", DENSE, "--results", results)
    told = compared(base, *options).out
    assert "- head: this checkout; 1 case, 6 seeds each" in told
    other = stored(tmp_path / "other", of_jax(8))
    assert compare(other, *options, "--backend", "jax") == 1
    with pytest.raises(UserError, match="holds no records of jax on cpu, but of tensorflow on cpu"):
        compare(base, *options, "--backend", "jax")


def test_two_folders_of_two_platforms_are_compared_with_each_other(tmp_path: Path) -> None:
    """Nothing is asked for: each has one platform alone."""
    base, head = stored(tmp_path / "a", seeds(8)), stored(tmp_path / "b", of_jax(8))
    assert compare(base, head, "--results", tmp_path) == 0


def test_an_updated_reference_stays_apart(tmp_path: Path) -> None:
    """The usual one is not touched, and another platform's records do not take its place."""
    usual = stored(tmp_path / "reference", seeds(3))
    head = stored(tmp_path / "head", of_jax(4))
    options = ("--results", tmp_path, "--update-reference")
    with pytest.raises(UserError, match="trained with jax on cpu, and is no reference of tensorfl"):
        compare(usual, head, *options)
    assert compare(head, head, *options, "--backend", "jax") == 0
    found = [len(list(Store(each).all())) for each in reference_folders(tmp_path)]
    assert found == [3, 4]


def test_what_is_shown_says_the_platform(tmp_path: Path) -> None:
    """Two platforms are two lines of ``show``, two tables of a page, and one of a picture."""
    stored(tmp_path / "reference", seeds(2))
    stored(reference_folder(tmp_path, JAX), of_jax(3, off=-0.1))
    told = printed("show", "--results", tmp_path).out
    lines = [" ".join(line.split()) for line in told.splitlines()]
    rows = {line.partition(" ± ")[0][:-5]: line for line in lines if " ± " in line}
    assert (list(rows), "(3)" in rows[f"{DENSE}, jax on cpu"]) == (
        [DENSE, f"{DENSE}, jax on cpu"],
        True,
    )
    page = tmp_path / "page.md"
    names = ("fashion_mnist", "platforms")
    blocks = [f"<!-- fitting-room: {name} -->\n<!-- /fitting-room -->\n" for name in names]
    page.write_text("\n".join(blocks), "utf-8")
    call("readme", page, "--results", tmp_path)
    usual, _, other = page.read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ").partition("###")
    assert ("(2)" in usual, "(3)" in usual) == (True, False)
    assert other.startswith(" Fashion MNIST, jax on cpu\n")
    assert ("(2)" in other, "(3)" in other) == (False, True)


def test_a_page_of_mixed_trials_is_of_one_platform(tmp_path: Path) -> None:
    """What is left out is told."""
    stored(tmp_path / "trials", [*seeds(2), *of_jax(3, off=-0.1)])
    page = tmp_path / "report.html"
    told = printed("report", "--records", tmp_path / "trials", "--output", page)
    assert "3 records of" in told.err
    assert "are left out: not of tensorflow on cpu." in told.err
    assert f"{page}: 2 records" in told.out


OWN = f"""{ROWS}
TASKS = [ROWS]
CASES = [
    Case(
        task="rows", architecture="dense", builder="own:row_network", arguments={{"units": 8}},
        recipe=RECIPE,
    )
]
"""
SUITE = "from fitting_room.suites import test_bound  # noqa: F401\n"
CALIBRATE = ("calibrate", "--seeds", "3", "--shared", "--jobs", "2", "--apply")


def bounds_of(own: Own) -> str:
    """Return the text of the project's file of bounds."""
    return (own.folder / "bench" / "bounds.toml").read_text("utf-8")


def references_of(own: Own) -> dict[Path, bytes]:
    """Return the content of every reference."""
    files = (own.folder / "results" / "reference").rglob("*.json")
    return {path: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """A project whose case is calibrated on TensorFlow."""
    table = f'{TABLE}bounds = "bench/bounds.toml"\n'
    files = {"own.py": OWN, "pyproject.toml": table, "bench/test_own.py": SUITE}
    found = Own(write_files(tmp_path_factory.mktemp("own"), files))
    found.command(*CALIBRATE)
    return found


def installed(backend: str) -> Any:
    """Return a backend to run a test with, which is skipped before anything is trained for it."""
    absent = importlib.util.find_spec(backend) is None
    return pytest.param(backend, marks=pytest.mark.skipif(absent, reason="is not installed"))


@pytest.mark.parametrize("backend", [installed("jax"), installed("torch")])
def test_a_case_is_calibrated_and_judged_on_another_backend(own: Own, backend: str) -> None:
    """Its tests are skipped, until a reference is made; nothing of TensorFlow's is touched."""
    references, bounds = references_of(own), bounds_of(own)
    run = ("bench", "--backend", backend, "--jobs", "2")
    told = own.run(*run)
    made = f"make it: fitting-room calibrate rows-dense --backend {backend} --apply"
    assert told.count(f"not comparable, as no reference for {backend} on cpu; {made}") == 1
    assert " 1 passed, " in told
    own.command(*CALIBRATE, "--backend", backend)
    assert references.items() < references_of(own).items()
    assert bounds_of(own).startswith(bounds)
    assert bounds_of(own).count(f"[rows-dense.{backend}-cpu") == 2
    assert "skipped" not in own.run(*run)
