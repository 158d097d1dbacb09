"""What records say of their cases, as one side of a comparison."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from statistics import median_low

import msgspec

from fitting_room.analysis.trials import (
    by_case,
    gathered,
    latest,
    of_one_machine,
    publishable,
)
from fitting_room.judge.change import Arrivals, Sample
from fitting_room.judge.timing import Pace
from fitting_room.metrics import METRICS, own, seconds_to_target
from fitting_room.project import Project
from fitting_room.record import Machine, Record
from fitting_room.spec import TASKS
from fitting_room.store.key import training_key, why_stale

QUALITY = (
    "test_accuracy",
    "test_loss",
    "training_accuracy",
    "training_loss",
    "drop_in_training_loss",
)
"""Judged by test, before a project's own: what a model is worth, and three that scatter little."""


def tested() -> tuple[str, ...]:
    """Return every metric that is judged by test, the project's own last."""
    return (*QUALITY, *(metric.name for metric in own()))


COUNTS = ("parameters", "trainable_parameters", "flops_per_image", "steps_per_epoch")
"""Judged by equality."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a side knows of one case."""

    case: str
    samples: Mapping[str, Sample] = field(default_factory=dict)
    """The samples, by metric."""
    arrivals: Arrivals | None = None
    """None where the task has no target."""
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Metric → what each record counted."""
    pace: Pace | None = None
    to_target: Pace | None = None
    """Seconds to the target; None where the middle seed never reached it, or none was timed."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What must agree for quality to be compared: data and epochs."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What is stated where it differs: machine, versions, recipe, code."""
    identity: str | None = None
    """Digest of task, builder and arguments: a case renamed keeps it."""
    records: tuple[Record, ...] = ()
    """One per seed, in seed order."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Base or head."""

    told: str
    """What it is, in words: ``commit 0123456789ab``."""
    facts: Mapping[str, Facts]
    """The facts, by case."""
    known: frozenset[str] | None = None
    """Cases that its code has, measured or not; None where there is no code to ask."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Case → why what there is of it does not count."""


RESULTS = ("completed", "diverged", "given up")
"""Outcomes that say something of the code; others are accidents."""


def facts_of(records: Iterable[Record]) -> dict[str, Facts]:
    """Return what the records say, case by case, in the order of their names."""
    # What has an order of its own tells one scatter from another: no sample of the case.
    of = by_case(record for record in records if record.spec.order_seed is None)
    found = {case: _facts(case, of[case]) for case in sorted(of)}
    return {case: facts for case, facts in found.items() if facts.records}


def repeated(records: Iterable[Record], project: Project) -> list[Record]:
    """Keep whole trials of the project's cases that the code of this checkout would repeat."""
    alike: dict[str, list[Record]] = {}
    for record in records:
        if record.spec.case.name in project.cases and publishable(record):
            # One digest serves them all.
            alike.setdefault(training_key(record), []).append(record)
    cases, root = project.cases, project.root
    found = [group for group in alike.values() if not why_stale(group[:1], cases, root=root)]
    return [record for group in found for record in group]


SEEN_EARLY = ("training_accuracy", "training_loss", "drop_in_training_loss")
"""What is known of a trial before its end."""


def beginnings(records: Iterable[Record], *, epochs: int) -> dict[str, Facts]:
    """Return what the first epochs of trials say, of whole ones as of those that ended there."""
    cut = [_beginning(record, epochs) for record in records if record.epochs]
    return {
        case: replace(
            facts,
            samples={name: each for name, each in facts.samples.items() if name in SEEN_EARLY},
            arrivals=None,
            pace=None,
        )
        for case, facts in facts_of(cut).items()
    }


def _beginning(record: Record, epochs: int) -> Record:
    first = record.epochs[:epochs]
    fine = len(first) == epochs and first[-1].training_loss is not None
    return replace(
        record,
        spec=record.spec.whole,
        epochs=first,
        outcome="completed" if fine else record.outcome,
        predictions=None,
    )


def _identity(record: Record) -> str:
    """Return the digest of what a case is apart from its name: task, architecture, arguments."""
    case = record.spec.case
    content = [case.task, record.provenance.architecture_digest, dict(case.arguments)]
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:12]


