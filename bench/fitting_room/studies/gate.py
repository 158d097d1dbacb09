"""The gate put to the test on real data, by changed variants of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from fitting_room.analysis.comparison import compare
from fitting_room.analysis.sides import Side, facts_of
from fitting_room.format import MISSING, counted, listed, name, plus
from fitting_room.judge.sequential import planning_sd
from fitting_room.judge.verdict import EPOCHS, Bound, Outcome, Verdict
from fitting_room.lab.evaluator import Evaluator, judged
from fitting_room.lab.plan import Options
from fitting_room.metrics import CURVES, METRICS, UNTRAINED, curve, known
from fitting_room.project import Variant
from fitting_room.record import Record
from fitting_room.report.table import Table, bullets
from fitting_room.spec import Case
from fitting_room.store.bounds import Bounds
from fitting_room.studies import ABSENT, SCHEMA, Origin
from fitting_room.studies.gate_simulation import QUICK


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The state of one metric of the variant when the gate had decided."""

    metric: str
    outcome: Outcome
    n: int
    """Number of seeds that it rests on."""
    epoch: int
    """Epoch after which those seeds show it, from 1; 0 before any training."""
    shift: float | None
    """Distance from the mean of the reference, in planned standard deviations; None for a count."""
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The gate's answer to one variant."""

    case: str
    variant: str
    """Empty for the case as it is."""
    change: str
    """Description of the change."""
    seeds: int
    """Seeds trained until the first metric failed or the last one passed."""
    seconds: float
    """Wall time of those trials, from the start of their processes to their end."""
    sights: tuple[Sight, ...]
    """One for every metric that gates the case."""
    keys: tuple[str, ...]
    """Keys of the records that it rests on."""
    compared: str = ""
    """Result of a comparison of the same trials with the reference; empty where none was made."""
    quick: tuple[Sight, ...] = ()
    """What the quick tier makes of the beginning of the same trials; () where it was not asked."""

    @property
    def outcome(self) -> Outcome:
        """Fail where one metric fails, pass where all pass."""
        return outcome_of(self.sights)

    @property
    def noticed_by(self) -> tuple[Sight, ...]:
        """The metrics that failed: the earliest first, and of those the one furthest off."""
        return failed(self.sights)

    @property
    def missed(self) -> bool:
        """Whether the quick tier let pass, or left open, what fails in the accept tier."""
        return bool(self.quick) and self.outcome == "fail" != outcome_of(self.quick)

    @property
    def words(self) -> str:
        """One line: the verdict, its price, and what noticed first."""
        took = f"{self.outcome} after {counted(self.seeds, 'seed')}, {self.seconds:.0f} s"
        first = "".join(f", first by {s.metric}: {s.evidence}" for s in self.noticed_by[:1])
        return took + first


def outcome_of(sights: Sequence[Sight]) -> Outcome:
    """Return fail where one metric fails, pass where all pass."""
    outcomes = {sight.outcome for sight in sights}
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes == {"pass"} else "undecided"


def failed(sights: Sequence[Sight]) -> tuple[Sight, ...]:
    """Return the metrics that failed: the earliest first, and of those the one furthest off."""

    def when(sight: Sight) -> tuple[int, int, float]:
        return (sight.n if sight.epoch else 0, sight.epoch, -abs(sight.shift or 0.0))

    return tuple(sorted((s for s in sights if s.outcome == "fail"), key=when))


@dataclass(frozen=True, kw_only=True)
class Variants:
    """The gate's answers to every variant."""

    schema: int = SCHEMA
    origin: Origin
    bounds: str
    findings: tuple[Finding, ...]
    """Case by case, of the case as it is and then of its variants."""
    anew: tuple[Finding, ...]
    """Of the first case as it is, each with seeds that no reference holds."""


def examine(evaluator: Evaluator, variant: Case, change: str) -> Finding:
    """Judge a variant by every bound of its original, adding seeds until one fails or all pass.

    An exact count that is off needs no training; the other metrics are judged all the same, to
    show which of them notice too. The quick tier judges the first epochs of the same trials, which
    are those of a quick trial to the last bit, and asks for no other.

    Raises:
        TrialFailedError: A trial crashed, or was ended.
        UserError: The original has no bounds.
    """
    bounds = _lent(evaluator.bounds, variant)
    trials = partial(evaluator.records, variant)
    records, sights = _seen(variant, trials, bounds, evaluator.options)
    _, quick = _seen(variant, lambda n: records[:n], bounds, QUICK, most=len(records))
    return Finding(
        case=variant.original,
        variant=variant.variant,
        change=change,
        seeds=len(records),
        seconds=sum(record.seconds["total"] for record in records),
        sights=sights,
        keys=tuple(record.key for record in records),
        quick=quick,
    )


