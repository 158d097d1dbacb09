"""The evaluator: requests seeds of a case until its verdict is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from statistics import fmean
from typing import Any

from fitting_room.errors import UserError
from fitting_room.format import MISSING, counted, in_words
from fitting_room.judge.quality import Curve, judge, judge_best, judge_curve
from fitting_room.judge.sequential import share
from fitting_room.judge.verdict import EPOCHS, Bound, Outcome, Verdict
from fitting_room.lab.estimate import forecast
from fitting_room.lab.plan import MOST_SEEDS, Limits, Options, Planned, specify
from fitting_room.lab.scheduler import Scheduler
from fitting_room.machine import of_one_machine, this_machine, versions
from fitting_room.metrics import CURVES, METRICS, TIMED, UNTIMED, UNTRAINED, curve, is_timed
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case, folder_of
from fitting_room.store.bounds import Bounds

GIVEN_UP = "given up"
UNBOUND = partial(Verdict, against=MISSING, estimate=None)  # a verdict that rests on no bound


class TrialFailedError(UserError):
    """A trial ended without a result, so there is nothing to judge."""


@dataclass
class Evaluator:
    """Holds cases to their bounds with as few trials as that takes."""

    scheduler: Scheduler
    bounds: Bounds
    options: Options
    planned: Mapping[str, list[Planned]]
    wait: Callable[[Future[Record]], Record] = Future.result
    """How to wait for a trial; the terminal shows its progress meanwhile."""
    known: list[Record] = field(default_factory=list)
    """Earlier records, from which the time is estimated."""
    _ahead: dict[tuple[str, int], Future[Record]] = field(default_factory=dict)
    """Case and seed → the record that was requested before a verdict needed it."""
    _judged: set[tuple[str, int]] = field(default_factory=set)

    @cached_property
    def missing(self) -> list[Planned]:
        """The planned trials that no stored record answered when this was first asked."""
        trials = [trial for each in self.planned.values() for trial in each]
        return [t for t in trials if not self.scheduler.stored(t.spec, timed=t.timed)]

    def verdict(self, case: Case, metric: str) -> Verdict:
        """Judge ``metric`` of ``case``, adding seeds while the verdict is undecided.

        Raises:
            TrialFailedError: A trial crashed, or was ended.
            UserError: The case has no such bound; the message says which lines to add.
        """
        if not self.options.judges(metric):
            return replace(_not_comparable(metric, (), self.options), subject=case.name)
        least, most, missing = self.options.least_seeds, self.options.most_seeds, ""
        if metric in UNTRAINED:
            least = most = 1  # every seed would count the same
        elif self.options.comparable and (missing := self.bounds.no_reference(case.name)):
            most = least  # more of them would not be judged either
        else:  # what could not be judged after training is refused before it
            _bound(case, metric, self.bounds, self.options)
        limits = {"least": least, "most": most}
        for n in range(least, most + 1):
            self._ask_ahead(case, n, most)
            records = self.records(case, n, timed=metric in TIMED)
            if missing:
                verdict = _not_comparable(metric, records, self.options, missing)
                break
            verdict = judged(case, metric, records, self.bounds, self.options, **limits)
            if verdict.outcome != "undecided":
                break
        kept, _ = _counting(metric, records)
        keys = tuple(record.key for record in kept[: verdict.n])
        return replace(verdict, subject=case.name, records=keys)

    def _ask_ahead(self, case: Case, n: int, most: int) -> None:
        """Request seeds beyond the first ``n`` while slots are idle.

        Seeds are judged strictly in order: a verdict does not depend on which finishes first.
        """
        trials = self._trials(case, most)
        needed = [self.scheduler.request(t.spec, timed=t.timed) for t in trials[:n]]
        self._judged.update((case.name, trial.spec.seed) for trial in trials[:n])
        for trial in trials[n:]:
            if self.scheduler.idle == 0 or all(future.done() for future in needed):
                return
            future = self.scheduler.request(trial.spec, timed=trial.timed)
            self._ahead.setdefault((case.name, trial.spec.seed), future)

    @property
    def speculation(self) -> str:
        """A line on the cost of seeds that were requested ahead; empty if there were none."""
        needless = [future for key, future in self._ahead.items() if key not in self._judged]
        ended = [future for future in needless if future.done() and not future.cancelled()]
        records = (future.result() for future in ended if not future.exception())
        seconds = sum(record.seconds.get("total", 0.0) for record in records)
        took = f", {in_words(seconds)} of a worker and {len(needless) - len(ended)} still running"
        told = f"seeds asked for ahead: {len(self._ahead)}, {len(needless)} of them not needed"
        return f"{told}{took if needless else ''}" if self._ahead else ""

    def records(self, case: Case, n: int | None = None, *, timed: bool = False) -> list[Record]:
        """Return the records of the first ``n`` seeds, by default of those planned.

        With ``timed`` and an engine, only those of the kind of machine that ran most of them.
        """
        trials = self._trials(case, n)
        found = [self._record(trial, timed=timed or trial.timed) for trial in trials[:n]]
        return of_one_machine(found) if timed and self.scheduler.engine else found

    def _trials(self, case: Case, n: int | None) -> list[Planned]:
        trials = list(self.planned[case.name])
        for seed in range(len(trials), n or 0):
            if trials[0].spec.epochs:
                spec = specify(case, seed, self.options, trials[0].spec.dataset)
                trials.append(Planned(spec=spec, timed=trials[0].timed))
        return trials

    def _record(self, trial: Planned, *, timed: bool) -> Record:
        spec, scheduler = trial.spec, self.scheduler
        named = f"{spec.case.name}, seed {spec.seed}"
        try:
            record = self.wait(scheduler.request(spec, timed=timed))
        except CancelledError as error:
            if scheduler.unwritable is None:
                raise
            raise TrialFailedError(f"{named}: not begun. {scheduler.unwritable}") from error
        if record.outcome not in ("completed", "diverged", GIVEN_UP):
            raise TrialFailedError(
                f"{named}: {record.outcome}, {record.reason}. "
                f"Its record is in {scheduler.store.root / folder_of(spec.case.name)}."
            )
        return record


def on_reference(case: Case, records: Sequence[Record], bounds: Bounds) -> list[Verdict]:
    """Judge each bound of a case as a run with these seeds would, in the order of the seeds.

    A run asks for at most ``MOST_SEEDS``, so later seeds of a larger reference are not used.
    """
    found, most = [], MOST_SEEDS
    for metric in bounds.metrics(case.name) if records else ():
        for n in range(1, min(len(records), most) + 1):
            verdict = judged(case, metric, records[:n], bounds, Options(), least=1, most=most)
            if verdict.outcome != "undecided":
                break
        found.append(replace(verdict, subject=case.name))
    return found


def judged(
    case: Case,
    metric: str,
    records: Sequence[Record],
    bounds: Bounds,
    options: Options,
    *,
    least: int,
    most: int,
) -> Verdict:
    """Judge ``metric`` of ``case`` on these records, in seed order, and request no other.

    ``most`` is how many seeds the run allows. The sequential test keeps its error rates only if
    nothing forces a decision before ``MOST_SEEDS``: with fewer seeds it may end undecided.
    """
    for record in records:
        if record.outcome == GIVEN_UP and metric not in (*CURVES, *UNTRAINED):
            why = f"seed {record.spec.seed} was given up: {record.reason}"
            return UNBOUND(metric=metric, outcome="fail", n=len(records), reason=why)
    records, lost = _counting(metric, records)
    if not records:
        outcome: Outcome = "undecided" if lost < most and options.exclusive else "not comparable"
        return UNBOUND(metric=metric, outcome=outcome, n=0, reason=UNTIMED)
    coarse = metric in UNTRAINED or not options.comparable
    most = most if coarse else max(most, MOST_SEEDS)
    limits: dict[str, Any] = {"least": least - lost, "most": most - lost, "alpha": _alpha(bounds)}
    counted = METRICS[metric](records[0]) if metric in UNTRAINED else None
    bound = _bound(case, metric, bounds, options, counted)
    if bound is None:
        return _not_comparable(metric, records, options)
    if isinstance(bound, Curve):
        # The quick tier ignores the later epochs of a whole trial: with few seeds they could
        # only stay open. So what fails here fails in every other tier too.
        curves = [curve(record, metric)[: options.stop_after] for record in records]
        return judge_curve(curves, bound, **limits)
    if metric == EPOCHS and bound.has_reference:
        aim, target = next(iter(TASKS[case.task].targets.items()))
        seeds = [curve(record, aim) for record in records]
        return judge_best(seeds, bound, metric=aim, target=target, **limits)
    return judge([METRICS[metric](r) for r in records], bound, coarse=coarse, **limits)


def _counting(metric: str, records: Sequence[Record]) -> tuple[Sequence[Record], int]:
    """Return the records that count for a metric, and the number of the others.

    A time counts only if the trial ran alone and undisturbed. A diverged seed counts always: it
    missed its target.
    """
    if metric not in TIMED:
        return records, 0
    kept = of_one_machine([each for each in records if is_timed(each) or not each.completed])
    return kept, len(records) - len(kept)


def _bound(
    case: Case, metric: str, bounds: Bounds, options: Options, counted: float | None = None
) -> Bound | Curve | None:
    """Return the bound that applies under these options, or None."""
    if metric in CURVES:
        return bounds.curve(case.name, metric) if options.comparable else None
    if metric in UNTRAINED or options.comparable:
        return bounds.for_case(case.name, metric, counted)
    return None if options.epochs else bounds.smoke(case.name, metric)


def _not_comparable(
    metric: str, records: Sequence[Record], options: Options, missing: str = ""
) -> Verdict:
    epochs, last = options.epochs, options.stop_after
    why = missing or "the sample has no bound for it"
    if epochs:
        why = f"the epochs were overridden ({epochs})"
    elif last and not missing:
        why = f"the quick tier, which stops after epoch {last}, does not judge it"
    figure = METRICS.get(CURVES.get(metric, metric))  # a curve's last value
    values = [value for r in records if figure and (value := figure(r)) is not None]
    mean = fmean(values) if values else None
    n = len(records)
    return UNBOUND(metric=metric, outcome="not comparable", estimate=mean, n=n, reason=why)


def loss_limits(case: Case, bounds: Bounds, options: Options) -> Limits:
    """Return the training losses beyond which a first seed alone fails its case; () for none.

    Later seeds have no such limits, as they are judged together with those before them.
    """
    bands = bounds.curves.get(case.name, {}).get("training_loss_by_epoch")
    stops = options.stop_early and options.comparable
    return bands.limits(alpha=_alpha(bounds)) if bands and stops else ()


def _alpha(bounds: Bounds) -> float:
    """Return each assertion's share of the error of a run with all of them, selected or not."""
    return share(max(bounds.assertions, 1))


