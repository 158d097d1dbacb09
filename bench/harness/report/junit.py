"""Verdicts in JUnit XML where its schema has room for them.

The schema of pytest's default family, Jenkins' ``junit-10.xsd``, lets a ``testsuite`` have
properties and a ``testcase`` none; consumers that validate refuse the whole file otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.harness.report.properties import NAMES, Properties


def strict_report(plugins: Iterable[Any]) -> Any:
    """Return pytest's writer of JUnit XML, if there is one and it is to obey the schema."""
    for plugin in plugins:
        if hasattr(plugin, "add_global_property") and getattr(plugin, "family", "") == "xunit2":
            return plugin
    return None


def to_suite(xml: Any, test: str, properties: Properties) -> None:
    """Give the suite the properties of a test, as ``test_accuracy[mnist-dense_128].value``."""
    for name, value in properties:
        xml.add_global_property(f"{test}.{name}", value)


def parted(properties: Properties) -> tuple[Properties, Properties]:
    """Return the properties of a test that are the bench's, and those that somebody else gave."""
    ours = [(name, value) for name, value in properties if name in NAMES]
    return ours, [(name, value) for name, value in properties if name not in NAMES]
