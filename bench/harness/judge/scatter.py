"""How made-up seeds scatter: in the normal way that is planned with, and in ways that are not.

Every shape has mean 0 and standard deviation 1, so that only its form differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

SKEWED_BY = 0.3142
"""Sigma of a lognormal distribution of skewness 1, as far from normal as a gamma of shape 4."""
DEGREES = 5
"""Of the t distribution with heavy tails: its kurtosis is 9, that of the normal one 3."""

Shape = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def normal(z: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return standard normal values as they are."""
    return z


def skewed(z: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return values with a long tail downwards: a shifted lognormal of skewness -1."""
    grown = math.exp(SKEWED_BY**2)
    centre, sd = math.sqrt(grown), math.sqrt(grown * (grown - 1))
    return (centre - np.exp(-SKEWED_BY * z)) / sd


def heavy(z: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return values with heavy tails, t with 5 degrees of freedom.

    What makes one seed an outlier makes it one in every metric: the last axis shares its divisor.
    """
    shared = generator.chisquare(DEGREES, size=(*z.shape[:-1], 1))
    return np.asarray(z * np.sqrt((DEGREES - 2) / shared))


SHAPES: dict[str, Shape] = {"normal": normal, "skewed": skewed, "heavy": heavy}


def like_the_reference(
    reference: np.ndarray, *, runs: int, seeds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return standard normal values whose metrics go together as those of the reference do.

    Each seed made up is a random combination of the reference's deviations from their means, so
    that no correlation needs to be inverted, however few the seeds.

    Args:
        reference: of every reference seed, shape (reference seeds, metrics), float64; NaN where
            a seed has no value, which then says nothing about that metric.
        runs: to make up.
        seeds: in each of them.
        generator: of the random numbers.

    Returns:
        Shape (runs, seeds, metrics), float64.
    """
    apart = np.nan_to_num(reference - np.nanmean(reference, axis=0))
    lengths = np.sqrt((apart**2).sum(axis=0))
    mixed = generator.standard_normal((runs, seeds, len(reference)))
    return np.asarray(mixed @ (apart / np.where(lengths > 0, lengths, 1.0)))
