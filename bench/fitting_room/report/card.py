"""The card of a kept model: what it is, what it is worth, and what it is not for."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitting_room.analysis.trials import on_sample
from fitting_room.format import count, number, percent
from fitting_room.job import best_file
from fitting_room.record import Record
from fitting_room.report.table import Code, Table
from fitting_room.spec import TASKS


def card(record: Record, file: Path) -> str:
    """Return the Markdown beside the model in ``file``, which ``record`` is the training of."""
    spec = record.spec
    parts = (
        f"# {spec.case.name}, seed {spec.seed}",
        _summary(record, file),
        "## Load it",
        _loading(record, file),
        "## Figures",
        _table(_figures(record)),
        "## How it was made",
        _table(_making(record)),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(record)),
    )
    return "\n\n".join(parts) + "\n"


def _summary(record: Record, file: Path) -> str:
    task = TASKS[record.spec.case.task]
    classes = ", ".join(
        name if name == str(label) else f"{label} {name}" for label, name in enumerate(task.classes)
    )
    return (
        f"Classifies images of 28 × 28 grey pixels as {task.title} has them: {classes}. "
        f"Trained and measured by Fitting Room; every figure is from the record beside it, "
        f"`{file.stem}.json`."
    )


def _loading(record: Record, file: Path) -> str:
    recipe, classes = record.spec.case.recipe, TASKS[record.spec.case.task].classes
    scale = " / 255" if recipe.scale_pixels else ""
    code = "\n".join(
        (
            "```python",
            "import keras",
            "",
            f'model = keras.models.load_model("{file.name}")',
            "# images: (n, 28, 28), uint8, bright on black, as the data set has them",
            f'probabilities = model.predict(images[..., None].astype("float32"){scale})'
            f"  # (n, {len(classes)})",
            "```",
        )
    )
    own = foreign(file)
    needs = (
        "Plain Keras 3 is all it needs, on any backend; nothing of this project."
        if not own
        else f"Beside Keras 3 it needs this project's `models`, for {', '.join(sorted(own))}: "
        "import the module that has them before loading."
    )
    best = best_file(file)
    also = (
        f"\n\n`{best.name}` is the same model after the epoch of its lowest validation loss, "
        f"epoch {record.callbacks.best_epoch}."
        if best.exists() and record.callbacks
        else ""
    )
    return f"{needs}\n\n{code}{also}"


def foreign(file: Path) -> set[str]:
    """Return ``module.Class`` of what a ``.keras`` file holds that is not Keras' own."""
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    return {f"{found['module']}.{found['class_name']}" for found in _classes(config)}


def _classes(config: Any) -> Iterator[dict[str, str]]:
    inner = config.values() if isinstance(config, dict) else config
    if isinstance(config, dict) and "class_name" in config:
        module = str(config.get("module") or "")
        if module and module.split(".")[0] not in ("keras", "builtins"):
            yield config
    for each in inner if isinstance(config, dict | list) else ():
        if isinstance(each, dict | list):
            yield from _classes(each)


def _figures(record: Record) -> list[tuple[str, str]]:
    last, size, confidence = record.epochs[-1], record.size, record.confidence
    error = confidence.calibration_error if confidence else None
    images = f", {sum(confidence.images):,} images" if confidence else ""
    return [
        (f"test accuracy{images}", _percent(record.test_accuracy)),
        ("test loss", number(record.test_loss, 4)),
        ("expected calibration error on them", _percent(error)),
        ("training accuracy, mean over the last epoch", _percent(last.training_accuracy)),
        ("training loss, mean over the last epoch", number(last.training_loss, 4)),
        ("epochs", f"{len(record.epochs)}: {record.reason}"),
        ("parameters", count(size.parameters if size else None)),
        ("operations an image", count(size.flops_per_image if size else None)),
    ]


def _making(record: Record) -> list[tuple[str, str]]:
    spec, origin = record.spec, record.provenance
    recipe = spec.case.recipe
    settings = [
        f"{field.name} {getattr(recipe, field.name)}"
        for field in dataclasses.fields(recipe)
        if getattr(recipe, field.name) != field.default
    ]
    commit = f"{(origin.commit or 'no checkout')[:12]}{', with changes' if origin.dirty else ''}"
    arguments = ", ".join(f"{name}={value}" for name, value in spec.case.arguments.items())
    return [
        ("data", f"{TASKS[spec.case.task].title}, {spec.dataset.source}"),
        ("its SHA-256", Code(spec.dataset.checksum)),
        ("its licence", TASKS[spec.case.task].licence),
        ("architecture", Code(f"{spec.case.builder}({arguments})")),
        ("recipe", ", ".join(settings)),
        ("seed", str(spec.seed)),
        ("backend", f"{spec.backend} on {spec.device}"),
        ("versions", ", ".join(f"{name} {of}" for name, of in sorted(origin.versions.items()))),
        ("code", commit),
        ("trained", record.started),
        ("key", Code(record.key)),
    ]


def _limits(record: Record) -> list[str]:
    task = TASKS[record.spec.case.task]
    marks = [
        "Trained on the small sample that ships with the project: its figures mean nothing."
        if on_sample(record)
        else "",
        f"Trained for {record.spec.epochs} epochs instead of its recipe's."
        if record.spec.overridden
        else "",
        "Its test images were held out of the training images, for a search."
        if record.spec.dataset.validation
        else "",
    ]
    return [
        *(mark for mark in marks if mark),
        "One seed. Other seeds of the same case differ, in accuracy and in single answers: the "
        "tables of Fitting Room have the mean and the scatter.",
        f"It knows the {len(task.classes)} classes of {task.title} and nothing else: whatever it "
        "is shown, it gives one of them, often with certainty.",
        "Its probabilities are off by the calibration error above, on average, on images like "
        "those of the test set; on others by more.",
        "Other pictures must be made as the data set was: small, grey, bright on black, centred. "
        "`python -m bench predict --image` does that.",
        "It was measured, and not made for any use. It has no place in a decision about anybody.",
    ]


def _table(rows: list[tuple[str, str]]) -> str:
    return Table(("", ""), rows, align=None).markdown()


def _percent(fraction: float | None) -> str:
    return percent(fraction) if fraction is None else f"{percent(fraction)} %"
