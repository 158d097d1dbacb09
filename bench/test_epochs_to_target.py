"""How many epochs a case needs to reach its task's target, where the task has one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.cases import CASES
from bench.tasks import TASKS
from fitting_room.spec import Case

AIMING = {name: case for name, case in CASES.items() if TASKS[case.task].targets}


@pytest.mark.needs(trained=True)
@pytest.mark.parametrize("case", AIMING.values(), ids=AIMING)
def test_epochs_to_target(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The target is reached by the bound's epoch; a bound of infinity says that it never is."""
    hold(case, "epochs_to_target")
