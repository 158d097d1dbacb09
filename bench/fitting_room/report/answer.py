"""A model's answer to one image: beside other seeds, drawn in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from fitting_room.analysis.trials import one_per_seed, publishable
from fitting_room.record import Confidence, Record


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


RAMP = " .:-=+*#%@"
"""From black to white."""

BAR = 24
"""Columns of a probability of 1."""


def draws_blocks(console: Console) -> bool:
    """Whether greys in half blocks can be shown: a terminal with colours, and the characters."""
    encoding = (console.encoding or "").lower().replace("-", "")
    coloured = console.color_system is not None and not console.no_color
    return console.is_terminal and coloured and encoding == "utf8"


def picture(pixels: NDArray[np.uint8], *, blocks: bool) -> Text:
    """Draw an image, grey or with three channels, in half blocks or in characters."""
    if blocks:
        return _blocks(pixels)
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    levels = grey.astype(int) * len(RAMP) // 256
    return Text("\n".join("".join(2 * RAMP[level] for level in row).rstrip() for row in levels))


def _blocks(pixels: NDArray[np.uint8]) -> Text:
    """Two rows of pixels a line: the upper half of a character in front, the lower behind it."""
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


def table(answer: Answer, *, blocks: bool) -> str:
    """Return a line a class: its probability as a number and a bar, and those of other seeds."""
    names = [
        name if name == str(label) else f"{label} {name}"
        for label, name in enumerate(answer.classes)
    ]
    width = max(map(len, names))
    full = "█" if blocks else "#"
    spread = np.array(answer.seeds)
    lines = [_head(answer, width)]
    for label, (name, probability) in enumerate(zip(names, answer.probabilities, strict=True)):
        mark = ">" if label == answer.label else " "
        line = f"{mark} {name:<{width}}  {probability:.4f}"
        if answer.seeds:
            of = spread[:, label]
            line += f"  {of.mean():.4f}  {of.min():.4f}–{of.max():.4f} "
        if answer.published:
            line += f"  {_number(answer.published[label]):>9}"
        lines.append(f"{line}  {full * round(BAR * probability)}".rstrip())
    return "\n".join(lines)


def _head(answer: Answer, width: int) -> str:
    head = f"  {'':<{width}}  {'this':>6}"
    if answer.seeds:
        head += f"  {'mean':>6}  {'lowest–highest'}"
    return head + (f"  {'published':>9}" if answer.published else "")


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.3f}"
