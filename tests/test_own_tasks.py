"""A stranger's data, from arrays to a red gate and a page: in colour, and without images.

All of it is trained for real, in a project of its own, by its own code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkouts import write_files
from own_projects import ROWS, TABLE, Own
from trials import small

from fitting_room.errors import UserError
from fitting_room.record import PartialRecord
from fitting_room.spec import TASKS, Task, parts

OWN = (
    ROWS
    + '''

def colours():
    """Noise in 32 x 32 x 3, tinted by class; one in ten has another tint. Classes are uneven."""
    chance = np.random.default_rng(0)

    def part(counts):
        labels = np.repeat(np.arange(5), counts)
        tints = np.where(chance.random(len(labels)) < 0.1, (labels + 1) % 5, labels)
        images = chance.integers(0, 100, (len(labels), 32, 32, 3))
        for tint in range(5):
            images[tints == tint, :, 6 * tint : 6 * tint + 6, tint % 3] += 150
        order = chance.permutation(len(labels))
        return images.astype(np.uint8)[order], labels[order]

    return part([150, 90, 60, 60, 40]), part([80, 40, 30, 30, 20])


def colour_network(units):
    return network((32, 32, 3), 5, units)


COLOURS = Task(
    name="own-colours",
    title="Own colours",
    load=colours,
    classes=("red", "orange", "grey", "violet", "blue"),
    followed="grey",
)
TASKS = {task.name: task for task in (COLOURS, ROWS)}
CASES = {
    case.name: case
    for case in (
        Case(
            task=task,
            architecture="dense-32",
            builder=f"own:{builder}",
            arguments={"units": 32},
            recipe=RECIPE,
        )
        for task, builder in (("own-colours", "colour_network"), ("rows", "row_network"))
    )
}
'''
)
SUITE = """
import pytest
from own import CASES

@pytest.mark.parametrize("metric", ["parameters", "test_loss", "training_loss_by_epoch"])
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_case(case, metric, hold):
    hold(case, metric)
