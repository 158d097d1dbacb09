"""Measurements of the gate and of the noise, as blocks of a Markdown file."""

from __future__ import annotations

from pathlib import Path

from fitting_room.record import Record
from fitting_room.report.table import bullets
from fitting_room.report.verdicts import choices, priced, sharpest, table
from fitting_room.store.bounds import Bounds
from fitting_room.store.records import Store
from fitting_room.studies.documents import (
    COST,
    NOISE,
    SIMULATION,
    VARIANTS,
    Costs,
    Crossed,
    Simulation,
    Times,
    Variants,
    digest_of,
    read_document,
)
from fitting_room.studies.gate_seconds import SECONDS, Seconds, seconds
from fitting_room.studies.gate_tables import cost, rates, variants
from fitting_room.studies.noise_tables import accuracy, times

ABSENT = "Not measured yet. Run: `python -m bench gate`"
UNTRAINED = "Not measured yet. Run: `python -m bench noise`"
UNTIMED = (
    "Not measured yet. Run, on a machine that does nothing else: `python -m bench noise --times`"
)
TIMED = "-times"
UNRACED = (
    "Not measured yet. Run, on a machine that does nothing else: `python -m bench gate --times`"
)
PRICES = (
    "Catches: the smallest change that fails with 80 % power, also as epochs of training at that "
    "point of the curve. Seeds and seconds of training: until unchanged code has passed. Epochs × "
    "seconds: the product of the two; the smaller it is, the more is seen for a second of "
    "training. There is none where the curve is flat, or where one epoch does not have the metric.",
    "Epochs to a target have no row. Where the recipe stops at its target, seeds are judged one by "
    "one, by the epoch in which each reached it: there is no best value by an epoch beyond that.",
)
CHOICE = (
    "The sharpest test metric and the sharpest training metric of each case, by epochs × seconds. "
    "The others gate as well: all share the same seeds, so that to leave one out would save no "
    "training."
)
STALE = "**Stale:** the bounds changed since. Run: `python -m bench gate`"


def gate_block(results: Path, bounds: Bounds) -> str:
    """Return simulated rates, and what became of crippled cases on real data."""
    simulated = read_document(results / SIMULATION, Simulation)
    found = read_document(results / VARIANTS, Variants)
    parts = [ABSENT if simulated is None else _fresh(rates(simulated), simulated.bounds, bounds)]
    parts += [
        "On real data:",
        ABSENT if found is None else _fresh(variants(found), found.bounds, bounds),
    ]
    return "\n\n".join(parts)


def cost_block(results: Path, bounds: Bounds) -> str:
    """Return what a verdict costs, beside gates of a fixed number of seeds."""
    found = read_document(results / COST, Costs)
    return ABSENT if found is None else _fresh(cost(found), found.bounds, bounds)


def noise_block(results: Path, _: Bounds | None = None) -> str:
    """Return where the scatter of accuracy comes from, and that of time."""
    paths = sorted((results / NOISE).glob("*.json"))
    series = [path for path in paths if path.stem.endswith(TIMED)]
    crossed = [read_document(path, Crossed) for path in paths if path not in series]
    timed = [read_document(path, Times) for path in series]
    parts = ["Accuracy:", accuracy([each for each in crossed if each]) if crossed else UNTRAINED]
    parts += ["Time:", times([each for each in timed if each]) if timed else UNTIMED]
    return "\n\n".join(parts)


def seconds_block(results: Path, _: Bounds | None = None) -> str:
    """Return what the judge of seconds makes of a slowed step and of a busy neighbour."""
    found = read_document(results / SECONDS, Seconds)
    return UNRACED if found is None else seconds(found)


def prices_block(results: Path, bounds: Bounds) -> str:
    """Return what each bound costs and sees, and what sees most for a second of training."""
    records: dict[str, list[Record]] = {}
    for record in Store(results / "reference").all():
        if record.completed:
            records.setdefault(record.spec.case.name, []).append(record)
    found = sharpest(priced(bounds, records))
    return "\n\n".join([table(found, PRICES), CHOICE, bullets(choices(found))])


def _fresh(text: str, judged_by: str, bounds: Bounds) -> str:
    return text if judged_by == digest_of(bounds) else f"{STALE}\n\n{text}"


BLOCKS = {
    "gate": gate_block,
    "cost": cost_block,
    "noise": noise_block,
    "seconds": seconds_block,
    "prices": prices_block,
}
"""Name, as it stands in a marker → what belongs there."""
