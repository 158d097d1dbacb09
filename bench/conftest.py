"""What the accept tier leaves out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.cases import LONG

WHY = "it trains long: --tier full, and --seeds 1 for one seed"


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Skip what would train a long case; what need only build it stays."""
    if config.getoption("tier") != "accept":
        return
    for item in items:
        needs, call = item.get_closest_marker("needs"), getattr(item, "callspec", None)
        case = call.params.get("case") if call else None
        if needs and needs.kwargs.get("trained", True) and getattr(case, "name", "") in LONG:
            item.add_marker(pytest.mark.skip(reason=WHY))
