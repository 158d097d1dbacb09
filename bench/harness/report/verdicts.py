"""Verdicts as a person reads them first: how many, a line a case with what is not met, the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.harness.judge.evidence import BRIEF, in_brief
from bench.harness.judge.verdict import Verdict
from bench.harness.judge.words import shown
from bench.harness.metrics import METRICS
from bench.harness.report.properties import Judged
from bench.harness.report.rows import SEVERITY
from bench.harness.report.screen import Screen

APART = "not comparable"
WIDTH = max(map(len, SEVERITY))


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """Return what was judged in the order of the metrics, whichever worker was done first."""
    order = {metric: place for place, metric in enumerate(METRICS)}

    def place(one: Judged) -> tuple[int, str]:
        metric = one.verdict.metric if one.verdict else ""
        return order.get(metric, len(order)), metric

    return sorted(judged, key=place)


def verdict_lines(
    judged: Mapping[str, Sequence[Judged]], screen: Screen, *, unjudged: int = 0
) -> list[str]:
    """Return the headline and the lines of every case, or nothing where nothing was judged.

    Args:
        judged: Case → what its tests said, in the order to be shown.
        screen: Quiet, it leaves out cases that met all; verbose, it has the evidence of all below
            their case. Else that of bounds that are met comes last, in brief.
        unjudged: Tests that failed without a verdict.
    """
    verdicts = [one.verdict for each in judged.values() for one in each if one.verdict]
    headline = [_headline(verdicts, screen)] if verdicts else []
    if unjudged:
        tests = f"{unjudged} test{'s' if unjudged > 1 else ''}"
        headline.append(screen.outcome(f"{tests} failed without a verdict", "fail"))
    cases = [line for case, each in judged.items() for line in _case(case, each, screen)]
    if screen.verbosity == 0:
        cases += [*_incomparable(verdicts, screen), *_passed(judged, screen)]
    return [*headline, *cases]


def _headline(verdicts: Sequence[Verdict], screen: Screen) -> str:
    counts = Counter(verdict.outcome for verdict in verdicts)
    worst = _worst(verdicts)
    told = ", ".join(f"{counts[o]} {o}" for o in SEVERITY if counts[o])  # type: ignore[index]
    total = f"{len(verdicts)} bound{'s' if len(verdicts) > 1 else ''}"
    return screen.mark(screen.outcome(f"{total}: {told}", worst), bold=True)


def _worst(verdicts: Sequence[Verdict]) -> str:
    return min((verdict.outcome for verdict in verdicts), key=SEVERITY.index)


def _case(case: str, judged: Sequence[Judged], screen: Screen) -> list[str]:
    """A case is as good as the worst of the bounds that it could be held to."""
    verdicts = [one.verdict for one in judged if one.verdict]
    held = [verdict for verdict in verdicts if verdict.outcome != APART]
    met = sum(verdict.passed for verdict in held)
    if not verdicts or (screen.verbosity < 0 and met == len(held)):
        return []
    worst = _worst(held or verdicts)
    told = f"{met} of {len(held)} bounds met" if held else ""
    apart = f"{len(verdicts) - len(held)} {APART}" if len(held) < len(verdicts) else ""
    outcome = screen.outcome(f"{worst:{WIDTH}}", worst)
    return [
        f"{outcome}  {case}: {', '.join(filter(None, (told, apart)))}",
        *(
            _reason(one.verdict, screen, explained=one.explained)
            for one in judged
            if one.verdict and (screen.verbosity > 0 or one.verdict.outcome not in ("pass", APART))
        ),
    ]


def _incomparable(verdicts: Sequence[Verdict], screen: Screen) -> list[str]:
    """Return a line a reason, for it is mostly the same for all."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == APART:
            reasons.setdefault(verdict.evidence, []).append(verdict.metric)
    told = (
        f"{APART}, as {why}: {', '.join(dict.fromkeys(metrics))}"
        for why, metrics in reasons.items()
    )
    return [screen.outcome(screen.folded(each, rest="    "), APART) for each in told]


def _reason(verdict: Verdict, screen: Screen, *, explained: bool) -> str:
    """Return a verdict's evidence, or its figure and bound where pytest has told the evidence."""
    said = f"{_value(verdict)}, bound {verdict.bound}" if explained else verdict.evidence
    text = screen.folded(f"{verdict.metric} {verdict.outcome}: {said}", first="    ", rest=" " * 8)
    return text.replace(
        f" {verdict.outcome}:", f" {screen.outcome(verdict.outcome, verdict.outcome)}:", 1
    )


def _value(verdict: Verdict) -> str:
    if verdict.value is None:
        return f"no value (n={verdict.n})"
    return f"{shown(verdict.metric, verdict.value)} (n={verdict.n})"


def _passed(judged: Mapping[str, Sequence[Judged]], screen: Screen) -> list[str]:
    """Return the evidence of each bound that is met, in brief, a line each."""
    met = {
        case: [one.verdict for one in each if one.verdict and one.verdict.passed]
        for case, each in judged.items()
    }
    verdicts = [verdict for each in met.values() for verdict in each]
    if not verdicts:
        return []
    width = max(len(verdict.metric) for verdict in verdicts)
    weighed = any("log-likelihood" in verdict.evidence for verdict in verdicts)
    lines = [screen.folded(f"What passed: {BRIEF}." if weighed else "What passed:", rest="    ")]
    for case, each in met.items():
        lines += [case] if each else []
        lines += [
            screen.folded(in_brief(v.evidence), first=f"  {v.metric:{width}}  ", rest=" " * 8)
            for v in each
        ]
    return ["", *lines]
