"""Published claims, each judged from what is committed: nothing is trained for them."""

from __future__ import annotations

import pytest

from fitting_room.analysis.audit import Finding, Grounds, audit, claims_in, grounds
from fitting_room.errors import UserError
from fitting_room.judge.verdict import CLAIM_OUTCOMES
from fitting_room.plugin.options import project_of
from fitting_room.report.findings import tally
from fitting_room.report.summary import TALLY
from fitting_room.store.claims import Published

Audit = tuple[list[Finding], Grounds]
"""The verdicts on the claims, and the records that they rest on."""


def published(config: pytest.Config) -> Published:
    """Return the claims of the file; a mistake in it ends the collection with its message."""
    try:
        project = project_of(config)
        return claims_in(project.claims, project)
    except UserError as error:
        raise pytest.Collector.CollectError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the test for every claim."""
    if "claim" in metafunc.fixturenames:
        metafunc.parametrize("claim", [claim.name for claim in published(metafunc.config).all])


@pytest.fixture(scope="module")
def audited(request: pytest.FixtureRequest) -> Audit:
    """Get the audit of the committed records, whatever ``--results`` names."""
    project = project_of(request.config)
    rest = grounds(project, project.results)
    return audit(published(request.config), rest.records, rest.speeds), rest


def test_claim(claim: str, audited: Audit, request: pytest.FixtureRequest) -> None:
    """It has a verdict with a reason, and the verdict that the file expects, if it does."""
    findings, rest = audited
    (found,) = [each for each in findings if each.claim.name == claim]
    verdict = found.verdict
    request.node.user_properties += [
        ("published", verdict.against),
        ("measured", found.measured),
        ("verdict", verdict.label),
        ("because", verdict.reason),
    ]
    assert verdict.label in CLAIM_OUTCOMES
    assert verdict.reason
    if found.surprising:
        expected = f"claims.toml expects {found.claim.expected}"
        told = f"{claim}: {verdict.label}, where {expected}: {verdict.reason}"
        if old := {*rest.stale, *rest.outdated} & {*found.claim.cases_named}:
            pytest.skip(f"{told}. What was measured of {', '.join(sorted(old))} is of other code")
        pytest.fail(told, pytrace=False)


def test_claims_that_are_settled_are_expected(
    audited: Audit, request: pytest.FixtureRequest
) -> None:
    """No verdict can drift unseen: the file expects each one, except the undecided."""
    findings, _ = audited
    request.node.user_properties.append((TALLY, f"{tally(findings)}."))
    free = [
        f'{each.claim.name}: expected = "{each.verdict.label}"'
        for each in findings
        if each.claim.expected is None and each.verdict.outcome != "undecided"
    ]
    if free:
        pytest.fail(
            "claims.toml expects nothing of what is settled; add\n" + "\n".join(free), pytrace=False
        )
