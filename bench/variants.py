"""Cases changed for the worse: the gate must notice each, and must let the untouched one pass.

A variant is a committed case with one thing about it changed, held to the bounds of that case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.cases import CASES
from fitting_room.project import Variant

ORIGINAL = CASES["fashion_mnist-dense_128"]
"""The cheapest to train of the published cases."""


def _variant(
    name: str, words: str, *, arguments: dict[str, Any] | None = None, **recipe: Any
) -> Variant:
    case = replace(
        ORIGINAL,
        variant=name,
        recipe=replace(ORIGINAL.recipe, **recipe),
        arguments={**ORIGINAL.arguments, **(arguments or {})},
    )
    return Variant(case=case, words=words)


RATE = ORIGINAL.recipe.learning_rate

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
    )
}
"""Name → variant; every one of them must go red."""
