"""A stranger's training loop and metrics: everything that the bench shows of Keras' cases.

All of it is trained for real, without any framework, in a project of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from checkouts import write_files
from own_projects import Own

OWN = '''
import numpy as np

from fitting_room.metrics import Metric, macro_f1, worst_class_accuracy
from fitting_room.spec import Case, Recipe, Task


def blobs():
    """Noise in 6 x 6 x 3; two uneven classes differ in their red, but for one image in ten."""
    chance = np.random.default_rng(0)

    def part(n):
        truth = chance.random(n) < 0.3
        seen = np.where(chance.random(n) < 0.1, ~truth, truth)
        images = chance.integers(0, 150, (n, 6, 6, 3))
        images[seen, :, :, 0] += 40
        return images.astype(np.uint8), truth.astype(int)

    return part(400), part(200)


def probabilities(images, weights):
    rows = (images.reshape(len(images), -1) - 0.35) @ weights
    grown = np.exp(rows - rows.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def write(file, weights):
    with file.open("wb") as out:
        np.save(out, weights)


def load_model(file):
    weights = np.load(file, allow_pickle=False)
    return lambda images: probabilities(images, weights)


def train(job, data, report):
    """Logistic regression by gradient descent."""
    chance, truth = np.random.default_rng(job.seed), np.eye(data.classes)[data.labels]
    rows = data.images.reshape(len(data.images), -1) - 0.35
    weights = chance.normal(0, 0.05, (rows.shape[1], data.classes))
    report.parameters(weights.size)
    for number in range(1, job.epochs + 1):
        for batch in np.array_split(chance.permutation(len(rows)), 10):
            slope = rows[batch].T @ (probabilities(data.images[batch], weights) - truth[batch])
            weights -= job.case.recipe.learning_rate * slope / len(batch)
        found = probabilities(data.images, weights)
        right = found[np.arange(len(rows)), data.labels]
        margin = {"margin": right.mean() - 0.5}
        accuracy = np.mean(found.argmax(axis=1) == data.labels)
        report.epoch(number, loss=-np.log(right).mean(), accuracy=accuracy, metrics=margin)
    report.predictions(
        lambda images: probabilities(images, weights), save=lambda file: write(file, weights)
    )


def bare(job, data, report):
    """The same, but for a function that predicts, and for probabilities."""
    hand_over = report.predictions
    report.predictions = lambda found, save: hand_over(found(data.test_images).argmax(axis=1))
    train(job, data, report)


def nothing():
    """No model to build."""


BLOBS = Task(name="blobs", title="Blobs", load=blobs, classes=("0", "1"), targets={"margin": 0.1})
TASKS = {"blobs": BLOBS}
METRICS = [
    Metric(name="macro_f1", better="higher", format="percent", compute=macro_f1),
    Metric(name="worst_class", better="higher", format="percent", compute=worst_class_accuracy),
    Metric(name="margin", better="higher", format="percent", per_epoch=True),
]
CASES = {
    case.name: case
    for case in (
        Case(
            task="blobs",
            architecture=name,
            builder="own:nothing",
            trainer=f"{module}:{trainer}",
            recipe=Recipe(epochs=4, learning_rate=rate),
        )
        for name, module, trainer, rate in (
            ("quick", "own", "train", 0.3), ("slow", "own", "train", 0.1),
            ("bare", "plain", "train", 0.3),
        )
    )
}
'''
PLAIN = "from own import bare as train\n"
CLAIMS = """
[sources]
me = "A. Stranger, my own notes, 2026"

[blobs-quick]
macro_f1 = { published = "more than 50%", low = 0.5, high = 1, source = "me" }

[claims.times]
kind = "ratio"
said = "quick has more than 1.3 times the margin of slow"
source = "me"
metric = "margin"
case = "blobs-quick"
over = "blobs-slow"
low = 1.3

[claims.share]
kind = "ratio"
said = "and at least nine tenths of its macro F1"
source = "me"
metric = "macro_f1"
case = "blobs-quick"
over = "blobs-slow"
low = 0.9

[claims.worst]
kind = "difference"
said = "and no much worse class"
source = "me"
metric = "worst_class"
cases = ["blobs-quick"]
over = "blobs-slow"
low = -0.1

