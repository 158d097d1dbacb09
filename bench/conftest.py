"""The cases that a tier or this machine leaves out: their tests are skipped, with the reason.

Mistakes that a user can mend are told without a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from bench.cases import CASES, INSTEAD, LONG
from fitting_room.errors import UserError
from fitting_room.lab.probe import Emulated, emulation
from fitting_room.plugin.options import option
from fitting_room.spec import Case

WHY = {
    "quick": "each of its epochs takes long: --tier full, and --seeds 1 for one seed",
    "accept": "it trains long: --tier full, and --seeds 1 for one seed",
    "smoke": "it trains long, so that smoke only counts its parameters: --tier full",
}
"""Tier → why it does not train a case of ``LONG``."""

LEFT_OUT = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Skip tests that train or time a case that is left out; its parameters are still counted."""
    wanted = [(item, *needs) for item in items if (needs := _needs(item))]
    found: dict[str, str] = {}
    asked = " ".join([config.getoption("keyword") or "", *config.args])
    emulated = _emulated({name for _, name, _ in wanted}, config)
    for item, name, trained in wanted:
        if why := left_out(name, option(config, "tier"), emulated, trained=trained, asked=asked):
            found.setdefault(name, why)
            item.add_marker(pytest.mark.skip(reason=why))
    config.stash[LEFT_OUT] = found


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Print which cases are left out, and why, before anything is trained."""
    if config.getoption("collectonly") or config.get_verbosity() < 0:
        return []
    return [f"left out: {name}: {why}" for name, why in config.stash.get(LEFT_OUT, {}).items()]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """Show a mistake that a user can mend without a traceback, as commands do."""
    if call.excinfo and isinstance(call.excinfo.value, UserError):
        told = pytest.fail.Exception(str(call.excinfo.value), pytrace=False)
        call.excinfo = pytest.ExceptionInfo.from_exc_info((type(told), told, call.excinfo.tb))


def left_out(
    name: str, tier: str, emulated: Mapping[str, Emulated | None], *, trained: bool, asked: str
) -> str | None:
    """Return why a case is not trained or timed, or None where it is.

    Args:
        name: name of the case.
        tier: tier of the run.
        emulated: case with a stand-in → how its precision is emulated here.
        trained: whether it would be trained; else its forward pass alone would be timed.
        asked: the words by which the run selects tests; a stand-in that is named there is trained
            even if it is not needed.
    """
    if found := emulated.get(name):
        return f"{found.words}; {INSTEAD[name]} is trained instead"
    if name in LONG and tier in WHY and (trained or tier == "smoke"):
        return WHY[tier]
    for original in (each for each, other in INSTEAD.items() if other == name):
        architecture = CASES[name].architecture
        named = re.search(rf"(?<!\w){re.escape(architecture)}(?!\w)", asked)
        if not named and emulated.get(original) is None:
            return (
                f"it takes the place of {original} where that one's precision is emulated, and "
                f"here it is not; -k {architecture} trains it all the same"
            )
    return None


def _emulated(names: set[str], config: pytest.Config) -> dict[str, Emulated | None]:
    """Ask the machine about each selected case that has a stand-in, or is one."""
    if option(config, "tier") == "smoke":
        return {}  # it trains none of them
    how = {"backend": option(config, "backend"), "device": option(config, "device")}
    return {
        original: emulation(CASES[original].recipe.precision, **how)
        for original, other in INSTEAD.items()
        if names & {original, other}
    }


def _needs(item: pytest.Item) -> tuple[str, bool] | None:
    """Return the case that a test trains or times, and whether it is trained; None for others."""
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    marker = item.get_closest_marker("needs")
    if not isinstance(case, Case) or marker is None:
        return None
    trained = bool(marker.kwargs.get("trained", True))
    return (case.name, trained) if trained or marker.kwargs.get("timed") else None