def outline(evaluator: Evaluator) -> list[str]:
    """Return the lines of the header."""
    missing = [trial.spec for trial in evaluator.missing]
    planned = [trial for each in evaluator.planned.values() for trial in each]
    datasets = {trial.spec.dataset.name: trial.spec.dataset for trial in planned}
    engine = evaluator.scheduler.engine
    work = "nothing to train: no code, data or version has changed since"
    if missing:
        built = sum(not spec.epochs for spec in missing)
        counts = {"train": len(missing) - built, "build": built}
        verbs = [f"{n} to {verb}" for verb, n in counts.items() if n]
        work = ", ".join([*verbs, forecast(missing, evaluator.known)])
    return [
        _where(evaluator.options, evaluator.scheduler.accelerator),
        *([f"engine: {engine.name}, {engine.slots} trials at once"] if engine else []),
        *(f"data: {dataset.name} from {dataset.source}" for dataset in datasets.values()),
        f"tier: {_tier(evaluator.options)}",
        f"trials: {len(planned)}, {len(planned) - len(missing)} stored already, {work}",
        *_unjudged(evaluator, planned),
        *_models(evaluator.scheduler, planned),
    ]


def _unjudged(evaluator: Evaluator, planned: Sequence[Planned]) -> list[str]:
    """Return a line on the cases that have bounds, but none for this platform."""
    bounds, trained = evaluator.bounds, {t.spec.case.original for t in planned if t.spec.epochs}
    held = trained & {*bounds.tables} if evaluator.options.comparable else set()
    missing = sum(map(bool, map(bounds.no_reference, held)))
    where = bounds.platform.words
    return [f"not judged: {missing} of {len(held)} cases, no reference for {where}"] * bool(missing)


