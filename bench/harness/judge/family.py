"""Many decisions taken together: the error of the family, not of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RUN_ALPHA = 0.01  # chance that a run of the bench over unchanged code shows a failure


def share(assertions: int, *, alpha: float = RUN_ALPHA) -> float:
    """Return the error of each of a run's assertions so that all together keep to ``alpha``.

    Bonferroni: holds however the assertions depend on each other.
    """
    if assertions < 1:
        raise ValueError(f"a run has at least one assertion, not {assertions}")
    return alpha / assertions


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values adjusted for their number, in the order given.

    Compare each with the error wanted for the family. Holm, "A Simple Sequentially Rejective
    Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return tuple(adjusted.tolist())
