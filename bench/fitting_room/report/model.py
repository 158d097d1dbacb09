"""One kept model: the card that lies beside it, and its answer to one image on a terminal."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitting_room.analysis import trials
from fitting_room.analysis.trials import SHORT, one_per_seed, publishable
from fitting_room.format import MISSING, count, number, percent
from fitting_room.record import Confidence, Record, best_file, loader
from fitting_room.report.table import Code, Table
from fitting_room.spec import TASKS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def card(record: Record, file: Path) -> str:
    """Return the Markdown beside the model in ``file``, which ``record`` is the training of."""
    from jinja2 import Environment  # takes longer to load than the rest of the card to write

    shape, kind = _input(record)
    environment = Environment(lstrip_blocks=True, trim_blocks=True, keep_trailing_newline=True)
    making = {**facts(record), "seed": str(record.spec.seed), "trained": record.started}
    making["key"] = Code(record.key)
    task, best, own = TASKS[record.spec.case.task], best_file(file), sorted(foreign(file))
    return environment.from_string(Path(__file__).with_name("card.md").read_text("utf-8")).render(
        record=record,
        spec=record.spec,
        file=file,
        task=task,
        classes=", ".join(_labelled(task.classes)),
        inputs=INPUTS[len(shape)].format(*shape),
        array=f"({', '.join(['n', *map(str, shape)])}), {kind}" if shape else "an array",
        grey=len(shape) == 2,
        scaled=record.spec.case.recipe.scale_pixels and kind == "uint8",
        own=own,
        loader=loader(record.spec.case.trainer or "").partition(":"),
        homes=", ".join(sorted({f"`{each.partition('.')[0]}`" for each in own})),
        best=best.name if best.exists() and record.callbacks else "",
        figures=Table(("", ""), _figures(record), align=None).markdown(),
        making=Table(("", ""), [*making.items()], align=None).markdown(),
        sample=record.spec.dataset.sample,
    )


def _labelled(classes: Sequence[str]) -> list[str]:
    """Return each label with what it stands for, unless that is the label."""
    pairs = enumerate(classes)
    return [name if name == str(label) else f"{label} {name}" for label, name in pairs]


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


INPUTS = {
    0: "inputs",
    1: "vectors of {} features",
    2: "images of {} × {} grey pixels",
    3: "images of {} × {} pixels, {} channels,",
}
"""Dimensions of an input → what it is called."""


def foreign(file: Path) -> set[str]:
    """Return ``module.Class`` of what a ``.keras`` file holds that is not Keras' own."""
    if file.suffix != ".keras":  # of an own trainer
        return set()
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    return {f"{found['module']}.{found['class_name']}" for found in _classes(config)}


def _classes(config: Any) -> Iterator[dict[str, str]]:
    if isinstance(config, dict):
        module = str(config.get("module") or "")
        if module and "class_name" in config and module.split(".")[0] not in ("keras", "builtins"):
            yield config
        config = list(config.values())
    for each in config if isinstance(config, list) else ():
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
    ]


def _percent(fraction: float | None) -> str:
    return percent(fraction) if fraction is None else f"{percent(fraction)} %"


def facts(record: Record) -> dict[str, str]:
    """Return how a record was made: data, settings, code and machine; no cell is markup."""
    spec, origin, run, size = record.spec, record.provenance, record.resolved, record.size
    recipe = spec.case.recipe
    settings = [
        f"{field.name} {getattr(recipe, field.name)}"
        for field in dataclasses.fields(recipe)
        if getattr(recipe, field.name)  # none, no and nothing go without saying
    ]
    arguments = ", ".join(f"{name}={value}" for name, value in spec.case.arguments.items())
    xla = f", {'with' if run.jit_compile else 'without'} XLA" if run else ""
    return {
        "data": f"{TASKS[spec.case.task].title}, {spec.dataset.source}",
        "its SHA-256": Code(spec.dataset.checksum),
        "its licence": TASKS[spec.case.task].licence,
        "architecture": Code(f"{spec.case.builder}({arguments})"),
        "operations an image": count(size.flops_per_image if size else None),
        "recipe": ", ".join(settings),
        "epochs": f"{spec.epochs} of {count(run.steps_per_epoch if run else None)} steps",
        "backend": trials.ran_on([record]),
        "run in": f"{run.precision}, {count(run.threads)} threads{xla}" if run else MISSING,
        "versions": ", ".join(f"{name} {of}" for name, of in sorted(origin.versions.items())),
        "machine": trials.machines([record]),
        "environment": trials.settings([record]) or "no setting that can change a result",
        "code": trials.commits([record])[0],
        "its digests": f"{origin.architecture_digest[:SHORT]}, {origin.training_digest[:SHORT]}",
    }


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The probabilities that a model gives the classes of one image."""

    classes: tuple[str, ...]
    """What each label stands for."""
    probabilities: tuple[float, ...]
    truth: int | None = None
    """Its label, where it is known."""
    seeds: tuple[tuple[float, ...], ...] = ()
    """Probabilities by other trainings of the same case, a seed each."""
    published: tuple[float | None, ...] = ()
    """Probabilities that somebody published of it, by label."""

    @property
    def label(self) -> int:
        """The most probable class."""
        return int(np.argmax(self.probabilities))

    def named(self, label: int) -> str:
        """Return what a label stands for, and the label where that is not its name."""
        name = self.classes[label]
        return name if name == str(label) else f"{name} ({label})"


def known_seeds(records: Sequence[Record], image: int) -> dict[int, tuple[float, ...]]:
    """Return seed → class probabilities of a leading test image, of those that kept them."""
    known = confidences(records).items()
    return {seed: of.first[image] for seed, of in known if image < len(of.first)}


def confidences(records: Sequence[Record]) -> dict[int, Confidence]:
    """Return seed → how sure it was of its answers to the test images, of those that kept it."""
    return {
        record.spec.seed: record.confidence
        for record in one_per_seed(records)
        if publishable(record) and record.confidence
    }


def as_sure(confidence: Confidence, probability: float) -> tuple[float, float, float, int]:
    """Return the bin of a probability: from, to, share of its images that were right, images."""
    bins = len(confidence.images)
    at = min(int(probability * bins), bins - 1)
    images = confidence.images[at]
    share = confidence.right[at] / images if images else float("nan")
    return at / bins, (at + 1) / bins, share, images


def why_unseen(shape: tuple[int, ...]) -> str:
    """Return why an input of a shape has no picture, as the end of a sentence; empty if it has."""
    if len(shape) == 1:
        return f"its inputs are vectors of {shape[0]} features, which have no picture"
    if len(shape) == 3 and shape[2] != 3:
        return f"its images have {shape[2]} channels, and pictures are grey or have three"
    return ""


def shown(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return images of any shape as bytes.

    Floats from 0 to 1 become 0 to 255; others are stretched from their least to their greatest.
    """
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    if 0 <= low <= high <= 1:
        low, high = 0.0, 1.0
    found: NDArray[np.uint8] = ((images - low) * (255 / ((high - low) or 1))).round().astype("u1")
    return found