def _where(options: Options, accelerator: str | None) -> str:
    machine = this_machine(accelerator)
    found = ", ".join(f"{name} {version}" for name, version in versions(options.backend).items())
    device = accelerator or f"{options.device}, {machine.cores} cores, {machine.cpu}"
    return f"device: {device}\nversions: {found}"


def _tier(options: Options) -> str:
    told = [options.tier, f"{counted(options.least_seeds, 'seed')} a case"]
    if options.most_seeds > options.least_seeds:
        told.append(f"up to {options.most_seeds} while a verdict is open")
    if options.epochs:
        told.append(f"epochs overridden: {options.epochs}")
    if options.stop_after:
        told.append(f"each trial stopped after epoch {options.stop_after} of its recipe")
    marks = "" if options.for_publication else " - figures are not for publication"
    return f"{', '.join(told)}{marks}"


def _models(scheduler: Scheduler, planned: Sequence[Planned]) -> list[str]:
    """Return a line on where models are saved, and how many stored trials run again for one."""
    if scheduler.models is None:
        return []
    without = replace(scheduler, models=None)
    again = sum(
        scheduler.lacks_model(trial.spec)
        and without.stored(trial.spec, timed=trial.timed) is not None
        for trial in planned
        if trial.spec.epochs
    )
    why = f"; {again} stored without one, so trained again" if again else ""
    return [f"models: saved in {scheduler.models.root}{why}"]
