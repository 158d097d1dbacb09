"""The referee: gets the seeds of a case until its verdict is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from bench.harness.errors import UserError
from bench.harness.judge.bound import Bound
from bench.harness.judge.family import share
from bench.harness.judge.quality import judge
from bench.harness.judge.verdict import Verdict
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import Options
from bench.harness.lab.plan import Wanted, specify
from bench.harness.metrics import METRICS, UNTRAINED
from bench.harness.record import Record
from bench.harness.spec import Case
from bench.harness.store.bounds import Bounds


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
        bound = self._bound(case, metric)
        least, most = self.options.least_seeds, self.options.most_seeds
        if metric in UNTRAINED:
            least = most = 1  # every seed would count the same
        for n in range(least, most + 1):
            records = self.records(case, n)
            if bound is None:
                return self._not_comparable(metric, records)
            values = [METRICS[metric](record) for record in records]
            verdict = judge(values, bound, least=least, most=most, alpha=self._alpha())
            if verdict.outcome != "undecided":
                break
        return verdict

    def records(self, case: Case, n: int | None = None, *, timed: bool = False) -> list[Record]:
        """Return the records of the first ``n`` seeds, by default of those planned."""
        wanted = list(self.planned[case.name])
        for seed in range(len(wanted), n or 0):
            if wanted[0].spec.epochs:
                dataset = wanted[0].spec.dataset
                spec = specify(case, seed, self.options, dataset)
                wanted.append(Wanted(spec=spec, timed=wanted[0].timed))
        return [self._record(one, timed=timed) for one in wanted[:n]]

    def _record(self, wanted: Wanted, *, timed: bool) -> Record:
        record = self.wait(self.lab.request(wanted.spec, timed=timed or wanted.timed))
        if record.outcome not in ("completed", "diverged"):
            raise TrialFailedError(
                f"{wanted.spec.case.name}, seed {wanted.spec.seed}: {record.outcome}, "
                f"{record.reason}. Its record is in {self.lab.store.root / wanted.spec.case.name}."
            )
        return record

    def _alpha(self) -> float:
        """Share out the error of a whole run: no verdict depends on what else is selected."""
        return share(sum(map(len, self.bounds.tables.values())))

    def _bound(self, case: Case, metric: str) -> Bound | None:
        """Return the bound that counts under these options, or None where none can."""
        if metric in UNTRAINED or self.options.for_publication:
            return self.bounds.for_case(case.name, metric)
        return None if self.options.epochs else self.bounds.smoke(metric)

    def _not_comparable(self, metric: str, records: Sequence[Record]) -> Verdict:
        why = (
            f"the epochs were overridden ({self.options.epochs})"
            if self.options.epochs
            else "the sample has no bound for it"
        )
        values = [value for r in records if (value := METRICS[metric](r)) is not None]
        return Verdict(
            metric=metric,
            outcome="not comparable",
            value=sum(values) / len(values) if values else None,
            n=len(records),
            bound="—",
            evidence=why,
        )
