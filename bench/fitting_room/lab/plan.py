"""The options of a run, and the trials that its tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.data import DATA_DIR_VARIABLE
from fitting_room.errors import UserError, positive
from fitting_room.machine import BACKENDS, DEVICES, USUAL, Platform, usable_cores, visible_gpus
from fitting_room.metrics import CURVES, METRICS, UNTRAINED
from fitting_room.spec import Case, Dataset, TrialSpec

TIERS = ("smoke", "quick", "accept", "full")

SEEDS = {"smoke": 1, "quick": 1, "accept": 1, "full": 10}
"""Seeds that each case starts with; more are added while a verdict is open in ``GROWING``."""

GROWING = ("quick", "accept")
QUICK_EPOCHS = 2
"""The last epoch of a quick trial: it gives the training loss and its drop, which scatter least."""

MOST_SEEDS = 6  # with so many the sequential test always decides; with fewer it may not


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the group "fitting room", checked."""

    tier: str = "accept"
    seeds: int | None = None
    """The exact number; None lets the tier decide."""
    epochs: int | None = None
    """The number that replaces each recipe's; such figures are marked and never published."""
    backend: str = "tensorflow"
    device: str = "cpu"
    engine: str | None = None
    """The engine that trains trials; None is this machine."""
    ship: bool = False
    """Send the checkout to the engine's workers."""
    jobs: int | None = None
    """Trials side by side on this machine; None is one, or in the smoke tier one a core."""
    per_gpu: int = 1
    """Trials side by side on each GPU."""
    data_dir: Path | None = None
    offline: bool = False
    fresh: str | None = None
    """Id of this run if only its own records count; None lets all count."""
    time_limit_s: float | None = None
    stop_early: bool = False
    """End the first seed of a case where its training loss alone fails the case."""
    keep_models: bool = False
    """Save trained models under ``results``; a case stored without its model is trained again."""
    log: Path | None = None
    """TensorBoard's folder; it has the records of the run too, as logging disturbs their times."""
    results: Path = Path("results")

    def __post_init__(self) -> None:
        """Raise a UserError for options that contradict each other."""
        if self.stop_after and (self.epochs or self.keep_models):
            what = "--keep-models saves trained models, and no trial there trains to its end"
            if self.epochs:
                what = "--epochs changes the schedule, and there is no band for that"
            raise UserError(
                f"--tier quick stops each trial after epoch {self.stop_after} of its recipe: "
                f"{what}. Leave one of the two out."
            )
        if self.stop_early and self.least_seeds > 1:
            raise UserError(
                "--stop-early ends a case whose first seed fails alone, but the "
                f"{self.least_seeds} seeds of this run are judged together. Leave it out, or add "
                "--seeds 1."
            )
        if self.ship and not self.engine:
            raise UserError("--ship sends this checkout to an engine's workers: add --engine.")
        if self.engine and self.jobs:
            raise UserError(
                "--jobs counts trials on this machine, but --engine trains elsewhere. Leave one of "
                "the two out."
            )
        if self.per_gpu > 1 and self.device != "gpu":
            raise UserError("--per-gpu counts trials on each GPU: add --device gpu.")
        if self.engine and (self.keep_models or self.log):
            raise UserError(
                "--engine brings back only records: models and TensorBoard logs would stay on "
                "its workers. Leave out --keep-models and --tensorboard, or train those here."
            )

    @property
    def platform(self) -> Platform:
        """The backend and the device that it trains on."""
        return Platform(self.backend, self.device)

    @property
    def exclusive(self) -> bool:
        """Whether each trial is to be alone on its machine, so that its times may be kept."""
        return not self.side_by_side and self.log is None

    @property
    def trials(self) -> Path:
        """Folder of the records of this run."""
        return (self.log or self.results) / "trials"

    @property
    def least_seeds(self) -> int:
        """The fewest seeds that each case is judged on."""
        return self.seeds or SEEDS[self.tier]

    @property
    def most_seeds(self) -> int:
        """The most seeds that an open verdict may ask for."""
        fixed = self.seeds or self.tier not in GROWING
        return self.least_seeds if fixed else MOST_SEEDS

    @property
    def stop_after(self) -> int | None:
        """Epoch after which every trial ends; None where each runs to the end of its recipe."""
        return QUICK_EPOCHS if self.tier == "quick" else None

    @property
    def side_by_side(self) -> bool:
        """Whether trials share the machine, so that none has times."""
        return self.tier in ("smoke", "quick") or max(self.jobs or 1, self.per_gpu) > 1

    @property
    def slots(self) -> int:
        """Trials that run at once on this machine.

        A quick one spends as long on its start, on one core, as on its epochs: another trains then.
        """
        if self.jobs or not self.side_by_side:
            return self.jobs or 1
        if self.device == "gpu":
            return self.per_gpu * max(1, len(visible_gpus()))
        return usable_cores() if self.tier == "smoke" else min(2, usable_cores())

    @property
    def comparable(self) -> bool:
        """Whether the figures may be held to the bounds of the whole data."""
        return self.tier != "smoke" and self.epochs is None

    @property
    def for_publication(self) -> bool:
        """Whether the figures may be compared with claims, and published."""
        return self.comparable and not self.stop_after

    def judges(self, metric: str) -> bool:
        """Return whether a trial of this tier runs long enough to have a value of a metric."""
        if self.stop_after is None or metric in CURVES or metric in UNTRAINED:
            return True
        known = METRICS[metric].known_after if metric in METRICS else None
        return known is not None and known <= self.stop_after


