"""What JUnit XML may hold: Jenkins' ``junit-10.xsd``, the schema of pytest's family ``xunit2``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

SECONDS = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one kind of element may have; names are parted by spaces."""

    required: str = ""
    optional: str = ""
    children: str = ""
    text: bool = False


TOLD = Rule(optional="type message", text=True)
RULES = {
    "testsuites": Rule(optional="name time tests failures errors", children="testsuite"),
    "testsuite": Rule(
        required="name tests failures errors",
        optional="group time skipped timestamp hostname id package file log url",
        children="testsuite properties testcase system-out system-err",
    ),
    "properties": Rule(children="property"),
    "property": Rule(required="name value"),
    "testcase": Rule(
        required="name",
        optional="time classname group",
        children="skipped error failure system-out system-err",
    ),
    "skipped": TOLD,
    "error": TOLD,
    "failure": TOLD,
    "system-out": Rule(text=True),
    "system-err": Rule(text=True),
}


def faults(element: Element) -> Iterator[str]:
    """Yield what is wrong with an element and all within it."""
    rule = RULES.get(element.tag)
    if rule is None:
        yield f"there is no element {element.tag}"
        return
    required = set(rule.required.split())
    yield from (f"{element.tag} lacks {name}" for name in required - set(element.attrib))
    unknown = set(element.attrib) - required - set(rule.optional.split())
    yield from (f"{element.tag} has {name}" for name in unknown)
    if element.tag.startswith("testsuite") and not SECONDS.fullmatch(element.get("time", "")):
        yield f"{element.tag} took {element.get('time')!r}"
    if (element.text or "").strip() and not rule.text:
        yield f"{element.tag} has text"
    for child in element:
        if child.tag not in rule.children.split():
            yield f"{element.tag} holds {child.tag}"
        yield from faults(child)
