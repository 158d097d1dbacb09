"""Published claims, each judged from the committed references: nothing is trained for them."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.cases import CASES
from bench.harness.errors import UserError
from bench.harness.judge.claims import OUTCOMES
from bench.harness.report.audit.auditing import audit
from bench.harness.report.audit.finding import Finding
from bench.harness.store.claims import Published, read_published
from bench.harness.store.records import Store

FOLDERS = ("reference", "exercises")
"""Of committed records; claims speak of exercises too."""


def published(config: pytest.Config) -> Published:
    """Return what the claims file holds; its mistakes end the collection with their message."""
    try:
        path = config.rootpath / config.getini("fitting_room_claims")
        return read_published(path, cases=CASES)
    except UserError as error:
        raise pytest.Collector.CollectError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask about every claim."""
    if "claim" in metafunc.fixturenames:
        metafunc.parametrize("claim", [claim.name for claim in published(metafunc.config).all])


@pytest.fixture(scope="module")
def findings(request: pytest.FixtureRequest) -> list[Finding]:
    """Get the audit of the committed records, whatever ``--results`` says."""
    try:
        folders = [request.config.rootpath / "results" / name for name in FOLDERS]
        records = [record for folder in folders for record in Store(folder).all()]
    except UserError as error:
        pytest.fail(str(error), pytrace=False)
    return audit(published(request.config), records)


def test_claim(claim: str, findings: list[Finding], request: pytest.FixtureRequest) -> None:
    """It has a verdict with a reason, and the verdict that the file expects, if it does."""
    (found,) = [each for each in findings if each.name == claim]
    for name in ("published", "measured", "verdict", "because"):
        request.node.user_properties.append((name, getattr(found, name)))
    assert found.verdict in OUTCOMES
    assert found.because
    if found.surprising:
        expected = f"claims.toml expects {found.expected}"
        pytest.fail(f"{claim}: {found.verdict}, where {expected}: {found.because}", pytrace=False)


def test_claims_are_all_in_the_audit(findings: list[Finding], pytestconfig: pytest.Config) -> None:
    """No claim is left out, and none is judged twice."""
    names = Counter(claim.name for claim in published(pytestconfig).all)
    assert Counter(each.name for each in findings) == names
    assert set(names.values()) == {1}
