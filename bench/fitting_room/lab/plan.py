"""What a run was asked for, the trials that its tests need, and how long those take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.spec import Case, Dataset, TrialSpec

TIERS = ("smoke", "accept", "full")
DEVICES = ("cpu", "gpu")
BACKENDS = ("tensorflow", "jax", "torch")

SEEDS = {"smoke": 1, "accept": 1, "full": 10}
"""Seeds that each case starts with; in ``accept`` more are added while a verdict is open."""

MOST_SEEDS = 6
"""Seeds at which the sequential test decides, be it by a hair; with fewer it may stay open."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the group "fitting room", checked."""

    tier: str = "accept"
    seeds: int | None = None
    """Exactly so many; None lets the tier decide."""
    epochs: int | None = None
    """Instead of each recipe's; such figures are marked and never published."""
    backend: str = "tensorflow"
    device: str = "cpu"
    data_dir: Path | None = None
    offline: bool = False
    fresh: str | None = None
    """Id of this run: no records but its own count; None lets all count."""
    time_limit_s: float | None = None
    stop_early: bool = False
    """End the first seed of a case where its training loss alone fails the case."""
    keep_models: bool = False
    """Keep trained models under ``results``; what is stored without its model is trained again."""
    log: Path | None = None
    """TensorBoard's folder, which has the records of such a run too: logging disturbs its times."""
    results: Path = Path("results")

    def __post_init__(self) -> None:
        """Refuse what would say nothing.

        Raises:
            UserError: A first seed is to fail its case alone, and more are to be judged with it.
        """
        if self.stop_early and self.least_seeds > 1:
            raise UserError(
                "--stop-early ends a case whose first seed fails alone, and of the "
                f"{self.least_seeds} seeds asked for none is judged alone. Leave it out, or add "
                "--seeds 1."
            )

    @property
    def trials(self) -> Path:
        """Folder of the records of this run."""
        return (self.log or self.results) / "trials"

    @property
    def least_seeds(self) -> int:
        """Seeds that each case is judged on at least."""
        return self.seeds or SEEDS[self.tier]

    @property
    def most_seeds(self) -> int:
        """Seeds that an open verdict may ask for."""
        fixed = self.seeds or self.tier != "accept"
        return self.least_seeds if fixed else MOST_SEEDS

    @property
    def for_publication(self) -> bool:
        """Whether the figures may be compared with bounds and claims."""
        return self.tier != "smoke" and self.epochs is None


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
