"""Every pair of cases judged: quality as one family, counts exactly, seconds where it is fair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.harness.judge.change import RED, Change, judge_count, not_comparable
from bench.harness.judge.changes import judge_changes
from bench.harness.judge.interval import Interval
from bench.harness.judge.quality import EPOCHS
from bench.harness.judge.samples import Question
from bench.harness.report.comparison.images import Labels, same_images
from bench.harness.report.comparison.pairs import Pairs, match
from bench.harness.report.comparison.seconds import Raced, judge_seconds
from bench.harness.report.comparison.side import COUNTS, QUALITY, Facts, Side


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What became of one metric of one case."""

    case: str
    change: Change
    images: Interval | None = None
    """Of test accuracy: head less base on the very same images, over images and seeds."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Base and head, and all that was found."""

    base: Side
    head: Side
    pairs: Pairs
    findings: tuple[Compared, ...]

    def of(self, *outcomes: str) -> list[Compared]:
        """Return the findings with one of these outcomes."""
        return [finding for finding in self.findings if finding.change.outcome in outcomes]

    def red(self, *, undecided: bool) -> bool:
        """Whether a gate fails; ``undecided`` says whether an open verdict is enough for that."""
        outcomes = [*RED, *(["undecided"] if undecided else [])]
        return bool(self.pairs.missing or self.of(*outcomes))


def compare(
    base: Side,
    head: Side,
    *,
    labels: Labels = lambda _: None,
    races: Mapping[str, Raced] | None = None,
    only: Sequence[str] = (),
) -> Comparison:
    """Compare two sides.

    Args:
        base: what was.
        head: what is.
        labels: of the test images, to compare predictions image by image.
        races: head's case → interleaved seconds, which stand for those of the records.
        only: cases to compare, by either side's name; all, if none is given.
    """
    pairs = _chosen(match(base, head), only)
    raced = races or {}
    by_pair = [
        _of_pair(*pair, quality, labels, raced)
        for pair, quality in zip(pairs.pairs, _quality(pairs.pairs), strict=True)
    ]
    pairs = replace(pairs, missing=(*pairs.missing, *_unlike(pairs.pairs, by_pair)))
    findings = [finding for found in by_pair for finding in found]
    measured = {head.case for _, head in pairs.pairs}
    findings += [
        Compared(case=case, change=judge_seconds(None, None, race))
        for case, race in raced.items()
        if case not in measured
    ]
    return Comparison(base=base, head=head, pairs=pairs, findings=tuple(findings))


def _unlike(
    pairs: Sequence[tuple[Facts, Facts]], found: Sequence[Sequence[Compared]]
) -> Iterator[tuple[str, str]]:
    """Yield name and reason of each pair of which no quality, or nothing at all, was compared.

    A comparison that compared nothing must not be green.
    """
    for pair, findings in zip(pairs, found, strict=True):
        quality = [f.change for f in findings if f.change.metric in (*QUALITY, EPOCHS)]
        told = quality or [finding.change for finding in findings]
        if all(change.outcome == "not comparable" for change in told):
            reasons = dict.fromkeys(change.evidence for change in told)
            yield name_of(*pair), f"nothing to compare it by: {'; '.join(reasons) or 'no figures'}"


def name_of(base: Facts, head: Facts) -> str:
    """Return the name of a pair: both, where they differ."""
    return head.case if base.case == head.case else f"{base.case} → {head.case}"


def _chosen(pairs: Pairs, only: Sequence[str]) -> Pairs:
    if not only:
        return pairs
    return Pairs(
        pairs=tuple(pair for pair in pairs.pairs if {f.case for f in pair} & set(only)),
        appeared=tuple(name for name in pairs.appeared if name in only),
        vanished=tuple(name for name in pairs.vanished if name in only),
        missing=tuple(each for each in pairs.missing if each[0] in only),
    )


def _quality(pairs: Sequence[tuple[Facts, Facts]]) -> list[list[Change]]:
    """Judge all metrics of all cases as one family, and hand them back case by case."""
    asked = [_questions(base, head) for base, head in pairs]
    answers = iter(judge_changes([q for each in asked for q in each if isinstance(q, Question)]))
    return [[next(answers) if isinstance(q, Question) else q for q in each] for each in asked]


def _questions(base: Facts, head: Facts) -> list[Question | Change]:
    shared = [metric for metric in QUALITY if metric in base.samples or metric in head.samples]
    asked = [*shared, *([EPOCHS] if base.arrivals or head.arrivals else [])]
    if reason := _differing(base.conditions, head.conditions):
        return [not_comparable(metric, reason) for metric in asked]
    return [_question(metric, base, head) for metric in asked]


def _question(metric: str, base: Facts, head: Facts) -> Question | Change:
    pair = [f.arrivals if metric == EPOCHS else f.samples.get(metric) for f in (base, head)]
    for side, known in zip(("base", "head"), pair, strict=True):
        if known is None:
            return not_comparable(metric, f"{side} does not tell it")
    before, after = pair
    assert before and after  # else one of them was told of
    return Question(metric=metric, base=before, head=after)


def _differing(base: Mapping[str, str], head: Mapping[str, str]) -> str:
    """Return where two sides differ in what must agree."""
    return "; ".join(
        f"{name}: {base[name]} in base, {head[name]} in head"
        for name in base
        if base[name] != head[name]
    )


def _of_pair(
    base: Facts,
    head: Facts,
    quality: Sequence[Change],
    labels: Labels,
    races: Mapping[str, Raced],
) -> list[Compared]:
    name = name_of(base, head)
    found = [
        Compared(
            case=name,
            change=change,
            images=same_images(base, head, labels) if change.metric == "test_accuracy" else None,
        )
        for change in quality
    ]
    found += [Compared(case=name, change=change) for change in _counts(base, head)]
    race = races.get(head.case)
    if race or base.pace or head.pace:
        found.append(Compared(case=name, change=judge_seconds(base.pace, head.pace, race)))
    return found


def _counts(base: Facts, head: Facts) -> list[Change]:
    """Steps are counted on the data, so other data has others; the rest is the model's own."""
    reason = _differing(base.conditions, head.conditions)
    return [
        not_comparable(name, reason)
        if reason and name == "steps_per_epoch"
        else judge_count(name, base.counts.get(name, ()), head.counts.get(name, ()))
        for name in COUNTS
        if base.counts.get(name) or head.counts.get(name)
    ]
