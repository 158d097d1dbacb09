"""Published figures and statements: what the file says, what a claim may say, and slips."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from audit_world import written
from records import PROJECT

from bench.cases import CASES as OURS
from fitting_room.analysis.audit import claims_in
from fitting_room.errors import UserError
from fitting_room.store.claims import KINDS, METRICS, METRICS_OF, Published, read_published

SHIPPED = claims_in(Path(__file__).parents[1] / "bench" / "claims.toml", PROJECT)
ROWS = [name for name, case in OURS.items() if not case.recipe.tuned]
"""What was published was trained by a plain ``fit``; the others are our own."""

CASES = ("mnist-dense_128", "mnist-cnn_64", "mnist-cnn_32")
IT = '[claims.it]\nkind = "{}"\nsaid = "so"\nsource = "book"\nmetric = "{}"\n'
A, B, C = (f'"{case}"' for case in CASES)
BODIES = {
    "figure": f'case = {A}\npublished = "1"\nvalue = 1\n',
    "difference": f"cases = [{A}]\nover = {B}\nlow = 0\n",
    "ratio": f"case = {A}\nover = {B}\nlow = 1\n",
    "order": f"cases = [{A}, {B}]\n",
    "diminishing": f"cases = [{A}, {B}, {C}]\n",
    "turn": f"case = {A}\nlow = 1\nhigh = 3\n",
    "reach": f"case = {A}\ntarget = 0.9\nby = 3\n",
    "opinion": f"cases = [{A}]\n",
}
"""Kind → all that it takes besides."""


def told(kind: str, metric: str = "test_accuracy") -> str:
    """Return a claim of a kind, with nothing wrong but perhaps its metric."""
    return IT.format(kind, metric) + BODIES[kind]


def read(folder: Path, text: str, *, others: tuple[str, ...] = ()) -> Published:
    """Write ``text`` as a claims file and read it."""
    return read_published(written(folder, text), cases=CASES, others=others)


def refused(folder: Path, text: str, message: str) -> None:
    """Assert that a claim is refused, with the file, its own name and a message."""
    with pytest.raises(UserError, match=message) as raised:
        read(folder, text)
    assert "claims.toml" in str(raised.value)
    assert "claims.it" in str(raised.value)


def test_every_kind_says_what_it_may_be_about() -> None:
    """A new kind cannot be forgotten in the table, nor a metric of it misspelt."""
    assert set(METRICS_OF) == {"figure", *KINDS} == set(BODIES)
    assert {metric for metrics in METRICS_OF.values() for metric in metrics} == set(METRICS)


@pytest.mark.parametrize(
    ("kind", "metric"), [(kind, m) for kind in METRICS_OF for m in METRICS if kind != "figure"]
)
def test_a_kind_takes_its_metrics_and_no_other(tmp_path: Path, kind: str, metric: str) -> None:
    """What could not be judged is refused with the nearest that could."""
    if metric in METRICS_OF[kind]:
        (found,) = read(tmp_path, told(kind, metric)).statements
        assert (found.kind, found.metric) == (kind, metric)
    else:
        message = rf"\[claims.it\]: '{metric}' is no metric for kind = '{kind}'. .*Known"
        refused(tmp_path, told(kind, metric), message)


def figure(metric: str, **keys: object) -> str:
    """Return a figure of a metric, with keys besides."""
    return told("figure", metric) + "".join(f"{key} = {value!r}\n" for key, value in keys.items())


def test_a_probability_of_a_class_of_an_image_is_a_figure(tmp_path: Path) -> None:
    """The last class of ten is number 9."""
    (found,) = read(tmp_path, figure("probability", image=3, label=9)).further
    assert (found.image, found.label) == (3, 9)


def changed(kind: str, old: str, new: str) -> str:
    """Return a claim of a kind with something replaced, which must have been there."""
    assert old in told(kind)
    return told(kind).replace(old, new)


TURN = told("turn")
EPOCHS = (IT.format("diminishing", "test_accuracy") + f"case = {A}\nepochs = {{}}\n").format


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (figure("parameters", epoch=2), "'parameters' is no metric that takes epoch"),
        (figure("test_accuracy", image=2), "'test_accuracy' is no metric that takes image"),
        (figure("test_loss", described="Dense"), "'test_loss' is no metric that takes desc"),
        (figure("test_loss", watches="parameters"), "'parameters' is no metric to watch"),
        (figure("test_loss", epoch=0), "has epoch = 0: expected int >= 1"),
        (figure("test_loss", epoch=-1), "has epoch = -1: expected int >= 1"),
        (
            figure("test_loss", epoch=2).replace("= 2", "= true"),
            "has epoch = True: expected int, got bool",
        ),
        (figure("probability", image=0), "needs a line label = "),
        (figure("probability", label=0), "needs a line image = "),
        (figure("probability", image=0, label=10), "label = 10; they count from 0 to 9"),
        (figure("probability", image=0, label=-1), "has label = -1: expected int >= 0"),
        (figure("probability", image=-1, label=1), "has image = -1: expected int >= 0"),
        (
            figure("test_loss", expected="reproducd"),
            "has expected = 'reproducd'. Did you mean 'reproduced'",
        ),
        (figure("test_loss", better="up"), "has better = 'up'. Known: higher, lower"),
        (figure("test_accuracy").replace("= 1\n", "= 87.3\n"), "87.3, and .* a fraction"),
        (figure("test_loss").replace("= 1\n", "= -0.3\n"), "-0.3, and .* never negative"),
        (IT.format("trun", "test_loss"), r"\[claims.it\]: has no known kind. Did you mean 'turn'"),
        (TURN.replace('"turn"', "[]"), r"has no known kind. Known: figure, difference"),
        (TURN.replace("high = 3\n", ""), "needs a line high"),
        (TURN + "hgih = 3\n", "has an unknown key. Did you mean 'high'"),
        (TURN.replace("= 3", '= "x"'), "has high = 'x': expected float, got str"),
        (
            TURN.replace("dense_128", "dense_12"),
            "'mnist-dense_12' is no case. Did you mean 'mnist-dense_128'",
        ),
        (TURN.replace("test_accuracy", "loss"), "Did you mean 'test_loss'"),
        (TURN.replace('"book"', '"bok"'), "'bok' is no source. Did you mean 'book'"),
        (
            TURN.replace('"book"', '{ title = "Book" }'),
            "has source = a table of 1: expected str, got",
        ),
        (IT.format("diminishing", "test_loss"), "at least three cases, or case and three epochs"),
        (IT.format("figure", "test_loss"), "needs a line published = …"),
        ("[claims]\nit = 3", r"\[claims.it\]: expected a table of kind, said and source"),
        (changed("order", f", {B}", ""), "has cases = a list of 1: expected array of length >= 2"),
        (
            changed("difference", f"[{A}]", "[]"),
            "has cases = a list of 0: expected array of length >= 1",
        ),
        (
            changed("opinion", f"[{A}]", "[]"),
            "has cases = a list of 0: expected array of length >= 1",
        ),
        (changed("difference", B, A), "names mnist-dense_128 twice"),
        (changed("order", B, A), "names mnist-dense_128 twice"),
        (changed("difference", "low = 0\n", ""), "needs low, high, or both"),
        (changed("difference", "low = 0", "low = 3"), "low = 3, and test_accuracy is a fraction"),
        (changed("turn", "high = 3", "high = 0"), "low = 1 above high = 0"),
        (told("ratio", "parameters").replace("low", "high"), "has high and no low"),
        (changed("reach", "0.9", "90"), "has target = 90: expected float <= 1.0"),
        (changed("reach", "by = 3", "by = 0"), "has by = 0: expected int >= 1"),
        (EPOCHS("[0, 2, 4]"), "expected int >= 1"),
        (EPOCHS("[-1, 2, 4]"), "expected int >= 1"),  # which would be counted from the end
        (EPOCHS("[4, 2, 1]"), "three epochs in order"),
        (EPOCHS("[1, 2]"), "three epochs in order"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Kinds, keys, types, names, numbers of cases and ranges, each with the file.

    A figure that does would be judged as something else than it says, or not at all.
    """
    refused(tmp_path, text, message)


