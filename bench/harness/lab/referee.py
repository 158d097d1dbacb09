"""The referee: gets the seeds of a case until its verdict is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from bench.harness.errors import UserError
from bench.harness.judge.bound import Bound
from bench.harness.judge.curve import judge_curve
from bench.harness.judge.family import share
from bench.harness.judge.quality import EPOCHS, judge, judge_best
from bench.harness.judge.verdict import Verdict
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import MOST_SEEDS, Options
from bench.harness.lab.plan import Limits, Wanted, specify
from bench.harness.metrics import CURVES, METRICS, UNTRAINED, curve
from bench.harness.record import Record
from bench.harness.spec import TASKS, Case
from bench.harness.store.bounds import Bounds

GIVEN_UP = "given up"


class TrialFailedError(UserError):
    """A trial ended without a result, so there is nothing to judge."""


@dataclass
class Referee:
    """Holds cases to their bounds with as few trials as that takes."""

    lab: Lab
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
            verdict = self.judged(case, metric, self.records(case, n), least=least, most=most)
            if verdict.outcome != "undecided":
                break
        return verdict

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
        record = self.wait(self.lab.request(wanted.spec, timed=timed or wanted.timed))
        if record.outcome not in ("completed", "diverged", GIVEN_UP):
            raise TrialFailedError(
                f"{wanted.spec.case.name}, seed {wanted.spec.seed}: {record.outcome}, "
                f"{record.reason}. Its record is in {self.lab.store.root / wanted.spec.case.name}."
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
            value=sum(values) / len(values) if values else None,
            n=len(records),
            bound="—",
            evidence=why,
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
        value=None,
        n=n,
        bound="—",
        evidence=f"seed {record.spec.seed} was given up: {record.reason}",
    )
