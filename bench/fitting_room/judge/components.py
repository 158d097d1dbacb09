"""Components of variance, each with its interval.

Balanced designs alone. Estimates are those of the analysis of variance, cut at zero; intervals are
those of generalised pivotal quantities: Weerahandi, "Exact Statistical Methods for Data Analysis",
1995, and Hamada and Weerahandi, "Measurement System Assessment via Generalized Inference", Journal
of Quality Technology 32, 2000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
DRAWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Component:
    """One source of scatter, as a standard deviation in the unit of the values."""

    sd: float
    low: float
    """Lower end of the 95 % interval."""
    high: float


@dataclass(frozen=True, kw_only=True)
class _Squares:
    """A sum of squares with its degrees of freedom, and how often it counts each source."""

    total: float
    degrees: int

    @property
    def mean(self) -> float:
        return self.total / self.degrees

    def pivot(self, generator: np.random.Generator) -> np.ndarray:
        """Draw what its expectation may be, shape (DRAWS,)."""
        return np.asarray(self.total / generator.chisquare(self.degrees, DRAWS))


def crossed(values: np.ndarray, repeats: np.ndarray, *, seed: int = 0) -> Mapping[str, Component]:
    """Decompose a table in which every row meets every column once.

    Args:
        values: shape (rows, columns), at least 2 × 2, float64.
        repeats: runs of the very same cell, shape (cells, repeats), at least 1 × 2, float64.
        seed: of the interval's random numbers.

    Returns:
        ``rows``, ``columns``, ``interaction`` and ``repeat``; what repeats scatter is taken out
        of the interaction.
    """
    rows, columns = values.shape
    mean = values.mean()
    by_row, by_column = values.mean(axis=1) - mean, values.mean(axis=0) - mean
    rest = values - mean - by_row[:, None] - by_column[None, :]
    of_rows = _Squares(total=columns * float(by_row @ by_row), degrees=rows - 1)
    of_columns = _Squares(total=rows * float(by_column @ by_column), degrees=columns - 1)
    of_rest = _Squares(total=float((rest**2).sum()), degrees=(rows - 1) * (columns - 1))
    of_repeats = _within(repeats)
    generator = np.random.default_rng(seed)
    return {
        "rows": _difference(of_rows, of_rest, columns, generator),
        "columns": _difference(of_columns, of_rest, rows, generator),
        "interaction": _difference(of_rest, of_repeats, 1, generator),
        "repeat": _alone(of_repeats, generator),
    }


def nested(values: np.ndarray, *, seed: int = 0) -> Mapping[str, Component]:
    """Decompose values that lie in groups, which lie in blocks.

    Args:
        values: shape (blocks, groups, values), at least 2 of each, float64.
        seed: of the interval's random numbers.

    Returns:
        ``blocks``, ``groups`` and ``values``.
    """
    blocks, groups, each = values.shape
    by_group = values.mean(axis=2)
    by_block = by_group.mean(axis=1) - by_group.mean()
    of_blocks = _Squares(total=groups * each * float(by_block @ by_block), degrees=blocks - 1)
    of_groups = _within(by_group)
    of_groups = _Squares(total=each * of_groups.total, degrees=of_groups.degrees)
    of_values = _within(values.reshape(-1, each))
    generator = np.random.default_rng(seed)
    return {
        "blocks": _difference(of_blocks, of_groups, groups * each, generator),
        "groups": _difference(of_groups, of_values, each, generator),
        "values": _alone(of_values, generator),
    }


def _within(values: np.ndarray) -> _Squares:
    apart = values - values.mean(axis=1, keepdims=True)
    return _Squares(total=float((apart**2).sum()), degrees=values.shape[0] * (values.shape[1] - 1))


def _difference(
    upper: _Squares, lower: _Squares, times: int, generator: np.random.Generator
) -> Component:
    """Return the source that ``upper`` counts ``times`` over and ``lower`` does not count."""
    draws = (upper.pivot(generator) - lower.pivot(generator)) / times
    return _component((upper.mean - lower.mean) / times, draws)


def _alone(squares: _Squares, generator: np.random.Generator) -> Component:
    return _component(squares.mean, squares.pivot(generator))


def _component(variance: float, draws: np.ndarray) -> Component:
    low, high = np.sqrt(np.maximum(np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]), 0.0))
    return Component(sd=math.sqrt(max(variance, 0.0)), low=float(low), high=float(high))