def test_a_statement_may_speak_of_a_case_that_no_table_has(tmp_path: Path) -> None:
    """Such as a point of an exercise, if it is known; tables have no figure of it."""
    text = TURN.replace(A, '"mnist-later"')
    refused(tmp_path, text, "'mnist-later' is no case")
    (found,) = read(tmp_path, text, others=("mnist-later",)).statements
    assert (found.cases_named, found.source) == (("mnist-later",), "A. Author, Book, 1999")
    with pytest.raises(UserError, match="'mnist-later' is no case"):
        read(tmp_path, "[mnist-later]", others=("mnist-later",))


def test_every_published_row_is_a_claim_of_a_known_case() -> None:
    """The file that ships has the seven rows of the two published tables."""
    claims = SHIPPED.figures
    assert {case: len(metrics) for case, metrics in claims.items()} == {
        case: 3 if case.startswith("mnist") else 4 for case in ROWS
    }


def test_a_printed_figure_agrees_with_its_number() -> None:
    """The first number printed in a claim, per cent or plain, is the low end of its interval."""
    for metrics in SHIPPED.figures.values():
        for claim in metrics.values():
            printed = claim.published.strip("~>s ").replace(",", "").split("–")[0]
            if math.isinf(claim.low):
                assert printed.startswith("never")
            elif printed.endswith("%"):
                assert claim.low == pytest.approx(float(printed.rstrip("%")) / 100)
            else:
                assert claim.low == float(printed)


