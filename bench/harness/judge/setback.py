"""Bounds of different metrics in one currency: how far a model must lag behind to be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence


def setback(catches: float, means: Sequence[float], epoch: int) -> float:
    """Return the smallest change that is caught, in epochs of training.

    A metric that still moves by 0.02 an epoch and whose bound catches 0.01 sees a model that lags
    half an epoch behind. Where the mean curve has turned back, no lag explains a change.

    Args:
        catches: Smallest change of the metric that the bound catches.
        means: The metric after each epoch, mean over the reference.
        epoch: At which it is judged, from 1; its slope is that from the epoch before, and for the
            first epoch that to the second.

    Returns:
        Epochs; inf where the metric does not go the way any more that it went over the whole run,
        or ran for one epoch only.
    """
    if len(means) < 2:
        return math.inf
    before = max(epoch - 2, 0)
    slope = means[before + 1] - means[before]
    overall = means[-1] - means[0]
    return catches / abs(slope) if slope * overall > 0 else math.inf
