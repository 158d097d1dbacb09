"""The card of a kept model: what it is, what it is worth, and what it is not for."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fitting_room.analysis.trials import on_sample
from fitting_room.format import count, number, percent
from fitting_room.record import Record, best_file
from fitting_room.report.table import Code, Table
from fitting_room.spec import TASKS


def card(record: Record, file: Path) -> str:
    """Return the Markdown beside the model in ``file``, which ``record`` is the training of."""
    from jinja2 import Environment  # takes longer to load than the rest of the card to write

    shape, kind = _input(record)
    environment = Environment(lstrip_blocks=True, trim_blocks=True, keep_trailing_newline=True)
    task, best = TASKS[record.spec.case.task], best_file(file)
    return environment.from_string(Path(__file__).with_name("card.md").read_text("utf-8")).render(
        record=record,
        spec=record.spec,
        file=file,
        task=task,
        classes=", ".join(
            each if each == str(label) else f"{label} {each}"
            for label, each in enumerate(task.classes)
        ),
        inputs=_inputs(shape),
        array=f"({', '.join(['n', *map(str, shape)])}), {kind}" if shape else "an array",
        grey=len(shape) == 2,
        scaled=record.spec.case.recipe.scale_pixels and kind == "uint8",
        own=sorted(foreign(file)),
        homes=", ".join(sorted({f"`{each.partition('.')[0]}`" for each in foreign(file)})),
        best=best.name if best.exists() and record.callbacks else "",
        figures=Table(("", ""), _figures(record), align=None).markdown(),
        making=Table(("", ""), _making(record), align=None).markdown(),
        sample=on_sample(record),
    )


def _input(record: Record) -> tuple[tuple[int, ...], str]:
    """Return shape and type of one input of the data set; no shape where that is not known."""
    pin, folder = TASKS[record.spec.case.task].pin, Path(record.spec.dataset.folder)
    if pin:
        return pin.look.shape, pin.look.dtype
    try:
        images = np.load(folder / "test_images.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return (), ""
    return images.shape[1:], str(images.dtype)


def _inputs(shape: tuple[int, ...]) -> str:
    """Return what is classified, in words."""
    if not shape:
        return "inputs"
    if len(shape) == 1:
        return f"vectors of {shape[0]} features"
    pixels = f"images of {shape[0]} × {shape[1]}"
    return f"{pixels} grey pixels" if len(shape) == 2 else f"{pixels} pixels, {shape[2]} channels,"


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


def _percent(fraction: float | None) -> str:
    return percent(fraction) if fraction is None else f"{percent(fraction)} %"
