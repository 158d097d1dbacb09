"""Which case of base is which of head, and which have no counterpart."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.report.comparison.side import Facts, Side

APPEARED, VANISHED = "appeared", "vanished"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The cases of two sides, matched."""

    pairs: tuple[tuple[Facts, Facts], ...]
    """Base and head of each case that both measured; those with two names among them."""
    appeared: tuple[str, ...] = ()
    """In head alone, for base's code did not have them."""
    vanished: tuple[str, ...] = ()
    """In base alone, for head's code does not have them."""
    missing: tuple[tuple[str, str], ...] = ()
    """Case and why it cannot be compared although it should; each fails the comparison. One that
    is among ``pairs`` has nothing comparable."""

    @property
    def two_names(self) -> tuple[tuple[Facts, Facts], ...]:
        """Pairs whose names differ: renamed cases, and variants of a case of base."""
        return tuple(pair for pair in self.pairs if pair[0].case != pair[1].case)


def match(base: Side, head: Side) -> Pairs:
    """Match by name, variants with their original, and what is left by builder and arguments.

    A case of base that head has not measured is missing, unless head's code has it no more. One
    of head that base has not measured is missing if base's code has it, and else it appeared.
    """
    names = _renamed(base, head) | {n: n for n in head.facts if n in base.facts}
    names |= {n: _original(n) for n in head.facts if n not in names and _original(n) in base.facts}
    order = [*base.facts]
    found = sorted(names.items(), key=lambda pair: order.index(pair[1]))
    pairs = tuple((base.facts[old], head.facts[new]) for new, old in found)
    rest = [name for name in _all(base, head) if name not in {*names, *names.values()}]
    fate = {name: _fate(name, base, head) for name in rest}
    return Pairs(
        pairs=pairs,
        appeared=tuple(name for name in rest if fate[name] == APPEARED),
        vanished=tuple(name for name in rest if fate[name] == VANISHED),
        missing=tuple((name, why) for name, why in fate.items() if why not in (APPEARED, VANISHED)),
    )


def _all(base: Side, head: Side) -> list[str]:
    known = sorted((base.known or frozenset()) | (head.known or frozenset()))
    return list(dict.fromkeys([*base.facts, *head.facts, *known]))


def _fate(name: str, base: Side, head: Side) -> str:
    if name not in base.facts and name not in (base.known or ()):
        return APPEARED
    if head.known is not None and name not in head.known and name not in head.facts:
        return VANISHED
    at, side, what = ("base", base, "reference records")
    if name in base.facts:
        at, side, what = ("head", head, "records")
    return f"{at} ({side.told}): " + side.unfit.get(name, f"no {what} of it")


def _renamed(base: Side, head: Side) -> dict[str, str]:
    """Return new name → old name, of cases that only one side has at all."""
    gone = [n for n in base.facts if n not in head.facts and n not in (head.known or ())]
    new = [n for n in head.facts if n not in base.facts and n not in (base.known or ())]
    found: dict[str, str] = {}
    for name in new:
        same = head.facts[name].identity
        free = (n for n in gone if n not in found.values() and _original(name) == name)
        alike = next((n for n in free if same and base.facts[n].identity == same), None)
        if alike:
            found[name] = alike
    return found


def _original(name: str) -> str:
    """Return the name of the case that a variant is made from, which it begins with."""
    return name.partition("~")[0]