def _facts(case: str, records: Sequence[Record]) -> Facts:
    whole = [record for record in records if not record.spec.stop_after]
    results = [record for record in whole if record.outcome in RESULTS]
    # Samples of two codes do not mix: what counts was made as the last started one was.
    code = training_key(max(results, key=lambda record: record.started)) if results else ""
    alike = [record for record in results if training_key(record) == code]
    kept = latest(alike)
    left_out = Counter(r.outcome for r in whole if r.outcome not in RESULTS)
    notes = [f"{count} {outcome}" for outcome, count in sorted(left_out.items())]
    if quick := len(records) - len(whole):
        notes.append(f"{quick} stopped early, as in the quick tier")
    if others := len(results) - len(alike):
        notes.append(f"{others} of other code, data or versions than the last one's")
    trained = [record for record in kept if record.epochs]
    told = (setting for record in kept for setting in _settings(record).items())
    return Facts(
        case=case,
        samples={metric: _sample(metric, trained) for metric in _known(trained)},
        arrivals=_arrivals(trained),
        counts=_counts(kept),
        # By the quickest epoch: neighbours only ever slow one down.
        pace=_pace(trained, lambda record: min(epoch.seconds for epoch in record.epochs[1:])),
        to_target=_pace(trained, lambda record: seconds_to_target(record) or math.inf),
        conditions=_conditions(kept[-1]) if kept else {},
        settings={name: " / ".join(of) for name, of in gathered(told).items()},
        identity=_identity(kept[-1]) if kept else None,
        records=tuple(kept),
        notes=tuple(f"{case}: left out: {note}" for note in notes),
    )


def _sample(metric: str, records: Sequence[Record]) -> Sample:
    completed = [record for record in records if record.completed]
    values = [value for record in completed if (value := METRICS[metric](record)) is not None]
    return Sample(values=tuple(values), diverged=len(records) - len(completed))


def _known(records: Sequence[Record]) -> list[str]:
    """Return the metrics that one of the records at least has, or lost, as only some own do."""
    lost = QUALITY if any(not record.completed for record in records) else ()
    return [m for m in tested() if m in lost or any(METRICS[m](r) is not None for r in records)]


def _arrivals(records: Sequence[Record]) -> Arrivals | None:
    if not records or not TASKS[records[0].spec.case.task].targets:
        return None
    epochs = [METRICS["epochs_to_target"](record) for record in records]
    return Arrivals(
        epochs=tuple(None if epoch is None else int(epoch) for epoch in epochs),
        watched=tuple(len(record.epochs) for record in records),
    )


def _counts(records: Sequence[Record]) -> dict[str, tuple[int, ...]]:
    sizes = [record.size for record in records if record.size]
    steps = [record.resolved.steps_per_epoch for record in records if record.resolved]
    return {
        "parameters": tuple(size.parameters for size in sizes),
        "trainable_parameters": tuple(size.trainable_parameters for size in sizes),
        # Own trainers do not count them.
        "flops_per_image": tuple(filter(None, (size.flops_per_image for size in sizes))),
        "steps_per_epoch": tuple(steps),
    }


def _pace(records: Sequence[Record], seconds: Callable[[Record], float]) -> Pace | None:
    """Return the pace of the middle one of the records, by calibration steps where they have it."""
    timed = [r for r in of_one_machine(records) if r.completed and len(r.epochs) > 1]
    timed = [record for record in timed if record.calibration_seconds] or timed
    if not timed:
        return None
    paces = [seconds(record) / (record.calibration_seconds or 1.0) for record in timed]
    middle = timed[paces.index(median_low(paces))]
    if math.isinf(seconds(middle)):
        return None
    return Pace(
        seconds=seconds(middle),
        calibration=middle.calibration_seconds,
        conditions=_time_conditions(middle),
    )


