"""The file of bounds: read, checked, and refused with the place and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitting_room.errors import UserError
from fitting_room.judge.quality import judge
from fitting_room.machine import USUAL, Platform
from fitting_room.store.bounds import Bounds, line_of, read_bounds, smoke_line, table_of

CASES = ("fashion_mnist-cnn_64", "mnist-dense_128")
METRICS = (
    "parameters",
    "test_accuracy",
    "test_loss",
    "training_accuracy",
    "training_loss",
    "epochs_to_target",
)

GOOD = """
# every bound has its reason
[fashion_mnist-cnn_64]
parameters = { exactly = 243_786, reason = "counted by hand" }
test_accuracy = { at_least = 0.893, sd = 0.0025, seeds = 10, mean = 0.904, reason = "mean − 3 sd" }
training_accuracy = { between = [0.929, 0.934], reason = "reference ± 3 sd" }

[smoke]
test_accuracy = { at_least = 0.3, reason = "learns at all" }
"""


def read(folder: Path, text: str) -> Bounds:
    """Write a file of bounds and read it back."""
    path = folder / "bounds.toml"
    path.write_text(text, encoding="utf-8")
    return read_bounds(path, cases=CASES, metrics=METRICS)


def test_every_kind_of_bound_is_read_as_written(tmp_path: Path) -> None:
    """The words of each bound show the figures of the file."""
    bounds = read(tmp_path, GOOD)
    words = [bounds.for_case(CASES[0], metric).words for metric in bounds.metrics(CASES[0])]
    assert words == ["= 243,786", "≥ 89.3 %", "92.9–93.4 %"]
    assert bounds.for_case(CASES[0], "test_accuracy").reference_seeds == 10


def test_smoke_bounds_stand_apart(tmp_path: Path) -> None:
    """[smoke] holds for the smoke tier alone, and only for the metrics it names."""
    bounds = read(tmp_path, GOOD)
    smoke = bounds.smoke(CASES[0], "test_accuracy")
    assert smoke is not None and smoke.at_least == 0.3
    assert bounds.smoke(CASES[0], "test_loss") is None


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("text", ["", f"[{CASES[0]}]\n"])
def test_the_lines_to_add_can_be_pasted_as_they_are(tmp_path: Path, metric: str, text: str) -> None:
    """A case without a bound is told lines that, once added, are a valid bound for it."""
    with pytest.raises(UserError, match=r"[Aa]dd th") as caught:
        read(tmp_path, text).for_case(CASES[0], metric)
    lines = str(caught.value).split("\n\n")[1]
    assert read(tmp_path, text + lines).for_case(CASES[0], metric).metric == metric


LOSS = "[smoke]\ntest_loss = {{ {} }}".format
REFUSED = [
    ("[a]\nx = = 1\n", 2, "not valid TOML"),
    ("\n[fashion_mnist-cnn64]\n", 2, "Did you mean 'fashion_mnist-cnn_64'?"),
    ("[smoke]\n\ntest_acuracy = { at_least = 0.1 }", 3, "mean 'test_accuracy'?"),
    (LOSS("at_mots = 0.1, reason = 'r'"), 2, "mean 'at_most'?"),
    (LOSS("at_most = '1', reason = 'r'"), 2, "= '1': expected float"),
    (LOSS("at_most = true, reason = 'r'"), 2, "True: expected float"),
    ("[smoke]\nparameters = {exactly=1.5, reason='r'}", 2, "= 1.5: expected int"),
    (LOSS("between = [1], reason = 'r'"), 2, "array of length 2"),
    (LOSS("between = [2, 1], reason = 'r'"), 2, "upper end"),
    (LOSS("at_most = 1, at_least = 0, reason = 'r'"), 2, "one of exactly"),
    (LOSS("reason = 'r'"), 2, "found none"),
    (LOSS("at_most = 1"), 2, "a reason is needed"),
    (LOSS("at_most = 1, reason = ' '"), 2, "a reason"),
    (LOSS("at_most = 1, reason = 7"), 2, "7: expected str"),
    ("[smoke]\ntest_accuracy = {at_least=89.3, reason='r'}", 2, "mean 0.893?"),
    (LOSS("at_most = nan, reason = 'r'"), 2, "finite"),
    ("smoke = 3", 1, "expected a table"),
    ("[smoke]\ntest_loss = 0.3", 2, "found 0.3"),
    (LOSS("at_most = 1, sd = 1.0, reason = 'r'"), 2, "all three"),
    (LOSS("at_most = 1, sd = 0.1, seeds = 5, mean = 2.0, reason = 'r'"), 2, "does not meet"),
    ("[mnist-dens_128.smoke]\n", 1, "Did you mean 'mnist-dense_128'?"),
    ("\n[mnist-dense_128.smoke]\ntest_acuracy = {}\n", 3, "mean 'test_accuracy'?"),
    ("[mnist-dense_128]\nsmoke = 3\n", 2, "[mnist-dense_128.smoke]: expected a table"),
    ("[mnist-dense_128]\n\nsmoke.test_loss = 3\n", 3, "found 3"),
    ("[mnist-dense_128.smoke]\nparameters = {}\n", 2, "it stands in [mnist-dense_128] alone"),
    ("[smoke.smoke]\n", 1, "'smoke' is no metric"),
    ("[mnist-dense_128.jax-gpuu]\n", 1, "is no backend and device. Did you mean 'jax-gpu'?"),
    ("\n[mnist-dense_128]\n\njaxx-cpu.test_loss = 3\n", 4, "Did you mean 'jax-cpu'?"),
    ("[mnist-dense_128.jax]\n", 1, "'jax' is no backend and device. Did you mean 'jax-"),
    ("[mnist-dense_128.tensorflow-cpu]\n", 1, "stand in [mnist-dense_128] itself"),
    ("[mnist-dense_128.tensorflow]\n", 1, "stand in [mnist-dense_128] itself"),
    ("[mnist-dense_128.jax-gpu]\ntest_los = 3\n", 2, "mean 'test_loss'?"),
    ("[mnist-dense_128.jax-gpu]\nparameters = 3\n", 2, "stands in [mnist-dense_128] alone"),
    ("[mnist-dense_128]\njax-gpu = 3\n", 2, "[mnist-dense_128.jax-gpu]: expected a table"),
    ("[smoke.jax-gpu]\n", 1, "'jax-gpu' is no metric"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_a_malformed_file_is_refused_at_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    """The error names the file, the line, and what was expected there."""
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'bounds.toml'}:{line}: ")
    assert message in str(caught.value)


def test_the_line_is_found_in_the_right_table(tmp_path: Path) -> None:
    """The same key in an earlier table is not mistaken for the wrong one."""
    text = GOOD + "\n[mnist-dense_128]\ntest_accuracy = { at_least = 98, reason = 'r' }\n"
    with pytest.raises(UserError, match=r"bounds\.toml:12: \[mnist-dense_128\] test_accuracy"):
        read(tmp_path, text)


@pytest.mark.parametrize("header", ["[smoke.test_loss]", "smoke.test_loss.at_most = nan"])
def test_other_spellings_of_toml_are_located_too(tmp_path: Path, header: str) -> None:
    """A table of its own for a metric, or dotted keys, are found as well."""
    with pytest.raises(UserError, match=r"bounds\.toml:3:"):
        read(tmp_path, f"# bounds\n\n{header}\n")


def test_a_missing_file_and_one_in_another_encoding_are_told_apart(tmp_path: Path) -> None:
    """Neither ends in a traceback."""
    with pytest.raises(UserError, match="cannot be read"):
        read_bounds(tmp_path / "none.toml", cases=CASES, metrics=METRICS)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(UserError, match="UTF-8"):
        read_bounds(tmp_path / "latin.toml", cases=CASES, metrics=METRICS)


def test_a_bound_from_the_file_can_be_judged_by(tmp_path: Path) -> None:
    """The file's bound decides on numbers as it is."""
    bound = read(tmp_path, GOOD).for_case(CASES[0], "parameters")
    assert judge([243_786.0], bound).outcome == "pass"


