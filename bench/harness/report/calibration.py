"""Whether a model is right as often as it is sure: what a diagram of that shows."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.record import Confidence

FEWEST = 10
"""Images in a bin that is shown: the share of fewer says nothing."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Test images of which the model was about as sure; shares are fractions."""

    images: int
    sure: float
    """Mean probability that it gave to the class predicted."""
    right: float
    """Share that it classified rightly."""


def bins(found: Confidence) -> list[Bin]:
    """Return the bins with enough images, from unsure to sure."""
    return [
        Bin(images=images, sure=mean, right=right / images)
        for images, right, mean in zip(found.images, found.right, found.mean, strict=True)
        if images >= FEWEST
    ]