def _time_conditions(record: Record) -> dict[str, str]:
    """Return what must agree for seconds to be compared: machine, and versions but Python's."""
    machine, versions = record.machine, record.provenance.versions
    told = {f.name.replace("_", " "): getattr(machine, f.name, None) for f in fields(Machine)}
    return {
        **{name: str(value) for name, value in told.items() if value is not None},
        **{name: version for name, version in versions.items() if name != "python"},
        "runs on": f"{record.spec.backend}, {record.spec.device}",
    }


def _conditions(record: Record) -> dict[str, str]:
    """Return what must agree for quality to be compared: data and epochs."""
    spec = record.spec
    epochs = f"{spec.epochs} instead of the recipe's" if spec.overridden else "the recipe's"
    data = "the sample" if spec.dataset.sample else "the whole set"
    return {"data": data, "checksum of the data": spec.dataset.checksum[:12], "epochs": epochs}


def _settings(record: Record) -> dict[str, str]:
    recipe = record.spec.case.recipe
    told = {f"recipe's {f.name}": getattr(recipe, f.name) for f in fields(recipe)}
    return {
        **_time_conditions(record),
        "python": record.provenance.versions.get("python", "unknown"),
        **{name: str(value) for name, value in told.items()},
        "code of the architecture": record.provenance.architecture_digest[:12],
        "code of the training path": record.provenance.training_digest[:12],
    }


APPEARED, VANISHED = "appeared", "vanished"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The cases of two sides, matched."""

    pairs: tuple[tuple[Facts, Facts], ...]
    """Base and head of each case that both measured; those with two names among them."""
    appeared: tuple[str, ...] = ()
    """The cases of head alone, for base's code did not have them."""
    vanished: tuple[str, ...] = ()
    """The cases of base alone, for head's code does not have them."""
    missing: tuple[tuple[str, str], ...] = ()
    """Case and why it cannot be compared although it should; each fails the comparison. One that
    is among ``pairs`` has nothing comparable."""

    @property
    def two_names(self) -> tuple[tuple[Facts, Facts], ...]:
        """Pairs whose names differ: renamed cases, and variants of a case of base."""
        return tuple(pair for pair in self.pairs if pair[0].case != pair[1].case)


def match(base: Side, head: Side) -> Pairs:
    """Match by name, variants with their original, and what is left by builder and arguments.

    Two records' folders of one case each, or two cases, are a pair whatever they are called.
    A case of base that head has not measured is missing, unless head's code has it no more. One
    of head that base has not measured is missing if base's code has it, and else it appeared.
    """
    if base.known is head.known is None and len(base.facts) == len(head.facts) == 1:
        (before,), (after,) = base.facts.values(), head.facts.values()
        return Pairs(pairs=((before, after),))
    names = {name: _original(name) for name in head.facts if _original(name) in base.facts}
    names |= {name: name for name in head.facts if name in base.facts}
    names = _renamed(base, head) | names
    order = [*base.facts]
    found = sorted(names.items(), key=lambda pair: order.index(pair[1]))
    known = sorted((base.known or frozenset()) | (head.known or frozenset()))
    rest = dict.fromkeys([*base.facts, *head.facts, *known])
    fate = {n: _fate(n, base, head) for n in rest if n not in {*names, *names.values()}}
    return Pairs(
        pairs=tuple((base.facts[old], head.facts[new]) for new, old in found),
        appeared=tuple(name for name, what in fate.items() if what == APPEARED),
        vanished=tuple(name for name, what in fate.items() if what == VANISHED),
        missing=tuple(each for each in fate.items() if each[1] not in (APPEARED, VANISHED)),
    )


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
    gone = {
        facts.identity: name
        for name, facts in reversed([*base.facts.items()])
        if facts.identity and name not in head.facts and name not in (head.known or ())
    }
    return {
        name: gone.pop(facts.identity)
        for name, facts in head.facts.items()
        if name not in base.facts and name not in (base.known or ()) and facts.identity in gone
    }


def two_cases(base: Facts, head: Facts) -> bool:
    """Whether a pair is of two cases: neither one by another name, nor a variant of it."""
    return base.case not in (head.case, _original(head.case)) and base.identity != head.identity


def _original(name: str) -> str:
    """Return the name of the case that a variant is made from, which it begins with."""
    return name.partition("~")[0]
