"""One entry of ``bounds.toml``: a bound, or a curve whose numbers are lists, one per epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bench.harness.errors import nearest
from bench.harness.judge.bound import KINDS, Bound
from bench.harness.judge.curve import Curve
from bench.harness.judge.words import is_accuracy
from bench.harness.metrics import CURVES

KEYS = (*KINDS, "sd", "seeds", "mean", "reason")
EXAMPLES = {
    "parameters": "exactly = 101_770",
    "test_accuracy": "at_least = 0.85",
    "test_loss": "at_most = 0.40",
    "training_accuracy": "between = [0.88, 0.91]",
    "training_loss": "between = [0.25, 0.32]",
    "drop_in_training_loss": "between = [0.10, 0.15]",
    "epochs_to_target": "at_most = 8",
}
"""Metric → what its bound may look like."""

LISTS = ("between", "mean", "sd")
"""Keys of a curve that have one element for each epoch."""


def read_bound(metric: str, entry: object) -> Bound:
    """Return the bound of one entry.

    Raises:
        ValueError: a key is unknown or missing, or a number cannot be meant.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"expected {{ at_least = …, reason = … }}, and found {entry!r}")
    if "reason" not in entry:
        raise ValueError('a reason is needed: reason = "why the bound sits where it does"')
    for key, value in entry.items():
        _check(metric, key, value)
    fields = {"reference_seeds" if key == "seeds" else key: v for key, v in entry.items()}
    if "between" in fields:
        fields["between"] = tuple(float(end) for end in fields["between"])
    return Bound(metric=metric, **fields)


def read_curve(metric: str, entry: object) -> Curve:
    """Return the curve of one entry, each epoch read as a bound of the metric behind it.

    Raises:
        ValueError: a key is missing, or its lists do not have one element for each epoch.
    """
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected {{ between = [[…], …], … }}, and found {entry!r}")
    missing = [key for key in LISTS if not isinstance(entry.get(key), list)]
    if missing:
        raise ValueError(f"a curve needs lists, one element for each epoch: {', '.join(missing)}")
    lengths = {key: len(entry[key]) for key in LISTS}
    if len(set(lengths.values())) > 1 or not lengths["between"]:
        found = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ValueError(f"its lists must have one element for each epoch, and have: {found}")
    return Curve(
        metric=metric,
        epochs=tuple(_epoch(CURVES[metric], entry, at) for at in range(lengths["between"])),
    )


def _epoch(metric: str, entry: Mapping[str, Any], at: int) -> Bound:
    here = {key: value[at] if key in LISTS else value for key, value in entry.items()}
    try:
        return read_bound(metric, here)
    except ValueError as error:
        raise ValueError(f"epoch {at + 1}: {error}") from None


def _check(metric: str, key: str, value: object) -> None:
    """Refuse an unknown key, a wrong type, and a number that cannot be meant."""
    if key not in KEYS:
        raise ValueError(f"there is no key {key!r}. {nearest(key, KEYS)[:-1]}")
    if key == "reason":
        if not isinstance(value, str):
            raise ValueError(f"the reason must be text in quotes, and is {value!r}")
        return
    numbers = value if key == "between" else [value]
    if not isinstance(numbers, list) or (key == "between" and len(numbers) != 2):
        raise ValueError(f"between takes two numbers, [lowest, highest], and found {value!r}")
    for number in numbers:
        _check_number(metric, key, number)


def _check_number(metric: str, key: str, number: object) -> None:
    whole = key in ("exactly", "seeds")
    if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
        wanted = "an integer" if whole else "a number"
        raise ValueError(f"{key} takes {wanted}, and found {number!r}")
    if metric == "epochs_to_target" and key == "at_most" and number == math.inf:
        return  # the target need not be reached
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{key} must be finite and not negative, and is {number!r}")
    if is_accuracy(metric) and key != "seeds" and number > 1:
        percent = f"; did you mean {number / 100:g}?" if number <= 100 else ""
        raise ValueError(f"accuracies are fractions, and {key} = {number} is above 1{percent}")