def test_a_target_that_need_not_be_reached_is_a_bound_of_infinity(tmp_path: Path) -> None:
    """A case that never reaches its target meets `at_most = inf`, and only that."""
    line = '[mnist-dense_128]\nepochs_to_target = {{ at_most = {}, reason = "too small" }}\n'
    free = read(tmp_path, line.format("inf")).for_case("mnist-dense_128", "epochs_to_target")
    held = read(tmp_path, line.format("9")).for_case("mnist-dense_128", "epochs_to_target")
    assert [judge([None, None], bound).outcome for bound in (free, held)] == ["pass", "fail"]
    assert free.words == "≤ ∞"


OWN_SMOKE = """
[smoke]
test_accuracy = { at_least = 0.5, reason = "the path learns" }
test_loss = { at_most = 2.3, reason = "below guessing" }

[mnist-dense_128]
parameters = { exactly = 101_770, reason = "counted" }

[mnist-dense_128.smoke]
test_accuracy = { at_least = 0.11, reason = "it starts slowly" }
"""


def test_a_case_s_own_smoke_bound_wins_over_that_of_all(tmp_path: Path) -> None:
    """Metric by metric: what it does not name, and every other case, is held to ``[smoke]``."""
    bounds = read(tmp_path, OWN_SMOKE)
    found = [
        bounds.smoke(case, metric)
        for case, metric in (
            ("mnist-dense_128", "test_accuracy"),
            ("mnist-dense_128", "test_loss"),
            (CASES[0], "test_accuracy"),
        )
    ]
    assert [bound and (bound.at_least or bound.at_most) for bound in found] == [0.11, 2.3, 0.5]
    assert bounds.metrics("mnist-dense_128") == ("parameters",)


