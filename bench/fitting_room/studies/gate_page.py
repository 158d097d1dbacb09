"""The gate's page: what a verdict costs, quick runs, the judge of seconds, and every block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import msgspec
import numpy as np

from fitting_room.analysis.trials import by_case
from fitting_room.format import MISSING, counted, number
from fitting_room.judge.simulation import (
    Rate,
    Scenario,
    Setup,
    Tally,
    seeds_of_equal_power,
    simulate_case,
    simulate_fixed,
)
from fitting_room.judge.timing import SLOWER, ABTiming, slowdown
from fitting_room.judge.verdict import Outcome
from fitting_room.machine import exclusive
from fitting_room.record import Record
from fitting_room.report.bounds import choices, priced, sharpest, table
from fitting_room.report.table import Table, bullets
from fitting_room.store.bounds import Bounds
from fitting_room.store.records import Store
from fitting_room.studies import ABSENT, QUIET, SCHEMA, Kind, Origin, block
from fitting_room.studies.gate import Finding, Variants, variants
from fitting_room.studies.gate_simulation import (
    SEED,
    SIMULATION,
    Simulation,
    digest_of,
    rates,
    shown,
)
from fitting_room.studies.noise import noise_block

VARIANTS = Path("gate", "variants.json")
COST = Path("gate", "cost.json")
QUICK_RUNS = Path("gate", "quick.json")
SECONDS = Path("gate", "seconds.json")

TEN = 10
"""Seeds of the fixed gate that people know."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seeds until a verdict on unchanged code, which scatters as the reference seeds do."""

    seconds: float | None
    """Median wall time of a whole trial that ran alone; None where none did."""
    timed: int
    """Trials behind it."""
    sequential: Tally
    ten: Rate
    """Failures of unchanged code where always ten seeds are trained."""
    equal: int
    """Seeds of a fixed gate that errs as seldom both ways as the sequential one."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The two gates over the same trials of one case, on real data."""

    case: str
    sequential_seeds: float
    """Mean over the runs."""
    sequential_seconds: float
    ten_seconds: float
    runs: int = 1
    """Of the sequential gate."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a verdict costs: simulated for every case, measured for one."""

    schema: int = SCHEMA
    bounds: str
    cases: Mapping[str, Cost]
    measured: Measured | None


def cost_of(setup: Setup, records: Sequence[Record], *, runs: int) -> Cost:
    """Return what a verdict on unchanged code costs, seeds scattering as the reference's do."""
    seconds = [record.seconds["total"] for record in records if exclusive(record)]
    scenario = Scenario(planned=False)
    sides = [
        side
        for gauge in setup.gauges
        for each in gauge.plans(alpha=setup.alpha, least=scenario.least, most=setup.most)
        for side in each
    ]
    first, second = (np.random.default_rng(SEED) for _ in range(2))
    *_, whole = simulate_case(setup, scenario, runs=runs, generator=first)
    return Cost(
        seconds=median(seconds) if seconds else None,
        timed=len(seconds),
        sequential=whole,
        ten=simulate_fixed(setup, scenario, TEN, runs=runs, generator=second),
        equal=seeds_of_equal_power(sides),
    )


def cost(found: Costs) -> str:
    """Return the table, the measured comparison below it, and how to read them."""
    rows, totals = [], np.zeros(3)
    for case, each in found.cases.items():
        seeds = np.array([each.sequential.seeds, TEN, each.equal])
        took = (each.seconds or 0) * seeds
        totals += took
        sequential, ten = (MISSING if each.seconds is None else f"{s:.0f}" for s in took[:2])
        ratios = [f"{ratio:.1f}" for ratio in seeds[1:] / seeds[0]]
        cells = (f"{seeds[0]:.2f}", sequential, ten, ratios[0], str(each.equal), ratios[1])
        fails = (shown(each.sequential.fails), shown(each.ten))
        rows.append((case, number(each.seconds, 0), *cells, *fails))
    if totals.any():
        ratios = [f"{ratio:.1f}" for ratio in totals[1:] / totals[0]]
        cells = ("", f"{totals[0]:.0f}", f"{totals[1]:.0f}", ratios[0], "", ratios[1])
        rows.append(("all", "", *cells, "", ""))
    always, equal = f"always {TEN}", "equal errors: seeds"
    head = ("case", "s a trial", "sequential: seeds", "seconds", f"{always}: seconds", "ratio")
    heads = (*head, equal, "ratio", "unchanged fails %", always)
    return Table(heads, rows, _cost_notes(found)).markdown()