"""
README = "".join(
    f"<!-- fitting-room: {task} -->\n<!-- /fitting-room -->\n\n" for task in ("own-colours", "rows")
)
PICTURED = f'{TABLE}pictures = ["accuracy-parameters"]\n'
NAMES = ("own-colours-dense-32", "rows-dense-32")
TRAINED = ["calibrate", "--seeds", "3", "--shared", "--jobs", "2", "--keep-models", "--apply"]


@pytest.fixture(scope="module")
def own(own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Own:
    """Write the project, pin its data and train three seeds of both cases."""
    assert own_cache.is_dir()
    folder = tmp_path_factory.mktemp("own")
    files = {"own.py": OWN, "test_own.py": SUITE, "pyproject.toml": PICTURED, "README.md": README}
    made = Own(write_files(folder, files))
    made.command("data", "--pin")
    made.command(*TRAINED)
    return made


def test_data_is_pinned_with_its_look(own: Own) -> None:
    """Shapes, types and uneven classes are told and kept."""
    told = own.command("data")
    assert "image     uint8 32 × 32 × 3" in told
    assert "training  150  90  60  60  40  400" in told
    assert "image     float32 12" in told
    assert told.count("pinned    yes") == 2


def test_unchanged_code_is_green(own: Own) -> None:
    """Every bound that was calibrated is met by the same code, and nothing is trained again."""
    told = own.run("--seeds", "3")
    assert "6 stored already, nothing to train" in told
    assert "6 bounds: 6 pass" in told


def test_a_crippled_case_is_red_and_worse_than_the_reference(own: Own) -> None:
    """Shuffled labels fail loss and curve of both, and not the count of parameters."""
    source = own.folder / "own.py"
    try:
        source.write_text(OWN.replace("epochs=2,", "epochs=2, shuffle_labels=True,"), "utf-8")
        told = own.run("--seeds", "1", "--results", "crippled", status=1)
    finally:
        source.write_text(OWN, "utf-8")
    failed = set(re.findall(r"^FAILED \S*::test_case\[(\S+)\]", told, re.MULTILINE))
    kinds = ("test_loss", "training_loss_by_epoch")
    assert failed == {f"{case}-{metric}" for case in NAMES for metric in kinds}
    report = own.command("compare", "results/reference", "crippled/trials", status=1)
    for name in NAMES:
        assert re.search(rf"{name}.*regression", report), report


def test_tables_and_pictures_come_into_a_readme(own: Own) -> None:
    """A row for each case with three seeds; a check then finds nothing to change."""
    own.command("readme")
    text = (own.folder / "README.md").read_text("utf-8")
    assert len(re.findall(r"^\| dense-32 .*\(3\)", text, re.MULTILINE)) == 2
    pictures = own.folder / "results" / "pictures"
    assert sorted(path.name for path in pictures.iterdir()) == [
        "accuracy-parameters-dark.svg",
        "accuracy-parameters.svg",
    ]
    assert "README.md is up to date." in own.command("readme", "--check")


def test_the_page_shows_images_in_colour_and_says_what_it_cannot_show(own: Own) -> None:
    """Mistakes are pictures or rows by number; every class has its name or its number."""
    own.command("report")
    text = (own.folder / "results" / "report.html").read_text("utf-8")
    colours, rows = text.split('id="rows-dense-32"')
    assert len(re.findall(r'<li><img src="data:image/png[^>]*>(?:red|orange|grey)', colours)) > 5
    assert "inputs are vectors of 12 features, which have no picture" in rows
    assert re.search(r"<li>no\. \d+: [01] →<br>[01]<br>", rows)
    assert "are not on this machine" not in text


def test_inspect_draws_colours(own: Own) -> None:
    """Samples and mistakes are drawn; why activations and weights are not is said."""
    told = own.command("inspect", "--case", NAMES[0])
    drawn = {path.name for path in (own.folder / "results" / "inspect" / NAMES[0]).iterdir()}
    assert drawn >= {"samples.png", "calibration.png"}
    assert "It has no convolution and no pooling" in told
    assert "does not look at pixels of one channel" in told
    card = (own.folder / "results" / "models" / NAMES[0] / "seed-000.md").read_text("utf-8")
    assert "Classifies images of 32 × 32 pixels, 3 channels, as Own colours has them" in card
    assert "# images: (n, 32, 32, 3), uint8, as the data set has them" in card
    assert 'model.predict(images.astype("float32") / 255)' in card


def test_predict_answers_about_a_row(own: Own) -> None:
    """Two probabilities, and a sentence in the place of a picture."""
    told = own.command("predict", "--case", NAMES[1], "--index", "3", "--output", "a.svg")
    assert "No picture: its inputs are vectors of 12 features, which have no picture." in told
    assert len(re.findall(r"^[> ] +[01] +0\.\d{4}", told, re.MULTILINE)) == 2
    assert (own.folder / "a.svg").is_file()
    card = (own.folder / "results" / "models" / NAMES[1] / "seed-000.md").read_text("utf-8")
    assert "Classifies vectors of 12 features as Rows has them: 0, 1." in card
    assert 'model.predict(images.astype("float32"))' in card


def network(last: str = "softmax", classes: int = 10, side: int = 28) -> Any:
    """Return a model of a flat image and a dense layer."""
    import keras
    from keras import layers

    flat = [keras.Input((side, side, 1)), layers.Flatten()]
    return keras.Sequential([*flat, layers.Dense(classes, activation=last)])


REFUSED = [
    ({"last": "linear"}, r"answers with logits: .* end with layers\.Dense\(10, activation="),
    ({"classes": 7}, r"answers with the shape \(7,\), and MNIST has 10 classes"),
    ({"side": 32}, r"takes inputs of shape \(32, 32, 1\), and MNIST has \(28, 28, 1\)"),
    ({"last": "sigmoid"}, "probabilities of test image .* hand over what softmax gives"),
]


@pytest.mark.keras
@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_a_model_that_does_not_fit_its_task_is_refused(
    arguments: dict[str, Any], said: str
) -> None:
    """Other inputs, another number of classes and logits before training, the rest when scored."""
    from fitting_room.trial.run import run

    spec = small(arguments=arguments, train_fraction=0.02)
    case = replace(spec.case, builder="test_own_tasks:network")
    with pytest.raises(UserError, match=said):
        run(replace(spec, case=case, inference=False), PartialRecord(), lambda _: None)


@pytest.fixture
def dashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let two tasks have names with dashes, one of them the other's beginning."""
    for name in ("own", "own-colours"):
        task = Task(name=name, title=name, load=None, classes=("0", "1"))
        monkeypatch.setitem(TASKS, name, task)
    yield


@pytest.mark.usefixtures("dashes")
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("own-colours-dense-8", ("own-colours", "dense-8")),
        ("own-dense", ("own", "dense")),
        ("mnist-cnn_64", ("mnist", "cnn_64")),
        ("gone-dense-8", ("gone", "dense-8")),
    ],
)
def test_a_case_falls_into_task_and_architecture(case: str, expected: tuple[str, str]) -> None:
    """The longest known task counts; a case of an unknown one is split at the first dash."""
    assert parts(case) == expected