def compared(evaluator: Evaluator, variant: Variant, reference: Sequence[Record]) -> Finding:
    """Hold a variant to the bounds of its original, and compare its trials with the reference."""
    found = examine(evaluator, variant.case, variant.words)
    records = evaluator.records(variant.case, found.seeds)
    of = [r for r in reference if r.spec.case.name == variant.case.original and r.completed]
    seen = compare(_side("the reference", of), _side("the variant", records))
    changes = len(seen.changes) - len(seen.of("not comparable"))
    undecided = len(seen.of("undecided"))
    told = f"open by {undecided} of {changes}" if undecided else "green"
    if seen.red(undecided=False):
        told = f"red by {len(seen.failed)} of {changes}"
    return replace(found, compared=told)


def _side(told: str, records: Sequence[Record]) -> Side:
    """Return records as a side that tells no seconds: this is about what is learned."""
    facts = {name: replace(each, pace=None) for name, each in facts_of(records).items()}
    return Side(told=told, facts=facts)


def _seen(
    variant: Case,
    trials: Callable[[int], list[Record]],
    bounds: Bounds,
    options: Options,
    *,
    most: int | None = None,
) -> tuple[list[Record], tuple[Sight, ...]]:
    """Judge by a tier, with ``most`` trials at most, and return those that it took."""
    metrics = [each for each in bounds.metrics(variant.name) if options.judges(each)]
    limits = {"least": options.least_seeds, "most": options.most_seeds}
    for n in range(options.least_seeds, (most or options.most_seeds) + 1):
        records = trials(n)
        verdicts = [judged(variant, each, records, bounds, options, **limits) for each in metrics]
        outcomes = {each.outcome for each in verdicts if each.metric not in UNTRAINED}
        if "fail" in outcomes or "undecided" not in outcomes:
            break
    return records, tuple(_sight(bounds, variant, each, records) for each in verdicts)


def anew(evaluator: Evaluator, case: Case, *, first: int) -> Evaluator:
    """Return an evaluator that trains a case with the seeds from ``first`` on, instead of from 0.

    The seeds that everybody trains first are those that the reference was made of: on the machine
    that it was made on they give the very same figures, and say nothing about luck.
    """
    model = evaluator.planned[case.name][0]
    seeds = range(first, first + evaluator.options.most_seeds)
    wanted = [replace(model, spec=replace(model.spec, seed=seed)) for seed in seeds]
    return replace(evaluator, planned={**evaluator.planned, case.name: wanted})


def _lent(bounds: Bounds, variant: Case) -> Bounds:
    """Return the bounds with those of the original under the variant's name."""
    names = {variant.original: variant.name}
    tables = {names.get(name, name): of for name, of in bounds.tables.items()}
    curves = {names.get(name, name): of for name, of in bounds.curves.items()}
    return replace(bounds, tables=tables, curves=curves)


def _sight(bounds: Bounds, case: Case, verdict: Verdict, records: Sequence[Record]) -> Sight:
    metric, records = verdict.metric, records[: verdict.n]
    ran = max(len(record.epochs) for record in records)
    epoch = 0 if metric in UNTRAINED else min(ran, known(metric).known_after or ran)
    shift = None
    if metric in CURVES:
        epoch = verdict.epoch or ran
        curves = [curve(record, metric) for record in records]
        band = bounds.curve(case.name, metric).epochs[epoch - 1]
        shift = _shift(band, [each[epoch - 1] for each in curves if len(each) >= epoch])
    elif metric != EPOCHS:  # whose reference is of another metric, the one that has the target
        bound = bounds.for_case(case.name, metric)
        shift = _shift(bound, [METRICS[metric](record) for record in records])
    return Sight(
        metric=metric,
        outcome=verdict.outcome,
        n=verdict.n,
        epoch=epoch,
        shift=shift,
        evidence=verdict.reason,
    )


