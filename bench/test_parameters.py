"""Exact counts: nothing is trained for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.cases import CASES
from fitting_room.spec import Case


@pytest.mark.needs(trained=False)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_parameters(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The model has exactly as many parameters as its bound says."""
    hold(case, "parameters")
