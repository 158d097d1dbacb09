"""Every pair of cases judged: quality as one family, counts exactly, seconds where it is fair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fitting_room.analysis.sides import (
    COUNTS,
    Facts,
    Pairs,
    Side,
    beginnings,
    match,
    tested,
    two_cases,
)
from fitting_room.format import Interval
from fitting_room.judge.change import (
    Change,
    Question,
    judge_changes,
    judge_count,
    not_comparable,
    timed,
)
from fitting_room.judge.interval import accuracy_difference
from fitting_room.judge.timing import SECONDS, SLOWER, WARN, Pace, judge_stored
from fitting_room.judge.verdict import EPOCHS, TO_TARGET, Verdict
from fitting_room.metrics import SHOWN
from fitting_room.record import Record, unpack_classes

IN_TURN = "seconds_per_chunk"
"""What is timed in turn: chunks of an epoch, of the same images on both sides."""


def in_turn(verdict: Verdict, *, base: float, head: float) -> Change:
    """Return the verdict on pairs of chunks, interleaved in one session, as a change.

    ``base`` and ``head`` are the median seconds of their chunks.
    """
    return timed(replace(verdict, metric=IN_TURN), base=base, head=head, faster=1 / SLOWER)


def _judge_seconds(metric: str, base: Pace | None, head: Pace | None) -> Change:
    """Judge stored times, in calibration steps."""
    if base is None or head is None:
        side = "base" if base is None else "head"
        what = "epoch" if metric == SECONDS else "target reached by half the seeds"
        return not_comparable(metric, f"{side} has no {what} that was timed alone")
    without = [side for side, pace in (("base", base), ("head", head)) if not pace.calibration]
    if without and base.conditions == head.conditions:
        beside = f"beside the epochs of {' and '.join(without)}"
        return not_comparable(metric, f"no calibration step was timed {beside}")
    verdict = replace(judge_stored(base, head), metric=metric)
    return timed(verdict, base=base.seconds, head=head.seconds, warn=WARN)


Labels = Callable[[str], np.ndarray | None]
"""Task → labels of its test images, shape (images,); None where the data is not at hand."""

RESAMPLES = 1000
"""Enough for an interval that is shown as evidence and decides nothing."""


def same_images(base: Facts, head: Facts, labels: Labels) -> Interval | None:
    """Return head's test accuracy less base's with its paired bootstrap interval, or None.

    None where one side has no predictions, they are of other images, or all are the same.
    """
    packed = [[r.predictions for r in f.records if r.predictions] for f in (base, head)]
    if not all(packed) or packed[0] == packed[1]:
        return None
    truth = labels(head.records[0].spec.case.task)
    if truth is None:
        return None
    before, after = ([unpack_classes(each) for each in side] for side in packed)
    if any(len(classes) != len(truth) for classes in (*before, *after)):
        return None
    right_before, right_after = (np.stack(side) == truth for side in (before, after))
    return accuracy_difference(right_after, right_before, resamples=RESAMPLES)


def differences(pairs: Sequence[tuple[Facts, Facts]]) -> list[str]:
    """Return one line per setting that differs, with the cases that it concerns unless all do."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for base, head in pairs:
        names = dict.fromkeys([*base.settings, *head.settings])
        for name in names:
            before, after = (side.settings.get(name, "not told") for side in (base, head))
            if before != after:
                found.setdefault((name, before, after), []).append(head.case)
    return [
        f"{name}: {before} in base, {after} in head"
        + ("" if len(cases) == len(pairs) else f" ({', '.join(cases)})")
        for (name, before, after), cases in found.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Base and head, and all that was found."""

    base: Side
    head: Side
    pairs: Pairs
    changes: tuple[Change, ...]

    def of(self, *labels: str) -> list[Change]:
        """Return the changes whose verdicts have one of these labels."""
        return [change for change in self.changes if change.verdict.label in labels]

    @property
    def failed(self) -> list[Change]:
        """The changes that fail a gate."""
        return [change for change in self.changes if change.verdict.outcome == "fail"]

    def red(self, *, undecided: bool) -> bool:
        """Whether a gate fails; ``undecided`` says whether an open verdict is enough for that."""
        outcomes = ("fail", "undecided") if undecided else ("fail",)
        return bool(self.pairs.missing) or any(c.verdict.outcome in outcomes for c in self.changes)


def compare(
    base: Side,
    head: Side,
    *,
    labels: Labels = lambda _: None,
    in_turn: Mapping[str, Change] | None = None,
    only: Sequence[str] = (),
) -> Comparison:
    """Compare two sides: all cases, or ``only`` some, by either side's name.

    Predictions are compared image by image where there are ``labels``; ``in_turn`` has the
    interleaved seconds of head's cases, which stand for those of the records.
    """
    pairs = _chosen(match(base, head), only)
    interleaved = dict(in_turn or {})
    changes: list[Change] = []
    missing = [*pairs.missing]
    for pair, quality in zip(pairs.pairs, _quality(pairs.pairs), strict=True):
        found = _of_pair(*pair, quality, labels, interleaved.pop(pair[1].case, None))
        changes += found
        if reason := _nothing_compared([change.verdict for change in found]):
            missing.append((name_of(*pair), reason))
    changes += [_of_case(change, case) for case, change in interleaved.items()]
    pairs = replace(pairs, missing=tuple(missing))
    return Comparison(base=base, head=head, pairs=pairs, changes=tuple(changes))


def _of_case(change: Change, case: str, *records: str) -> Change:
    return replace(change, verdict=replace(change.verdict, subject=case, records=records))


def _nothing_compared(verdicts: Sequence[Verdict]) -> str:
    """Say why no quality of a pair, or nothing at all, was compared: that must not be green."""
    told = [each for each in verdicts if each.metric in (*tested(), EPOCHS)] or verdicts
    if any(verdict.outcome != "not comparable" for verdict in told):
        return ""
    reasons = dict.fromkeys(verdict.reason for verdict in told)
    return f"nothing to compare it by: {'; '.join(reasons) or 'no figures'}"


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
    asked: list[Question | Change] = []
    reason = _differing(base.conditions, head.conditions)
    for metric in (*tested(), EPOCHS):
        before, after = (
            side.arrivals if metric == EPOCHS else side.samples.get(metric) for side in (base, head)
        )
        if before and after and not reason:
            asked.append(Question(metric=metric, base=before, head=after))
        elif before or after:
            side = "head" if before else "base"
            asked.append(not_comparable(metric, reason or f"{side} does not tell it"))
    return asked


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
    in_turn: Change | None,
) -> list[Change]:
    found = [
        replace(change, images=same_images(base, head, labels))
        if change.verdict.metric == "test_accuracy"
        else change
        for change in quality
    ]
    found += _counts(base, head)
    if in_turn:
        found.append(in_turn)
    elif base.pace or head.pace:
        found.append(_judge_seconds(SECONDS, base.pace, head.pace))
    if TO_TARGET in SHOWN and (base.to_target or head.to_target):
        found.append(_judge_seconds(TO_TARGET, base.to_target, head.to_target))
    keys = [record.key for record in (*base.records, *head.records)]
    return [_of_case(change, name_of(base, head), *keys) for change in found]


def _counts(base: Facts, head: Facts) -> list[Change]:
    """Steps are counted on the data, so other data has others; the rest is the model's own.

    Two cases may have counts of their own, which is no fault of either.
    """
    reason = _differing(base.conditions, head.conditions)
    found = []
    for name in COUNTS:
        before, after = (side.counts.get(name, ()) for side in (base, head))
        change = judge_count(name, before, after)
        if reason and name == "steps_per_epoch":
            change = not_comparable(name, reason)
        elif change.verdict.label == "changed" and two_cases(base, head):
            change = not_comparable(name, f"{change.verdict.reason}, of two cases")
        found += [change] if before or after else []
    return found


NOT_TRAINED = "not trained, as a regression was found before"


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Compares the first epochs of what is there by now, while head still trains."""

    base: Side
    head: Side
    """With the cases that are unchanged."""
    changed: Sequence[str]
    """Cases that are to be trained."""
    only: Sequence[str]
    epochs: int

    def at(
        self, trained: Mapping[str, Sequence[Record]], *, as_if_unchanged: bool = False
    ) -> Comparison:
        """Compare, with changed cases that are not trained yet missing, or as if unchanged.

        The latter keeps the family as large as it will be, so that many looks err no more often.
        """
        found = [record for of_case in trained.values() for record in of_case]
        facts = {**self.head.facts, **beginnings(found, epochs=self.epochs)}
        rest = [name for name in self.changed if name not in trained]
        if as_if_unchanged:
            facts |= {name: self.base.facts[name] for name in rest}
        head = replace(self.head, facts=facts, unfit=dict.fromkeys(rest, NOT_TRAINED))
        return compare(self.base, head, only=self.only)