def test_the_accuracies_of_mnist_are_told_to_be_training_accuracies() -> None:
    """Both MNIST rows carry a note on what was published as test accuracy."""
    claims = SHIPPED.figures
    notes = [claims[case]["test_accuracy"].note for case in ROWS if case.startswith("mnist")]
    assert len(notes) == 2
    assert all("training accuracy" in (note or "") for note in notes)


def test_the_baseline_is_told_apart_from_the_table() -> None:
    """What the source says of it in prose, in a chart and of one image, as it printed it."""
    of_baseline = [claim for claim in SHIPPED.further if not claim.metric.endswith("images")]
    assert [(c.metric, c.epoch, c.label, c.low) for c in of_baseline] == [
        ("training_accuracy", None, None, 0.83),
        ("training_loss", None, None, 0.48),
        ("test_accuracy", None, None, 0.82),
        ("test_loss", None, None, 0.50),
        ("training_accuracy", 1, None, 0.574),
        ("training_accuracy", None, None, 0.831),
        ("probability", None, 9, 0.537),
        ("probability", None, 7, 0.297),
        ("probability", None, 5, 0.162),
    ]


def test_what_is_said_in_words_is_there_too() -> None:
    """Each statement of the source has its kind."""
    kinds = Counter(type(each).__name__ for each in SHIPPED.statements)
    assert kinds == {
        "Difference": 5,
        "Ratio": 7,
        "Order": 2,
        "Diminishing": 2,
        "Reach": 2,
        "Opinion": 1,
        "Turn": 1,
    }


def test_a_range_keeps_both_ends(tmp_path: Path) -> None:
    """Low and high stand for a published range, and the source is written out."""
    text = '[mnist-dense_128.epochs_to_target]\npublished = "5–7"\nlow = 5\nhigh = 7\n'
    figures = read(tmp_path, text + 'source = "book"').figures
    claim = figures["mnist-dense_128"]["epochs_to_target"]
    assert (claim.low, claim.high, claim.source) == (5, 7, "A. Author, Book, 1999")


def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path) -> None:
    """The line in the message is the line of the mistake."""
    with pytest.raises(UserError, match=r"claims\.toml:3: this is not valid TOML"):
        read(tmp_path, "value = = 3")


CLAIM = 'test_loss = {{ published = "0.3", source = "book", {} }}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mnist-dense_12]", "'mnist-dense_12' is no case. Did you mean 'mnist-dense_128'"),
        (
            "[mnist-dense_128]\nloss = 3",
            ":4: .*'loss' is no metric. Did you mean 'test_loss'",
        ),
        ("[mnist-dense_128]\ntest_loss = 3", "expected a table of published"),
        ("[[mnist-dense_128]]", "expected a table of metrics"),
        ("[mnist-dense_128.test_loss]\nvalue = 3", "needs a line source"),
        ("[mnist-dense_128]\n" + CLAIM.format("valu = 3"), "Did you mean 'value'"),
        (
            "[mnist-dense_128]\n" + CLAIM.format('value = "x"'),
            "has value = 'x': expected float, got str",
        ),
        ("[mnist-dense_128]\n" + CLAIM.format("low = 3"), "either value, or low and high"),
        ("[mnist-dense_128]\n" + CLAIM.format("low = 3, high = 2"), "must not be above high"),
        (
            '[mnist-dense_128.test_loss]\npublished = "3"\nvalue = 3\nsource = "bok"',
            "'bok' is no source. Did you mean 'book'",
        ),
        ('other = { title = "Book" }', 'source other must be text: other = "author, title, year"'),
    ],
)
def test_a_mistake_is_told_with_what_to_write(tmp_path: Path, text: str, message: str) -> None:
    """Each malformed claim is refused with a message that names the file and the remedy."""
    with pytest.raises(UserError, match=message) as raised:
        read(tmp_path, text)
    assert "claims.toml" in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Who asks for an audit of it gets its name."""
    with pytest.raises(UserError, match=r"none\.toml cannot be read"):
        read_published(tmp_path / "none.toml", cases=CASES)