[claims.reach]
kind = "reach"
said = "its margin reaches a tenth by epoch 3"
source = "me"
metric = "margin"
case = "blobs-quick"
target = 0.1
by = 3
"""
TABLE = """
[tool.fitting-room]
tasks = "own:TASKS"
cases = "own:CASES"
metrics = "own:METRICS"
claims = "claims.toml"
"""
SUITE = "from fitting_room.suites import test_bound\n"
README = "<!-- fitting-room: blobs -->\n<!-- /fitting-room -->\n"
METRICS = ("macro_f1", "worst_class", "margin")
SHARED = ("--seeds", "3", "--shared", "--jobs", "2")


@pytest.fixture(scope="module")
def own(own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Own:
    """Write the project and train three seeds of its cases."""
    assert own_cache.is_dir()
    folder = tmp_path_factory.mktemp("loop")
    files = {"own.py": OWN, "plain.py": PLAIN, "test_own.py": SUITE, "claims.toml": CLAIMS}
    made = Own(write_files(folder, {**files, "pyproject.toml": TABLE, "README.md": README}))
    made.command("calibrate", *SHARED, "--keep-models", "--apply")
    return made


def test_bounds_of_own_metrics_are_calibrated_and_met(own: Own) -> None:
    """A target of an own metric of each epoch has its bound as well."""
    bounds = (own.folder / "bounds.toml").read_text("utf-8")
    for metric in (*METRICS, "epochs_to_target"):
        assert re.search(rf"^{metric} = {{ at_", bounds, re.MULTILINE), bounds
    assert "nothing to train" in own.run("--seeds", "3")


def test_claims_of_own_metrics_are_judged(own: Own) -> None:
    """Two ratios and a difference; a figure and a target wait for more seeds."""
    told = own.command("claims")
    assert "3 reproduced, 2 undecided" in told, told
    assert "reached 3/3" in told
    assert len(re.findall(r"[\d.]+ × \([\d.]+–[\d.]+\), 3\b", told)) == 2, told
    assert "3 seeds are too few" in told


def test_own_metrics_are_compared(own: Own) -> None:
    """Shuffled labels are a regression of each."""
    source = own.folder / "own.py"
    try:
        source.write_text(OWN.replace("epochs=4,", "epochs=4, shuffle_labels=True,"), "utf-8")
        own.command("calibrate", "blobs-quick", *SHARED, "--results", "shuffled")
    finally:
        source.write_text(OWN, "utf-8")
    told = own.command("compare", "results/reference", "shuffled/reference", status=1)
    for metric in METRICS:
        assert re.search(rf"blobs-quick {metric} regression", told), told


def test_own_metrics_are_drawn(own: Own) -> None:
    """Beside the built-in ones in the plot of seeds, and epoch by epoch."""
    told = own.command("plots")
    assert "No accuracy-seconds: no case has median seconds per epoch." in told
    assert "No blobs-bare-reliability: its trainer hands over class numbers" in told
    plots = own.folder / "results" / "plots"
    assert {"blobs-quick-margin.svg", "blobs-epochs-to-margin.svg"} <= {
        path.name for path in plots.iterdir()
    }
    text = (plots / "blobs-seeds.svg").read_text("utf-8")
    assert all(f"<!-- {words} (%) -->" in text for words in ("macro f1", "worst class", "margin"))


def test_own_metrics_are_in_every_table(own: Own) -> None:
    """In the README, on the page, and in what other programs read."""
    own.command("readme")
    table = (own.folder / "README.md").read_text("utf-8")
    found = [cell.strip().replace("\xa0", " ") for cell in table.splitlines()[2].split("|")]
    assert {"macro f1 %", "worst class %", "margin %", "epochs to 10 % margin"} <= {*found}
    assert "- bare: no test loss, as its trainer hands over class numbers" in table
    own.command("report")
    page = (own.folder / "results" / "report.html").read_text("utf-8")
    assert "margin after each epoch" in page
    assert "plain:train on cpu" in page
    assert "tensorflow" not in page.partition("<body")[2]


def test_a_model_of_an_own_loop_is_asked(own: Own) -> None:
    """Probabilities of two classes; the picture of an image; and why layers are not drawn."""
    told = own.command("predict", "--case", "blobs-quick", "--index", "3")
    assert len(re.findall(r"^>? +[01] +0\.\d{4}", told, re.MULTILINE)) == 2
    told = own.command("inspect", "--case", "blobs-quick", "--filters", "3")
    assert "Its layers are its trainer's own: neither activations nor weights are drawn." in told
    assert (own.folder / "results" / "inspect" / "blobs-quick" / "samples.png").is_file()


@pytest.mark.parametrize("command", ["predict", "inspect"])
def test_a_trainer_that_saves_no_model_is_told_before_it_trains(own: Own, command: str) -> None:
    """The message names the function that is missing."""
    told = own.command(command, "--case", "blobs-bare", status=2)
    assert "plain:load_model is missing. Let the trainer hand save= to report.predictions" in told


def test_what_is_of_keras_alone_says_so(own: Own) -> None:
    """There is no plain fit beside an own loop."""
    told = own.command("speed", "blobs-quick", status=2)
    assert "its trainer is its own, so there is nothing to compare it with" in told


def test_inference_of_an_own_loop_is_in_the_records(own: Own) -> None:
    """All seeds have it, unless the trainer hands over no function."""
    latencies = {
        path.parent.name: json.loads(path.read_text("utf-8"))["inference"]
        for path in (own.folder / "results" / "reference").rglob("*.json")
    }
    assert {name for name, found in latencies.items() if found} == {"blobs-quick", "blobs-slow"}