def _cost_notes(found: Costs) -> list[str]:
    notes = [
        "Unchanged code whose seeds scatter as the reference's did; all metrics of a case share "
        "its seeds, and the last one to pass ends it.",
        f"Always {TEN}: the mean of {TEN} seeds against a limit set to fail unchanged code, "
        "scattering as planned, as seldom as the sequential test does; at the bound it lets less "
        "through. Equal errors: the fewest seeds whose mean errs as seldom both ways.",
        "Seconds: median wall time of a whole reference trial that ran alone "
        f"({', '.join(f'{name} n={each.timed}' for name, each in found.cases.items())}).",
    ]
    if one := found.measured:
        notes.append(
            f"Measured on real data, {one.case}: {counted(round(one.sequential_seeds, 1), 'seed')} "
            f"in {one.sequential_seconds:.0f} s until the verdict (mean of n={one.runs} runs of "
            f"other seeds), {TEN} seeds in {one.ten_seconds:.0f} s: "
            f"{one.ten_seconds / one.sequential_seconds:.1f} times as much."
        )
    return notes


class QuickRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of ``--tier quick``, each of every case with seeds that no other run has."""

    schema: int = SCHEMA
    origin: Origin
    bounds: str
    runs: tuple[tuple[Finding, ...], ...]

    @property
    def outcomes(self) -> list[str]:
        """Fail for each run in which a case fails; a verdict that is left open is no failure."""
        failed = (any(found.outcome == "fail" for found in run) for run in self.runs)
        return ["fail" if each else "pass" for each in failed]

    @property
    def red(self) -> int:
        """Number of runs in which a case fails."""
        return self.outcomes.count("fail")


def quick_runs(found: QuickRuns) -> str:
    """Return a row for each case and one for whole runs, and where they come from."""
    findings: dict[str, list[Finding]] = {}
    for each in (each for run in found.runs for each in run):
        findings.setdefault(each.case, []).append(each)
    rows = [
        _quick_row(case, [each.outcome for each in of], [each.seeds for each in of])
        for case, of in findings.items()
    ]
    seeds = [sum(each.seeds for each in run) for run in found.runs]
    rows.append(_quick_row("a whole run", found.outcomes, seeds))
    n, red = len(found.runs), found.red
    low, high = Rate(hits=red, runs=n).interval
    notes = [
        "Each run trains the first epochs of these cases with seeds of its own, none of them in a "
        f"reference. Red: {red} of {n} whole runs ({100 * low:.0f}–{100 * high:.0f} %, 95 % "
        "interval). A verdict that is still open at the most seeds is no failure.",
        f"Measured: {found.origin.words}.",
    ]
    head = ("case", "runs", "pass", "fail", "seeds")
    return Table(head, rows, notes).markdown()


def _quick_row(name: str, outcomes: Sequence[str], seeds: Sequence[int]) -> tuple[str, ...]:
    counts = (len(outcomes), outcomes.count("pass"), outcomes.count("fail"))
    return (name, *map(str, counts), f"{fmean(seeds):.2f}")


class Timing(msgspec.Struct, frozen=True, kw_only=True, rename={"pairs": "race"}):
    """One checkout timed against itself, A B B A."""

    done: str
    """What was done to head, in words."""
    red: bool
    """Whether that must fail."""
    pairs: ABTiming

    @property
    def outcome(self) -> Outcome:
        """The verdict of the judge of seconds."""
        return self.pairs.verdict(shared=False).outcome

    @property
    def right(self) -> bool:
        """Whether the judge noticed what it must, and nothing else."""
        return (self.outcome == "fail") == self.red


class Seconds(msgspec.Struct, frozen=True, kw_only=True, rename={"timings": "races"}):
    """All timings of one session."""

    schema: int = SCHEMA
    origin: Origin
    case: str
    load: float | None
    """Mean number of processes that wanted a core in the minute before; None where unknown."""
    timings: Mapping[str, Timing]
    anew: int | None = None
    """Pairs after which both sides started anew; None where they never did."""


def seconds(found: Seconds) -> str:
    """Return the table, and under what circumstances it was measured."""
    anew = "" if found.anew is None else f", started anew every {found.anew} pairs"
    load = "unknown" if found.load is None else f"{found.load:.1f} processes wanted a core"
    notes = [
        f"{found.case} against itself, two processes that train chunks in turn, A B B A{anew}. "
        "Ratio: head over base, median of the pairs; p: of the exact signed-rank test, that head "
        f"is no slower, and that it is no faster. Red: a ratio from {SLOWER:.2f} on that is surely "
        "slower, on either clock. Where nothing was done, what is surely faster is the machine's "
        "doing.",
        f"Measured: {found.origin.words}; load in the minute before: {load}.",
    ]
    clock = ("p slower", "p faster")
    head = ("done to head", "verdict", "wall", *clock, "CPU", *clock, "pairs", "seconds a chunk")
    return Table(head, [_timing_row(each) for each in found.timings.values()], notes).markdown()


def _timing_row(found: Timing) -> Sequence[str]:
    pairs = found.pairs
    row = [found.done, found.outcome if found.right else f"{found.outcome} ✗"]
    for base, head in ((pairs.base_wall, pairs.head_wall), (pairs.base_cpu, pairs.head_cpu)):
        clock = slowdown(base, head)
        row += [f"×{clock.ratio:.3f}", f"{clock.p_value:.2g}", f"{clock.p_faster:.2g}"]
    return [*row, str(len(pairs.base_wall)), f"{pairs.medians[0]:.2f}"]


STALE = "**Stale:** the bounds changed since. Run: `fitting-room {}`"


def _judged_by(
    bounds: Bounds,
    path: Path,
    kind: type[Kind],
    show: Callable[[Kind], str],
    *,
    command: str = "gate",
) -> str:
    """Return a document as it is shown, marked where it was made with other bounds."""

    def marked(found: Any) -> str:
        stale = "" if found.bounds == digest_of(bounds) else f"{STALE.format(command)}\n\n"
        return f"{stale}{show(found)}"

    return block(path, kind, marked, ABSENT.format(command))


def gate_block(results: Path, bounds: Bounds) -> str:
    """Return simulated rates, and what became of changed variants on real data."""
    simulated = _judged_by(bounds, results / SIMULATION, Simulation, rates)
    found = _judged_by(bounds, results / VARIANTS, Variants, variants)
    return "\n\n".join([simulated, "On real data:", found])


def seconds_block(results: Path) -> str:
    """Return what the judge of seconds makes of a slowed step and of a busy neighbour."""
    return block(results / SECONDS, Seconds, seconds, QUIET.format("gate --times"))


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


def prices_block(results: Path, bounds: Bounds) -> str:
    """Return what each bound costs and sees, and what sees most for a second of training."""
    records = by_case(each for each in Store(results / "reference").all() if each.completed)
    found = sharpest(priced(bounds, records))
    return "\n\n".join([table(found, PRICES), CHOICE, bullets(choices(found))])


BLOCKS: Mapping[str, Callable[[Path, Bounds], str]] = {
    "gate": gate_block,
    "cost": lambda results, bounds: _judged_by(bounds, results / COST, Costs, cost),
    "quick runs": lambda results, bounds: _judged_by(
        bounds, results / QUICK_RUNS, QuickRuns, quick_runs, command="gate --quick-runs 20"
    ),
    "noise": lambda results, _: noise_block(results),
    "seconds": lambda results, _: seconds_block(results),
    "prices": prices_block,
}
"""Name, as it stands in a marker → what belongs there."""