Arguments = dict[str, dict[str, Any]]
"""Argument → how ``argparse`` and pytest are to take it."""


def argument(meaning: str, **settings: Any) -> dict[str, Any]:
    """Return how an argument is to be taken, whose help is ``meaning``."""
    return {"help": meaning, **settings}


flag = partial(argument, action="store_true")
path = partial(argument, type=Path)


def whole(default: int, meaning: str) -> dict[str, Any]:
    """Return how a whole number from 1 is to be taken; its help ends with the default."""
    return argument(f"{meaning} ({default})", type=positive, default=default)


ELSEWHERE = (
    "where to train: dask://HOST:PORT, the name of a scheduler file, or module:factory of a "
    "concurrent.futures.Executor (default: this machine)"
)
PLACE: Arguments = {
    "--device": argument(f"where to train ({USUAL.device})", choices=DEVICES, default=USUAL.device),
    "--backend": argument(
        f"Keras' backend ({USUAL.backend})", choices=BACKENDS, default=USUAL.backend
    ),
    "--engine": argument(ELSEWHERE, metavar="ENGINE"),
    "--ship": flag("send this checkout to the engine's workers"),
}
SOURCE: Arguments = {
    "--data-dir": argument(
        f"a folder with the data sets' IDX files (or {DATA_DIR_VARIABLE})", metavar="DIR"
    ),
    "--offline": flag("never touch the network"),
    "--fresh": flag("train anew, whatever is stored"),
}
"""Where trials run, and what they use: options of a run of tests and of commands alike."""


Limits = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Need:
    """The trials of a case that one selected test needs."""

    case: Case
    trained: bool = True
    timed: bool = False
    enough: int | None = None
    """The most seeds that it needs, unless ``--seeds`` names a number; None needs all."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A trial that the run needs, and whether it needs its times too."""

    spec: TrialSpec
    timed: bool


def plan(
    needs: Iterable[Need],
    options: Options,
    datasets: Mapping[str, Dataset],
    *,
    stored: Callable[[Planned], bool] = lambda _: False,
    limits: Callable[[Case], Limits] = lambda _: (),
) -> dict[str, list[Planned]]:
    """Return the trials of each case: trained for every seed, or built once if that is enough.

    A trained trial that is ``stored`` answers for one that need only be built. ``limits`` gives
    the training losses beyond which the first seed of a case is given up.
    """
    by_case: dict[str, list[Need]] = {}
    for need in needs:
        by_case.setdefault(need.case.name, []).append(need)
    planned, least = dict[str, list[Planned]](), options.least_seeds
    for name, of_case in by_case.items():
        case = of_case[0].case
        timed = any(need.timed for need in of_case) and not options.stop_after
        enough = [need.enough or least for need in of_case if need.trained]
        seeds = least if options.seeds and enough else min(least, max(enough, default=1))
        ask = partial(specify, case, options=options, dataset=datasets[case.task], timed=timed)
        specs = [ask(seed) for seed in range(seeds)]
        if not enough and not stored(Planned(spec=specs[0], timed=timed)):
            specs[0] = ask(0, trained=False)
        specs[0] = replace(specs[0], loss_limits=limits(case))
        planned[name] = [Planned(spec=spec, timed=timed) for spec in specs]
    return planned


def specify(
    case: Case,
    seed: int,
    options: Options,
    dataset: Dataset,
    *,
    trained: bool = True,
    timed: bool = False,
) -> TrialSpec:
    """Return the spec of one trial under these options; ``timed`` wants the forward pass anyway.

    Counting parameters takes no forward pass, which may take minutes where it is emulated.
    """
    stop_after = options.stop_after if trained else None
    return TrialSpec(
        case=case,
        seed=seed,
        dataset=dataset,
        epochs=(options.epochs or case.recipe.epochs) if trained else 0,
        backend=options.backend,
        device=options.device,
        alone=options.exclusive,
        time_limit_s=options.time_limit_s,
        inference=(trained and not stop_after) or timed,
        stop_after=stop_after or msgspec.UNSET,
        per_gpu=options.per_gpu if options.per_gpu > 1 else msgspec.UNSET,
    )
