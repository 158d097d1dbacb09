"""The time that trials will take on this machine, estimated from those that ran."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.format import counted, in_words
from fitting_room.lab.probe import emulation
from fitting_room.machine import calibration_seconds, this_machine
from fitting_room.record import Record
from fitting_room.spec import Dataset, TrialSpec

PRODUCTS = 3  # calibration steps that are timed for an estimate; a record rests on more


def estimate(specs: Iterable[TrialSpec], known: Sequence[Record]) -> float | None:
    """Return the seconds that ``specs`` will take one after another, or None if one is unknown.

    See ``Estimate`` for the rule for a trial that never ran.
    """
    of = Estimate.by(known)
    seconds = [of.seconds(spec) for spec in specs]
    return None if None in seconds else sum(filter(None, seconds))


def forecast(specs: Iterable[TrialSpec], known: Sequence[Record]) -> str:
    """Return in words how long trials will take one after another, as far as that is known."""
    of = Estimate.by(known)
    found = [(spec.case.name, of.seconds(spec)) for spec in specs]
    total = sum(seconds or 0 for _, seconds in found)
    new = ", ".join(dict.fromkeys(name for name, seconds in found if seconds is None))
    if new and not total:
        return "time known after the first epoch"
    later = f" without {new}, whose time is known after an epoch" if new else ""
    return f"about {in_words(total)}{later}"


def warnings(specs: Iterable[TrialSpec], known: Sequence[Record]) -> list[str]:
    """Return a line for each case that will train in a precision that is emulated here."""
    by_case: dict[str, list[TrialSpec]] = {}
    for spec in specs:
        by_case.setdefault(spec.case.name, []).append(spec)
    lines = []
    for name, of in by_case.items():
        recipe, seconds = of[0].case.recipe, estimate(of, known)
        emulated = emulation(recipe.precision, backend=of[0].backend, device=of[0].device)
        if emulated is None:
            continue
        time = ""
        if seconds is not None and math.isfinite(emulated.times):
            time = f"; {counted(len(of), 'trial')} will take about {in_words(seconds)}"
        lines.append(f"{name}: {emulated.words}{time}")
    return lines


@dataclass
class Remaining:
    """The trials that a run still has to train; each that ends tells more about the others."""

    specs: list[TrialSpec]
    known: list[Record]

    def after(self, record: Record) -> float | None:
        """Return the seconds that the trials after this one will take, or None if unknown."""
        self.known.append(record)
        ended = (record.spec.case.name, record.spec.seed)
        self.specs = [spec for spec in self.specs if (spec.case.name, spec.seed) != ended]
        return estimate(self.specs, self.known)


Case = tuple[str, str]  # name and device: what trials whose seconds are compared share at least


@dataclass(frozen=True)
class Estimate:
    """Seconds of trials on this machine.

    The estimate comes from trials of the case that ran here, whatever their code. If there are
    none, it comes from those of other machines, such as the committed reference. These are scaled
    by what trials of the same precision took here and there, else by the calibration step and by
    how this processor emulates the precision. Trials on other data are scaled by the number of
    images. A variant that never ran takes as long as its original.
    """

    here: Mapping[Case, Sequence[Record]]
    elsewhere: Mapping[Case, Sequence[Record]]

    @staticmethod
    def by(known: Iterable[Record]) -> Estimate:
        """Sort records by where they ran; leave out those of failed trials."""
        here: dict[Case, list[Record]] = {}
        elsewhere: dict[Case, list[Record]] = {}
        for record in known:
            if record.completed:
                own = record.machine and replace(record.machine, accelerator=None) == _machine()
                side = here if own else elsewhere
                side.setdefault((record.spec.case.name, record.spec.device), []).append(record)
        return Estimate(here, elsewhere)

    def seconds(self, spec: TrialSpec) -> float | None:
        """Return the seconds of one trial, or None if no trial of its case is known."""
        for name in dict.fromkeys((spec.case.name, spec.case.original)):
            for same in (True, False):
                for side in (self.here, self.elsewhere):
                    if found := _alike(side.get((name, spec.device), ()), spec, same=same):
                        scale = 1.0 if side is self.here else self._scale(spec, found)
                        return scale * median(_seconds(record, spec) for record in found)
        return None

    def _scale(self, spec: TrialSpec, found: Sequence[Record]) -> float:
        """Return how many times as long as ``found`` elsewhere a trial takes here."""
        precision = spec.case.recipe.precision
        ratios = []
        for case, records in self.here.items():
            for own in records:
                others = _alike(self.elsewhere.get(case, ()), own.spec, same=True)
                if others and own.epochs and own.spec.case.recipe.precision == precision:
                    there = median(_seconds(record, own.spec) for record in others)
                    ratios.append(_seconds(own, own.spec) / there)
        if ratios:
            return median(ratios)
        steps = [r.calibration_seconds for r in found if r.calibration_seconds]
        emulated = emulation(precision, backend=spec.backend, device=spec.device)
        times = emulated.times if emulated and spec.epochs else 1.0
        return times * (_calibration() / median(steps) if steps and spec.device == "cpu" else 1.0)


_machine = lru_cache(this_machine)


@lru_cache
def _calibration() -> float:
    return calibration_seconds(products=PRODUCTS)


def _alike(records: Iterable[Record], spec: TrialSpec, *, same: bool) -> list[Record]:
    """Return the records that a trial is estimated from; ``same`` needs its data and backend."""
    work = (spec.backend, spec.dataset.checksum)
    return [
        r
        for r in records
        if bool(r.epochs) >= bool(spec.epochs)
        and (not same or (r.spec.backend, r.spec.dataset.checksum) == work)
    ]


def _seconds(record: Record, spec: TrialSpec) -> float:
    """Return the seconds of a trial on the machine that made a record of its case."""
    seconds, epochs = record.seconds, spec.last_epoch
    spared = ["train", "evaluate", *(["inference", "calibration"] if spec.stop_after else [])]
    overhead = seconds["total"] - sum(seconds.get(phase, 0.0) for phase in spared)
    if not epochs:
        return overhead
    scored = not spec.stop_after
    per_epoch = [epoch.seconds + scored * epoch.evaluate_seconds for epoch in record.epochs]
    if len(per_epoch) < record.spec.last_epoch:
        epochs = min(epochs, len(per_epoch))  # it will most likely stop as early again
    return overhead + median(per_epoch) * epochs * _share(record, spec)


def _share(record: Record, spec: TrialSpec) -> float:
    """Return the training images of a trial over those of a record; 1 where one is unknown."""
    known, same = record.resolved, record.spec.dataset.checksum == spec.dataset.checksum
    if known is None or same or (images := _images(spec.dataset)) is None:
        return 1.0
    there = known.steps_per_epoch * record.spec.case.recipe.batch_size
    return images * spec.case.recipe.train_fraction / there


@lru_cache
def _images(dataset: Dataset) -> int | None:
    try:
        return len(data.load(dataset).train_labels)
    except UserError:
        return None