def _shift(bound: Bound, values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    if not numbers or bound.mean is None or not (bound.sd and bound.reference_seeds):
        return None
    return (fmean(numbers) - bound.mean) / planning_sd(bound.sd, bound.reference_seeds)


NOTICED = ("noticed first by", "known after", "shift", "too")
HEAD = ("changed", "verdict", "seeds", "seconds", *NOTICED, "quick", "compare")


def variants(found: Variants) -> str:
    """Return a table for each case, and where their figures come from."""
    rows: dict[str, list[Sequence[str]]] = {}
    for each in found.findings:
        before = [_anew(found.anew)] if found.anew and not rows else []
        rows.setdefault(each.case, before).append(_variant_row(each))
    tables = [f"{case}:\n\n{Table(HEAD, of).markdown()}" for case, of in rows.items()]
    return "\n\n".join([*tables, bullets(_notes(found))])


def _notes(found: Variants) -> list[str]:
    named = {f"{each.change} ({each.case})": each for each in found.findings}
    missed = listed([words for words, each in named.items() if each.missed])
    told = f"Only accept sees: {missed}." if missed else "It sees all that accept sees."
    if not found.findings[0].quick:
        told = ABSENT.format("gate")
    passed = listed([w for w, each in named.items() if each.variant and each.outcome == "pass"])
    told += f" Neither sees: {passed}." if passed else ""
    return [
        "Each variant is held to the committed bounds of its case. Seconds: wall time of the "
        "trials until the verdict, from the start of their processes.",
        "The case as it is trains the seeds that its reference was made of, which may give the "
        "same figures to the last bit; the runs of other seeds, each judged for itself, show luck.",
        "Shift: from the reference's mean, in planned scatters; of the untouched case, the "
        "furthest of all its metrics. Too: the other metrics that failed on the same seeds.",
        f"Quick: what `--tier quick` makes of the same trials by their first {QUICK.stop_after} "
        "epochs, which are those of a quick trial to the last bit; open: it wants more seeds. "
        f"{told}",
        "Compare: what `fitting-room compare` says of the same trials beside the reference, and "
        "by how many of its figures; seconds are none of them.",
        f"Measured: {found.origin.words}.",
    ]


def _anew(found: Sequence[Finding]) -> Sequence[str]:
    """Return the row of the runs with seeds of their own."""
    return (
        f"nothing, {len(found)} runs of other seeds",
        f"{sum(each.outcome == 'pass' for each in found)} pass",
        f"{fmean(each.seeds for each in found):.1f}",
        f"{fmean(each.seconds for each in found):.0f}",
        ", ".join(name(each.noticed_by[0].metric) for each in found if each.noticed_by) or MISSING,
        MISSING,
        _furthest([sight for each in found for sight in each.sights]),
        MISSING,
        _tally(_quick(each).partition(",")[0] for each in found if each.quick),
        _tally(each.compared.partition(" ")[0] for each in found if each.compared),
    )


def _tally(answers: Iterable[str]) -> str:
    return ", ".join(f"{n} {told}" for told, n in Counter(answers).items()) or MISSING


def _variant_row(found: Finding) -> Sequence[str]:
    noticed: Sequence[str] = (MISSING, MISSING, _furthest(found.sights), MISSING)
    if found.noticed_by:
        first, *others = found.noticed_by
        too = ", ".join(name(sight.metric) for sight in others)
        noticed = (name(first.metric), _when(first), _furthest([first]), too or MISSING)
    took = (str(found.seeds), f"{found.seconds:.0f}")
    compared = found.compared or MISSING
    return (found.change, found.outcome, *took, *noticed, _quick(found), compared)


def _when(sight: Sight) -> str:
    return f"seed {sight.n}, epoch {sight.epoch}" if sight.epoch else "no training"


def _quick(found: Finding) -> str:
    """Return what the quick tier says, and of a failure after which seed and epoch."""
    if not found.quick:
        return MISSING
    noticed = "".join(f", {_when(sight)}" for sight in failed(found.quick)[:1])
    return f"{outcome_of(found.quick).replace('undecided', 'open')}{noticed}"


def _furthest(sights: Sequence[Sight]) -> str:
    shift = max((sight.shift for sight in sights), key=lambda shift: abs(shift or 0.0))
    return MISSING if shift is None else plus(shift, 1)