def test_the_line_of_a_bound_is_where_it_counts(tmp_path: Path) -> None:
    """It is that of the metric in its own table, else of the table; smoke bounds have two."""
    read(tmp_path, OWN_SMOKE)
    path, case = tmp_path / "bounds.toml", "mnist-dense_128"
    tables = (("smoke", "test_accuracy"), (case, "parameters"), (case, "training_loss_by_epoch"))
    assert [line_of(path, table, metric) for table, metric in tables] == [3, 7, 6]
    assert [smoke_line(path, case, name) for name in ("test_loss", "test_accuracy")] == [4, 10]


JAX_GPU = Platform("jax", "gpu")
APART = """
[mnist-dense_128]
parameters = { exactly = 101_770, reason = "counted" }
test_loss = { at_most = 0.1, reason = "r" }

[mnist-dense_128.jax-gpu]
test_loss = { at_most = 0.2, reason = "r" }
training_loss_by_epoch = { between = [[1, 3]], mean = [2], sd = [1], seeds = 5, reason = "r" }

[mnist-dense_128.smoke]
test_loss = { at_most = 2.3, reason = "r" }
"""
DIGITS = "mnist-dense_128"


@pytest.mark.parametrize(
    ("platform", "words", "assertions"),
    [
        (USUAL, {"parameters": "= 101,770", "test_loss": "≤ 0.100"}, 2),
        (JAX_GPU, {"parameters": "= 101,770", "test_loss": "≤ 0.200"}, 3),
        (Platform("jax", "cpu"), {"parameters": "= 101,770"}, 1),
    ],
)
def test_a_platform_is_held_to_its_own_bounds_and_to_the_counts_of_all(
    tmp_path: Path, platform: Platform, words: dict[str, str], assertions: int
) -> None:
    """The error of a run is shared among its own; the sample's bounds are of every platform."""
    bounds = read(tmp_path, APART).on(platform)
    assert {metric: bound.words for metric, bound in bounds.tables[DIGITS].items()} == words
    assert (bounds.assertions, bounds.platform) == (assertions, platform)
    assert bounds.smoke(DIGITS, "test_loss") is not None
    assert bool(bounds.curves[DIGITS]) == (platform == JAX_GPU)


@pytest.mark.parametrize(
    ("platform", "options"),
    [
        (Platform("jax", "cpu"), "--backend jax"),
        (Platform("tensorflow", "gpu"), "--device gpu"),
        (Platform("torch", "gpu"), "--backend torch --device gpu"),
    ],
)
def test_a_missing_reference_says_how_it_is_made(
    tmp_path: Path, platform: Platform, options: str
) -> None:
    """The line can be pasted; where there are bounds nothing is missing."""
    bounds = read(tmp_path, APART)
    told = f"no reference for {platform.words}; make it: "
    made = f"fitting-room calibrate {DIGITS} {options} --apply"
    assert bounds.on(platform).no_reference(DIGITS) == told + made
    assert (bounds.no_reference(DIGITS), bounds.on(JAX_GPU).no_reference(DIGITS)) == ("", "")


def test_a_metric_without_a_bound_names_the_table_of_its_platform(tmp_path: Path) -> None:
    """The lines to add, and the command, are of that backend and device."""
    bounds = read(tmp_path, APART).on(JAX_GPU)
    with pytest.raises(UserError) as caught:
        bounds.for_case(DIGITS, "test_accuracy")
    assert f"Or add this to [{DIGITS}.jax-gpu] in" in str(caught.value)
    assert f"calibrate {DIGITS} --backend jax --device gpu --apply`" in str(caught.value)


@pytest.mark.parametrize(
    ("platform", "metric", "line"),
    [(USUAL, "test_loss", 4), (JAX_GPU, "test_loss", 7), (JAX_GPU, "parameters", 3)],
)
def test_the_line_of_a_bound_is_that_of_its_platform(
    tmp_path: Path, platform: Platform, metric: str, line: int
) -> None:
    """What all share has one line."""
    read(tmp_path, APART)
    table = table_of(DIGITS, platform, metric)
    assert line_of(tmp_path / "bounds.toml", table, metric) == line
