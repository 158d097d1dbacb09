"""The calibration step: a fixed piece of work that seconds of one machine are divided by."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

SIZE = 2048
"""Rows and columns of both matrices: 17 GFLOP a product."""

PRODUCTS = 10


def calibration_seconds(
    clock: Callable[[], float] = time.perf_counter, *, size: int = SIZE, products: int = PRODUCTS
) -> float:
    """Return the seconds of one float32 matrix product, the quickest of several.

    By NumPy, on all threads of its BLAS: no framework and no compiler of one has a part in it, so
    that it stays the same where those change. It is frozen: another size or type would retire every
    stored figure. One product is made beforehand and not counted.

    Args:
        clock: seconds; tests give their own.
        size: rows and columns.
        products: to be timed.
    """
    left, right = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    out = left @ right
    seconds = []
    for _ in range(products):
        began = clock()
        np.matmul(left, right, out=out)
        seconds.append(clock() - began)
    return min(seconds)
