"""What a trial was asked for, flat: the hyperparameters by which records are compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from bench.harness.record import Record

Setting = bool | float | str
Settings = Mapping[str, Setting]

ALWAYS = ("task", "architecture", "seed")
"""Shown even where all records agree in them."""


def settings(record: Record) -> Settings:
    """Return every setting of a record by name; those left to a library are not among them."""
    spec = record.spec
    found: dict[str, object] = {
        "task": spec.case.task,
        "architecture": spec.case.architecture,
        "seed": spec.seed,
        "epochs": spec.epochs,
        "data": "sample" if spec.dataset.sample else "whole",
        "backend": spec.backend,
        "device": spec.device,
        "cpu": record.machine.cpu if record.machine else None,
        **{name: v for name, v in _fields(spec.case.recipe).items() if name != "epochs"},
        **spec.case.arguments,
    }
    return {name: _plain(value) for name, value in found.items() if value is not None}


def aligned(found: Sequence[Settings]) -> list[Settings]:
    """Return settings that all have every name: what some lack is told in words, or ``—``.

    A page that draws a line through the settings of each trial draws none where one is missing.
    """
    names = dict.fromkeys(name for each in found for name in each)
    gaps = {name for name in names if not all(name in each for each in found)}
    return [
        {name: _word(each.get(name)) if name in gaps else each[name] for name in names}
        for each in found
    ]


def telling(found: Sequence[Settings]) -> dict[str, list[Setting]]:
    """Return name → values of the settings in which aligned records differ, and of ``ALWAYS``."""
    values = {name: {each[name] for each in found} for name in found[0]}
    return {
        name: sorted(each, key=_place)
        for name, each in values.items()
        if name in ALWAYS or len(each) > 1
    }


def _word(value: Setting | None) -> str:
    if value is None:
        return "—"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _place(value: Setting) -> tuple[float, str]:
    """Words that are numbers come in the order of these."""
    try:
        return float(value), ""
    except ValueError:
        return math.inf, str(value)


def _fields(value: object) -> dict[str, object]:
    fields = dataclasses.fields(value)  # type: ignore[arg-type]
    return {field.name: getattr(value, field.name) for field in fields}


def _plain(value: object) -> Setting:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    return str(value)
