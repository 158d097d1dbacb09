"""Which trials the selected tests need, and how long those will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.harness.lab.options import Options
from bench.harness.record import Record
from bench.harness.spec import Case, Dataset, TrialSpec

Limits = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one selected test wants of a case."""

    case: Case
    trained: bool = True
    timed: bool = False
    enough: int | None = None
    """Seeds beyond which it wants no more, unless they were asked for by number; None has all."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A trial to be had, and whether its times are wanted too."""

    spec: TrialSpec
    timed: bool


def plan(
    needs: Iterable[Need],
    options: Options,
    datasets: Mapping[str, Dataset],
    *,
    stored: Callable[[Wanted], bool] = lambda _: False,
    limits: Callable[[Case], Limits] = lambda _: (),
) -> dict[str, list[Wanted]]:
    """Return the trials of each case: trained for every seed, or built once if that is enough.

    A case that need only be built is served by a trained one that is ``stored``. ``limits`` gives
    the training losses beyond which the first seed of a case is given up.
    """
    by_case: dict[str, list[Need]] = {}
    for need in needs:
        by_case.setdefault(need.case.name, []).append(need)
    found = {
        name: _wanted(wanted, options, datasets[wanted[0].case.task], stored)
        for name, wanted in by_case.items()
    }
    return {name: [_limited(first, limits), *others] for name, (first, *others) in found.items()}


def _limited(wanted: Wanted, limits: Callable[[Case], Limits]) -> Wanted:
    return replace(wanted, spec=replace(wanted.spec, loss_limits=limits(wanted.spec.case)))


def _wanted(
    needs: Sequence[Need], options: Options, dataset: Dataset, stored: Callable[[Wanted], bool]
) -> list[Wanted]:
    timed = any(need.timed for need in needs)

    def wanted(seed: int, *, trained: bool) -> Wanted:
        spec = specify(needs[0].case, seed, options, dataset, trained=trained)
        # Counting parameters takes no forward pass, which may take minutes where it is emulated.
        return Wanted(spec=replace(spec, inference=trained or timed), timed=timed)

    if any(need.trained for need in needs):
        return [wanted(seed, trained=True) for seed in range(_seeds(needs, options))]
    first = wanted(0, trained=True)
    return [first if stored(first) else wanted(0, trained=False)]


def _seeds(needs: Sequence[Need], options: Options) -> int:
    """Return how many seeds the most demanding of the needs has."""
    least = options.least_seeds
    if options.seeds:
        return least
    return max(min(least, need.enough or least) for need in needs if need.trained)


def specify(
    case: Case, seed: int, options: Options, dataset: Dataset, *, trained: bool = True
) -> TrialSpec:
    """Return the spec of one trial under these options."""
    return TrialSpec(
        case=case,
        seed=seed,
        dataset=dataset,
        epochs=(options.epochs or case.recipe.epochs) if trained else 0,
        backend=options.backend,
        device=options.device,
        alone=options.tier != "smoke" and options.log is None,
        time_limit_s=options.time_limit_s,
    )


def estimate(specs: Iterable[TrialSpec], known: Sequence[Record]) -> float | None:
    """Return the seconds that ``specs`` will take one after another, or None if one is unknown.

    It goes by earlier trials of the same case, backend, device and data, whatever their code.
    """
    total = 0.0
    for spec in specs:
        alike = [record for record in known if _alike(record, spec)]
        # A variant that never ran takes about as long as what it is made from.
        original = replace(spec, case=replace(spec.case, variant=""))
        alike = alike or [record for record in known if _alike(record, original)]
        if not alike:
            return None
        total += median(_seconds(record, spec.epochs) for record in alike)
    return total


def _alike(record: Record, spec: TrialSpec) -> bool:
    of = record.spec
    same = (of.case.name, of.backend, of.device, of.dataset.checksum) == (
        spec.case.name,
        spec.backend,
        spec.device,
        spec.dataset.checksum,
    )
    return same and record.completed and bool(record.epochs) >= bool(spec.epochs)


def _seconds(record: Record, epochs: int) -> float:
    seconds = record.seconds
    overhead = seconds["total"] - seconds.get("train", 0.0) - seconds.get("evaluate", 0.0)
    if not epochs:
        return overhead
    per_epoch = [epoch.seconds + epoch.evaluate_seconds for epoch in record.epochs]
    if len(per_epoch) < record.spec.epochs:
        epochs = min(epochs, len(per_epoch))  # it will most likely stop as early again
    return overhead + median(per_epoch) * epochs
