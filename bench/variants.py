"""Cases changed for the worse: the gate must notice each, and must let the untouched one pass.

A variant is a committed case with one thing about it changed, held to the bounds of that case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.cases import CASES
from fitting_room.project import Variant
from fitting_room.spec import Case

ORIGINAL = CASES["fashion_mnist-dense_128"]
"""The cheapest to train of the published cases."""
MINIMAL = CASES["mnist-minimal"]
"""It has what the cheapest has not: smoothed labels, and augmentation."""


def _variant(
    name: str,
    words: str,
    original: Case = ORIGINAL,
    *,
    builder: str | None = None,
    arguments: dict[str, Any] | None = None,
    **recipe: Any,
) -> Variant:
    case = replace(
        original,
        variant=name,
        builder=builder or original.builder,
        recipe=replace(original.recipe, **recipe),
        arguments={**original.arguments, **(arguments or {})},
    )
    return Variant(case=case, words=words)


RATE, BATCH = ORIGINAL.recipe.learning_rate, ORIGINAL.recipe.batch_size
DROPPED_OUT, STANDARD_NORMAL = "bench.builders:dropped_out", "bench.builders:standard_normal"
UNMOVED: dict[str, Any] = {"rotate_degrees": 0.0, "shift_pixels": 0.0}

UNCHANGED = Variant(case=ORIGINAL, words="nothing")

CRIPPLED: dict[str, Variant] = {
    variant.case.variant: variant
    for variant in (
        _variant("shuffled_labels", "labels shuffled", shuffle_labels=True),
        _variant("no_learning", "learning rate 0", learning_rate=0.0),
        _variant("a_tenth_of_the_rate", "learning rate × 0.1", learning_rate=0.1 * RATE),
        _variant("half_the_rate", "learning rate × 0.5", learning_rate=0.5 * RATE),
        _variant("missing_layer", "hidden layer missing", arguments={"hidden_layers": 0}),
        _variant("half_the_data", "half the training images", train_fraction=0.5),
        _variant("raw_pixels", "pixels not scaled", scale_pixels=False),
        _variant("no_momentum", "β₁ = 0", beta_1=0.0),
        _variant("double_batch", "batch × 2", batch_size=2 * BATCH),
        _variant("other_initializer", "kernels begin at N(0, 1)", builder=STANDARD_NORMAL),
        _variant("dropout", "dropout of 20 % added", builder=DROPPED_OUT),
        _variant("hard_labels", "label smoothing dropped", MINIMAL, label_smoothing=0.0),
        _variant("no_augmentation", "augmentation off", MINIMAL, **UNMOVED),
    )
}
"""Name → variant; every one of them must go red."""
