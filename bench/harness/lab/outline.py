"""What a run is about to do, in lines: the bench's header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.harness.durations import in_words
from bench.harness.lab.options import Options
from bench.harness.lab.plan import Wanted, estimate
from bench.harness.lab.referee import Referee
from bench.harness.machine import this_machine, versions
from bench.harness.record import Record


def unstored(referee: Referee) -> list[Wanted]:
    """Return the planned trials that no stored record answers."""
    return [
        wanted
        for each in referee.planned.values()
        for wanted in each
        if referee.lab.stored(wanted.spec, timed=wanted.timed) is None
    ]


def outline(referee: Referee, known: Sequence[Record]) -> list[str]:
    """Return the lines of the header; ``known`` are earlier records, to estimate the time by."""
    missing = unstored(referee)
    total = sum(map(len, referee.planned.values()))
    return [
        _where(referee.options, referee.lab.accelerator),
        *_data(referee),
        f"tier: {_tier(referee.options)}",
        f"trials: {total}, {total - len(missing)} stored already, {_work(missing, known)}",
        *_models(referee),
    ]


def _where(options: Options, accelerator: str | None) -> str:
    machine = this_machine(accelerator)
    found = ", ".join(f"{name} {version}" for name, version in versions(options.backend).items())
    device = accelerator or f"{options.device}, {machine.cores} cores, {machine.cpu}"
    return f"device: {device}\nversions: {found}"


def _data(referee: Referee) -> list[str]:
    datasets = {w.spec.dataset.name: w.spec.dataset for p in referee.planned.values() for w in p}
    return [f"data: {dataset.name} from {dataset.source}" for dataset in datasets.values()]


def _tier(options: Options) -> str:
    seeds = f"{options.least_seeds} seed{'s' if options.least_seeds > 1 else ''} a case"
    more = f", up to {options.most_seeds} while a verdict is open"
    extra = more if options.most_seeds > options.least_seeds else ""
    marks = "" if options.for_publication else " - figures are not for publication"
    epochs = f", epochs overridden: {options.epochs}" if options.epochs else ""
    return f"{options.tier}, {seeds}{extra}{epochs}{marks}"


def _models(referee: Referee) -> list[str]:
    """Say where models are kept, and why trials that are stored run again."""
    lab = referee.lab
    if lab.models is None:
        return []
    planned = [wanted for each in referee.planned.values() for wanted in each if wanted.spec.epochs]
    without = replace(lab, models=None)
    again = sum(
        lab.lacks_model(wanted.spec) and without.stored(wanted.spec, timed=wanted.timed) is not None
        for wanted in planned
    )
    why = f"; {again} stored without one, so trained again" if again else ""
    return [f"models: kept in {lab.models.root}{why}"]


def _work(missing: Sequence[Wanted], known: Sequence[Record]) -> str:
    if not missing:
        return "nothing to train: no code, data or version has changed since"
    seconds = estimate([wanted.spec for wanted in missing], known)
    time = "time unknown until they ran once" if seconds is None else f"about {in_words(seconds)}"
    return f"{len(missing)} to train, {time}"
