"""The fields of a recipe that are about callbacks, and what they may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.recipe import Recipe

WATCHED = frozenset(
    {
        "validation_fraction",
        "stop_metric",
        "stop_threshold",
        "stop_direction",
        "stop_patience",
        "plateau_factor",
        "plateau_patience",
        "keep_best",
    }
)
"""Their names."""

REPORTED = ("accuracy", "loss", "val_accuracy", "val_loss")
"""Metrics of an epoch; the last two of the images that ``validation_fraction`` holds out."""


def check(recipe: Recipe) -> None:
    """Raise ValueError for callbacks that could only fail later, inside a trial."""
    known = REPORTED if recipe.validation_fraction else REPORTED[:2]
    if recipe.stop_metric is not None and recipe.stop_metric not in known:
        told = f"must be one of {', '.join(known)}, not {recipe.stop_metric!r}"
        raise ValueError(f"stop_metric {told}; val_… wants a validation_fraction")
    if recipe.stop_direction not in ("above", "below"):
        raise ValueError(f"stop_direction must be above or below, not {recipe.stop_direction!r}")
    if recipe.keep_best and not recipe.validation_fraction:
        raise ValueError("keep_best wants a validation_fraction to choose by")
    if recipe.plateau_factor is None:
        return
    if not 0 < recipe.plateau_factor < 1:
        raise ValueError(f"plateau_factor must be in (0, 1), not {recipe.plateau_factor}")
    if recipe.schedule != "constant":
        raise ValueError(f"plateau_factor and schedule {recipe.schedule!r} both set the rate")
