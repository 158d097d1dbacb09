"""Published figures: what the file says and how its mistakes are told."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from records import PROJECT

from bench.cases import CASES
from fitting_room.analysis.audit import claims_in
from fitting_room.errors import UserError
from fitting_room.store.claims import read_claims, read_published

PUBLISHED = Path(__file__).parents[1] / "bench" / "claims.toml"
ROWS = [name for name, case in CASES.items() if not case.recipe.tuned]
"""What was published was trained by a plain ``fit``; the others are our own."""


def load(folder: Path, text: str) -> object:
    """Write ``text`` as a claims file and load it, with one known case."""
    path = folder / "claims.toml"
    path.write_text(f'[sources]\nbook = "A. Author, Book, 1999"\n{text}', encoding="utf-8")
    return read_claims(path, cases=["mnist-dense_128"])


def test_every_published_row_is_a_claim_of_a_known_case() -> None:
    """The file that ships has the seven rows of the two published tables."""
    claims = read_claims(PUBLISHED, cases=CASES)
    assert {case: len(metrics) for case, metrics in claims.items()} == {
        case: 3 if case.startswith("mnist") else 4 for case in ROWS
    }


def test_a_printed_figure_agrees_with_its_number() -> None:
    """The first number printed in a claim, per cent or plain, is the low end of its interval."""
    for metrics in read_claims(PUBLISHED, cases=CASES).values():
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
    claims = read_claims(PUBLISHED, cases=CASES)
    notes = [claims[case]["test_accuracy"].note for case in ROWS if case.startswith("mnist")]
    assert len(notes) == 2
    assert all("training accuracy" in (note or "") for note in notes)


def test_the_baseline_is_told_apart_from_the_table() -> None:
    """What the source says of it in prose, in a chart and of one image, as it printed it."""
    further = claims_in(PUBLISHED, PROJECT).further
    of_baseline = [claim for claim in further if not claim.metric.endswith("images")]
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
    statements = claims_in(PUBLISHED, PROJECT).statements
    kinds = Counter(type(each).__name__ for each in statements)
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
    claim = load(tmp_path, text + 'source = "book"')["mnist-dense_128"]["epochs_to_target"]  # type: ignore[index]
    assert (claim.low, claim.high, claim.source) == (5, 7, "A. Author, Book, 1999")


def test_no_file_means_no_claims(tmp_path: Path) -> None:
    """A project without published figures needs no empty file."""
    assert read_claims(tmp_path / "claims.toml", cases=[]) == {}


def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path) -> None:
    """The line in the message is the line of the mistake."""
    with pytest.raises(UserError, match=r"claims\.toml:3: this is not valid TOML"):
        load(tmp_path, "value = = 3")


CLAIM = 'test_loss = {{ published = "0.3", source = "book", {} }}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mnist-dense_12]", "'mnist-dense_12', which is no case. Did you mean 'mnist-dense_128'"),
        (
            "[mnist-dense_128]\nloss = 3",
            ":4: .*'loss', which is no metric. Did you mean 'test_loss'",
        ),
        ("[mnist-dense_128]\ntest_loss = 3", "must be a table of published"),
        ("[[mnist-dense_128]]", "must be a table of metrics"),
        ("[mnist-dense_128.test_loss]\nvalue = 3", "needs a line published"),
        ("[mnist-dense_128]\n" + CLAIM.format("valu = 3"), "Did you mean 'value'"),
        (
            "[mnist-dense_128]\n" + CLAIM.format('value = "x"'),
            "has value = 'x': expected float, got str",
        ),
        ("[mnist-dense_128]\n" + CLAIM.format("low = 3"), "either value, or low and high"),
        ("[mnist-dense_128]\n" + CLAIM.format("low = 3, high = 2"), "must not be above high"),
        (
            '[mnist-dense_128.test_loss]\npublished = "3"\nvalue = 3\nsource = "bok"',
            "'bok', which is no source. Did you mean 'book'",
        ),
        ('other = { title = "Book" }', 'source other must be text: other = "author, title, year"'),
    ],
)
def test_a_mistake_is_told_with_what_to_write(tmp_path: Path, text: str, message: str) -> None:
    """Each malformed claim is refused with a message that names the file and the remedy."""
    with pytest.raises(UserError, match=message) as raised:
        load(tmp_path, text)
    assert "claims.toml" in str(raised.value)


def test_tables_do_without_what_is_said_in_words(tmp_path: Path) -> None:
    """A claim on a case that no table has is no concern of theirs, and the audit's."""
    text = '[claims.it]\nkind = "turn"\ncase = "mnist-later"'
    assert load(tmp_path, text) == {}
    with pytest.raises(UserError, match="needs a line said"):
        read_published(tmp_path / "claims.toml", cases=[])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Who asks for an audit of it gets its name."""
    with pytest.raises(UserError, match=r"none\.toml cannot be read"):
        read_published(tmp_path / "none.toml", cases=[])