def draws_blocks(console: Console) -> bool:
    """Whether greys in half blocks can be shown: a terminal with colours, and the characters."""
    encoding = (console.encoding or "").lower().replace("-", "")
    coloured = console.color_system is not None and not console.no_color
    return console.is_terminal and coloured and encoding == "utf8"


RAMP = " .:-=+*#%@"
"""The characters from black to white."""


def picture(pixels: NDArray[np.uint8], *, blocks: bool) -> Text:
    """Draw an image, grey or with three channels, in half blocks or in characters."""
    from rich.text import Text

    if not blocks:
        grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
        rows = grey.astype(int) * len(RAMP) // 256
        return Text("\n".join("".join(2 * RAMP[level] for level in row).rstrip() for row in rows))
    colours = pixels if pixels.ndim == 3 else np.repeat(pixels[..., np.newaxis], 3, axis=2)
    even = np.vstack([colours, np.zeros((len(colours) % 2, *colours.shape[1:]), np.uint8)])
    text = Text()
    for upper, lower in zip(even[::2], even[1::2], strict=True):
        for front, back in zip(upper, lower, strict=True):
            text.append("▀", style=f"{_rgb(front)} on {_rgb(back)}")
        text.append("\n")
    text.rstrip()
    return text


def _rgb(colour: NDArray[np.uint8]) -> str:
    return f"rgb({','.join(map(str, colour))})"


BAR = 24
"""Columns of a probability of 1."""


def table(answer: Answer, *, blocks: bool) -> str:
    """Return a line a class: its probability as a number and a bar, and those of other seeds."""
    full, seeds = "█" if blocks else "#", np.array(answer.seeds)
    head = ["", "", "this", *(["mean", "lowest–highest"] if answer.seeds else [])]
    head += ["published"] if answer.published else []
    rows = []
    for label, (name, probability) in enumerate(
        zip(_labelled(answer.classes), answer.probabilities, strict=True)
    ):
        row = [">" if label == answer.label else "", name, f"{probability:.4f}"]
        if answer.seeds:
            of = seeds[:, label]
            row += [f"{of.mean():.4f}", f"{of.min():.4f}–{of.max():.4f}"]
        if answer.published:
            published = answer.published[label]
            row.append("" if published is None else f"{published:.3f}")
        rows.append([*row, full * round(BAR * probability)])
    return Table([*head, ""], rows, align="ll" + "r" * (len(head) - 2) + "l").terminal()


def sentences(
    answer: Answer, confidence: Confidence | None, records: Sequence[Record]
) -> Iterator[str]:
    """Say what it answers, whether that is right, and how often it is where it is as sure."""
    sure = max(answer.probabilities)
    yield f"It says {answer.named(answer.label)}, with a probability of {sure:.4f}."
    if answer.truth is None:
        yield (
            "How often such an answer is right is not known: that is measured on test images, and "
            "this is none."
        )
        return
    said = "which is right" if answer.truth == answer.label else "so it is wrong"
    yield f"The label is {answer.named(answer.truth)}, {said}."
    if confidence is not None:
        low, high, share, images = as_sure(confidence, sure)
        right = f"{100 * share:.1f} % were right" if images else "so none tells how often"
        yield (
            f"Of its answers to test images {images:,} were as sure ({low:.3f}–{high:.3f}), "
            f"{right}; its expected calibration error is "
            f"{100 * confidence.calibration_error:.2f} %."
        )
    if answer.seeds:
        errors = [each.calibration_error for each in confidences(records).values()]
        yield (
            f"mean, lowest and highest are over {len(answer.seeds)} seeds of the records, whose "
            f"expected calibration errors are {100 * min(errors):.2f}–{100 * max(errors):.2f} %."
        )
