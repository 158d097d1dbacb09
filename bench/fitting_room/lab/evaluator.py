"""The evaluator: gets the seeds of a case until its verdict is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace

from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.judge.curve import judge_curve
from fitting_room.judge.quality import EPOCHS, judge, judge_best
from fitting_room.judge.sequential import share
from fitting_room.judge.verdict import Bound, Verdict
from fitting_room.lab.plan import MOST_SEEDS, Limits, Options, Wanted, estimate, specify
from fitting_room.lab.scheduler import Scheduler
from fitting_room.machine import this_machine, versions
from fitting_room.metrics import CURVES, METRICS, UNTRAINED, curve
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case, folder_of
from fitting_room.store.bounds import Bounds

GIVEN_UP = "given up"


class TrialFailedError(UserError):
    """A trial ended without a result, so there is nothing to judge."""


@dataclass
class Evaluator:
    """Holds cases to their bounds with as few trials as that takes."""

    scheduler: Scheduler
    bounds: Bounds
    options: Options
    planned: Mapping[str, list[Wanted]]
    wait: Callable[[Future[Record]], Record] = Future.result
    """How to wait for a trial; the terminal shows its progress meanwhile."""

    def verdict(self, case: Case, metric: str) -> Verdict:
        """Judge ``metric`` of ``case``, adding seeds while the verdict is undecided.

        Raises:
            TrialFailedError: A trial crashed, or was ended.
            UserError: The case has no such bound; the message says which lines to add.
        """
        self._check_bound(case, metric)
        least, most = self.options.least_seeds, self.options.most_seeds
        if metric in UNTRAINED:
            least = most = 1  # every seed would count the same
        for n in range(least, most + 1):
            records = self.records(case, n)
            verdict = self.judged(case, metric, records, least=least, most=most)
            if verdict.outcome != "undecided":
                break
        keys = tuple(record.key for record in records[: verdict.n])
        return replace(verdict, subject=case.name, records=keys)

    def judged(
        self, case: Case, metric: str, records: Sequence[Record], *, least: int, most: int
    ) -> Verdict:
        """Judge ``metric`` of ``case`` on these records, in seed order, and ask for no other.

        ``most`` is how many may come. The sequential test keeps its errors only if it need not
        decide before ``MOST_SEEDS``: where fewer may come, what they leave open stays undecided.
        """
        given_up = [record for record in records if record.outcome == GIVEN_UP]
        if given_up and metric not in (*CURVES, *UNTRAINED):
            return _given_up(metric, given_up[0], n=len(records))
        alpha = _alpha(self.bounds)
        coarse = metric in UNTRAINED or not self.options.for_publication
        most = most if coarse else max(most, MOST_SEEDS)
        if metric in CURVES:
            if not self.options.for_publication:
                return self._not_comparable(metric, records)
            curves = [curve(record, metric) for record in records]
            bands = self.bounds.curve(case.name, metric)
            return judge_curve(curves, bands, least=least, most=most, alpha=alpha)
        bound = self._bound(case, metric)
        if bound is None:
            return self._not_comparable(metric, records)
        if metric == EPOCHS and bound.has_reference:
            aim, target = next(iter(TASKS[case.task].targets.items()))
            seeds = [[getattr(epoch, aim) for epoch in record.epochs] for record in records]
            limits = {"least": least, "most": most}
            return judge_best(seeds, bound, metric=aim, target=target, alpha=alpha, **limits)
        values = [METRICS[metric](record) for record in records]
        return judge(values, bound, least=least, most=most, alpha=alpha, coarse=coarse)

    def records(self, case: Case, n: int | None = None, *, timed: bool = False) -> list[Record]:
        """Return the records of the first ``n`` seeds, by default of those planned."""
        wanted = list(self.planned[case.name])
        for seed in range(len(wanted), n or 0):
            if wanted[0].spec.epochs:
                spec = specify(case, seed, self.options, wanted[0].spec.dataset)
                wanted.append(Wanted(spec=spec, timed=wanted[0].timed))
        return [self._record(one, timed=timed) for one in wanted[:n]]

    def _record(self, wanted: Wanted, *, timed: bool) -> Record:
        try:
            record = self.wait(self.scheduler.request(wanted.spec, timed=timed or wanted.timed))
        except CancelledError as error:
            if self.scheduler.unwritable is None:
                raise
            name = f"{wanted.spec.case.name}, seed {wanted.spec.seed}"
            raise TrialFailedError(f"{name}: not begun. {self.scheduler.unwritable}") from error
        if record.outcome not in ("completed", "diverged", GIVEN_UP):
            name = wanted.spec.case.name
            raise TrialFailedError(
                f"{name}, seed {wanted.spec.seed}: {record.outcome}, {record.reason}. "
                f"Its record is in {self.scheduler.store.root / folder_of(name)}."
            )
        return record

    def _check_bound(self, case: Case, metric: str) -> None:
        """Refuse now what could not be judged after training."""
        if metric not in CURVES:
            self._bound(case, metric)
        elif self.options.for_publication:
            self.bounds.curve(case.name, metric)

    def _bound(self, case: Case, metric: str) -> Bound | None:
        """Return the bound that counts under these options, or None where none can."""
        if metric in UNTRAINED or self.options.for_publication:
            return self.bounds.for_case(case.name, metric)
        return None if self.options.epochs else self.bounds.smoke(case.name, metric)

    def _not_comparable(self, metric: str, records: Sequence[Record]) -> Verdict:
        why = (
            f"the epochs were overridden ({self.options.epochs})"
            if self.options.epochs
            else "the sample has no bound for it"
        )
        figure = METRICS[CURVES.get(metric, metric)]  # of a curve, its end
        values = [value for r in records if (value := figure(r)) is not None]
        return Verdict(
            metric=metric,
            outcome="not comparable",
            estimate=sum(values) / len(values) if values else None,
            n=len(records),
            against="—",
            reason=why,
        )


def loss_limits(case: Case, bounds: Bounds, options: Options) -> Limits:
    """Return the training losses beyond which a first seed fails its case alone; () for none.

    A later seed has none: what the seeds before it gave is weighed with it.
    """
    bands = bounds.curves.get(case.name, {}).get("training_loss_by_epoch")
    wanted = options.stop_early and options.for_publication
    return bands.limits(alpha=_alpha(bounds)) if bands and wanted else ()


def _alpha(bounds: Bounds) -> float:
    """Share out the error of a whole run: no verdict depends on what else is selected."""
    return share(bounds.assertions)


def _given_up(metric: str, record: Record, *, n: int) -> Verdict:
    return Verdict(
        metric=metric,
        outcome="fail",
        estimate=None,
        n=n,
        against="—",
        reason=f"seed {record.spec.seed} was given up: {record.reason}",
    )


def unstored(evaluator: Evaluator) -> list[Wanted]:
    """Return the planned trials that no stored record answers."""
    return [
        wanted
        for each in evaluator.planned.values()
        for wanted in each
        if evaluator.scheduler.stored(wanted.spec, timed=wanted.timed) is None
    ]


def outline(evaluator: Evaluator, known: Sequence[Record]) -> list[str]:
    """Return the lines of the header; ``known`` are earlier records, to estimate the time by."""
    missing = unstored(evaluator)
    total = sum(map(len, evaluator.planned.values()))
    return [
        _where(evaluator.options, evaluator.scheduler.accelerator),
        *_data(evaluator),
        f"tier: {_tier(evaluator.options)}",
        f"trials: {total}, {total - len(missing)} stored already, {_work(missing, known)}",
        *_models(evaluator),
    ]


def _where(options: Options, accelerator: str | None) -> str:
    machine = this_machine(accelerator)
    found = ", ".join(f"{name} {version}" for name, version in versions(options.backend).items())
    device = accelerator or f"{options.device}, {machine.cores} cores, {machine.cpu}"
    return f"device: {device}\nversions: {found}"


def _data(evaluator: Evaluator) -> list[str]:
    datasets = {w.spec.dataset.name: w.spec.dataset for p in evaluator.planned.values() for w in p}
    return [f"data: {dataset.name} from {dataset.source}" for dataset in datasets.values()]


def _tier(options: Options) -> str:
    seeds = f"{options.least_seeds} seed{'s' if options.least_seeds > 1 else ''} a case"
    more = f", up to {options.most_seeds} while a verdict is open"
    extra = more if options.most_seeds > options.least_seeds else ""
    marks = "" if options.for_publication else " - figures are not for publication"
    epochs = f", epochs overridden: {options.epochs}" if options.epochs else ""
    return f"{options.tier}, {seeds}{extra}{epochs}{marks}"


def _models(evaluator: Evaluator) -> list[str]:
    """Say where models are kept, and why trials that are stored run again."""
    scheduler = evaluator.scheduler
    if scheduler.models is None:
        return []
    planned = [
        wanted for each in evaluator.planned.values() for wanted in each if wanted.spec.epochs
    ]
    without = replace(scheduler, models=None)
    again = sum(
        scheduler.lacks_model(wanted.spec)
        and without.stored(wanted.spec, timed=wanted.timed) is not None
        for wanted in planned
    )
    why = f"; {again} stored without one, so trained again" if again else ""
    return [f"models: kept in {scheduler.models.root}{why}"]


def _work(missing: Sequence[Wanted], known: Sequence[Record]) -> str:
    if not missing:
        return "nothing to train: no code, data or version has changed since"
    seconds = estimate([wanted.spec for wanted in missing], known)
    time = "time unknown until they ran once" if seconds is None else f"about {in_words(seconds)}"
    built = sum(not wanted.spec.epochs for wanted in missing)
    counts = {"train": len(missing) - built, "build": built}
    return ", ".join([*(f"{n} to {verb}" for verb, n in counts.items() if n), time])
