"""The gate in tables: simulated rates, crippled cases on real data, the cost of a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from fitting_room.format import MISSING, count, name, number
from fitting_room.judge.price import run
from fitting_room.judge.rates import Rate, Scenario, Tally
from fitting_room.judge.sequential import BETA, RUN_ALPHA, Plan
from fitting_room.report.table import Table
from fitting_room.studies.documents import Cost, Costs, Simulation, Variants
from fitting_room.studies.gate import Finding, Sight

TOO_MANY = "✗"
SHAPES = {"skewed": "skewed towards bad", "heavy": "with heavy tails"}


def rates(found: Simulation) -> str:
    """Return both tables: one assertion by itself, and every case with its own bounds."""
    return "\n\n".join(
        [
            _introduction(found),
            _one(found),
            "With the committed bounds of each case, per cent of unchanged code that fails if its "
            "seeds scatter …",
            _cases(found, _notes(found)),
        ]
    )


def _introduction(found: Simulation) -> str:
    plans = [
        Plan(
            sign=1, floor=0.0, mean=3.0, sigma=1.0, alpha=found.alpha, least=least, most=found.most
        )
        for least in (1, 2)
    ]
    computed = "; ".join(
        f"from {plan.least} seed{'s' if plan.least > 1 else ''} {percent(run(plan, 3.0).fails)} % "
        f"and {percent(1 - run(plan, 0.0).fails)} % with {run(plan, 3.0).seeds:.2f} seeds"
        for plan in plans
    )
    return (
        "One assertion, three planned scatters from its bound, over "
        f"{count(found.one[0].runs)} runs each. Its share of the error of a run allows that "
        f"{percent(found.alpha)} % of unchanged code fails; {percent(BETA)} % of code at the "
        "bound may pass. By quadrature, scatter as "
        f"planned: {computed}."
    )


def _one(found: Simulation) -> str:
    rows = [
        (
            scatter(tally.scenario),
            str(tally.scenario.least),
            share(tally.fails),
            share(_twin(tally, found.one).passes),
            f"{tally.seeds:.2f}",
        )
        for tally in found.one
        if not tally.scenario.at_bound
    ]
    head = ("seeds scatter", "from seed", "unchanged fails %", "at the bound passes %", "seeds")
    return Table(head, rows).markdown()


def _twin(tally: Tally, among: Iterable[Tally]) -> Tally:
    """Return the tally of the same scenario at the bound."""
    wanted = replace(tally.scenario, at_bound=True)
    return next(each for each in among if each.scenario == wanted)


def _cases(found: Simulation, notes: Sequence[str]) -> str:
    unchanged = [tally.scenario for tally in _any_case(found) if not tally.scenario.at_bound]
    shown = [scenario for scenario in unchanged if scenario.least == 1]
    rows = [
        _row(case, found.assertions[case], {tally.scenario: tally for tally in tallies}, shown, k)
        for case, tallies in found.cases.items()
        for k in sorted({scenario.least for scenario in unchanged})
    ]
    whole = [_of_run(whole_run(found, scenario)) for scenario in shown]
    last = ("a whole run", str(sum(found.assertions.values())), "1", *whole, "", "")
    head = ("case", "bounds", "from seed", *(f"… {scatter(each)}" for each in shown))
    heads = (*head, "at its bound passes %", "seeds")
    return Table(heads, [*rows, last], notes).markdown()


def _row(
    case: str,
    bounds: int,
    tallies: Mapping[Scenario, Tally],
    shown: Sequence[Scenario],
    least: int,
) -> Sequence[str]:
    mine = [replace(scenario, least=least) for scenario in shown]
    return (
        case,
        str(bounds),
        str(least),
        *(share(tallies[scenario].fails) for scenario in mine),
        share(tallies[replace(mine[0], at_bound=True)].passes),
        f"{tallies[mine[0]].seeds:.2f}",
    )


def _any_case(found: Simulation) -> Sequence[Tally]:
    return next(iter(found.cases.values()))


def whole_run(found: Simulation, scenario: Scenario) -> Rate:
    """Return the red cases a run: no less than the share of runs with one."""
    tallies = [t for of in found.cases.values() for t in of if t.scenario == scenario]
    return Rate(hits=sum(tally.failed for tally in tallies), runs=tallies[0].runs)


def _of_run(rate: Rate) -> str:
    return f"{share(rate)} {TOO_MANY}" if _too_many(rate) else share(rate)


def _too_many(rate: Rate) -> bool:
    """Whether more runs go red than may, beyond Monte-Carlo error."""
    return rate.interval[0] > RUN_ALPHA


def _excess(found: Simulation) -> list[str]:
    """Say where a whole run does not keep to its error, if there is such a scatter."""
    unchanged = [tally.scenario for tally in _any_case(found) if not tally.scenario.at_bound]
    over = [s for s in unchanged if s.least == 1 and _too_many(whole_run(found, s))]
    if not over:
        return []
    told = f"{TOO_MANY}: more than that, beyond Monte-Carlo error; where seeds scatter "
    twice = all(scenario.sd != 1 and scenario.shape != "normal" for scenario in over)
    kept = ". Where the scatter is misjudged in size or in form alone, a run keeps to its error"
    return [f"{told}{'; '.join(map(scatter, over))}{kept if twice else ''}."]


def _notes(found: Simulation) -> list[str]:
    return [
        f"Over {count(_any_case(found)[0].runs)} runs a case and column, with 95 % Monte-Carlo "
        f"intervals. Of whole runs over unchanged code {percent(RUN_ALPHA)} % may fail.",
        *_excess(found),
        "The upper table counts in planned scatters: the 90 % upper limits of what the reference "
        "seeds showed. The lower one counts in what they showed; the metrics of a case go together "
        "as they did in those seeds, and all must pass.",
        "At its bound: the metric that lets most through, seeds scattering as the reference's. "
        "Seeds: of unchanged code. Exact counts are left out: they err neither way.",
        "The runs are walked by array operations; of every scenario some are judged again by the "
        "gate's own function, and must end alike.",
    ]


def scatter(scenario: Scenario) -> str:
    """Return in words how seeds scatter."""
    size = "as planned" if scenario.planned else "as the reference"
    if scenario.sd != 1:
        size = f"{100 * (scenario.sd - 1):+.0f} %".replace("-", "−")
    return size if scenario.shape == "normal" else f"{SHAPES[scenario.shape]}, {size}"


def percent(probability: float) -> str:
    """Return per cent with two figures that count, without the sign."""
    return f"{100 * probability:.2g}"


def share(rate: Rate) -> str:
    """Return ``0.011 (0.004–0.024)`` per cent, or ``0 (< 0.018)`` where no run is among them."""
    low, high = rate.interval
    if not rate.hits:
        return f"0 (< {percent(high)})"
    if rate.hits == rate.runs:
        return f"100 (> {100 * low:.4g})"
    return f"{percent(rate.estimate)} ({percent(low)}–{percent(high)})"


TEN = 10
"""Seeds of the fixed gate that people know."""

COST_HEAD = (
    "case",
    "s a trial",
    "sequential: seeds",
    "seconds",
    f"always {TEN}: seconds",
    "ratio",
    "equal errors: seeds",
    "ratio",
    "unchanged fails %",
    f"always {TEN}",
)


def cost(found: Costs) -> str:
    """Return the table, the measured comparison below it, and how to read them."""
    rows = [_cost_row(name, each) for name, each in found.cases.items()]
    timed = [each for each in found.cases.values() if each.seconds is not None]
    total = sum((each.seconds or 0) * each.sequential.seeds for each in timed)
    ten = sum((each.seconds or 0) * TEN for each in timed)
    equal = sum((each.seconds or 0) * each.equal for each in timed)
    if total:
        ratios = (
            "",
            f"{total:.0f}",
            f"{ten:.0f}",
            f"{ten / total:.1f}",
            "",
            f"{equal / total:.1f}",
        )
        rows.append(("all", "", *ratios, "", ""))
    return Table(COST_HEAD, rows, _cost_notes(found)).markdown()


def _cost_row(case: str, found: Cost) -> Sequence[str]:
    seeds, seconds = found.sequential.seeds, found.seconds
    return (
        case,
        number(seconds, 0),
        f"{seeds:.2f}",
        MISSING if seconds is None else number(seconds * seeds, 0),
        MISSING if seconds is None else number(seconds * TEN, 0),
        f"{TEN / seeds:.1f}",
        str(found.equal),
        f"{found.equal / seeds:.1f}",
        share(found.sequential.fails),
        share(found.ten),
    )


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
        ratio = one.ten_seconds / one.sequential_seconds
        runs = "n=1" if one.runs == 1 else f"mean of n={one.runs} runs of other seeds"
        notes.append(
            f"Measured on real data, {one.case}: {one.sequential_seeds:.2g} "
            f"seed{'' if one.sequential_seeds == 1 else 's'} in {one.sequential_seconds:.0f} s "
            f"until the verdict ({runs}), {TEN} seeds in {one.ten_seconds:.0f} s: {ratio:.1f} "
            "times as much."
        )
    return notes


VARIANT_HEAD = (
    "changed",
    "verdict",
    "seeds",
    "seconds",
    "noticed first by",
    "known after",
    "shift",
    "too",
    "compare",
)


def variants(found: Variants) -> str:
    """Return the table, and where its figures come from."""
    origin = found.origin
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores; " if origin.machine else ""
    libraries = ", ".join(f"{k} {v}" for k, v in origin.provenance.versions.items())
    notes = [
        f"Variants of {found.findings[0].case}, held to its committed bounds. Seconds: wall time "
        "of the trials until the verdict, from the start of their processes.",
        "The case as it is trains the seeds that its reference was made of, which may give the "
        "same figures to the last bit; the runs of other seeds, each judged for itself, show luck.",
        "Shift: from the reference's mean, in planned scatters; of the untouched case, the "
        "furthest of all its metrics. Too: the other metrics that failed on the same seeds.",
        "Compare: what `python -m bench compare` says of the same trials beside the reference, and "
        "by how many of its figures; seconds are none of them.",
        f"Measured: {machine}{libraries}; {origin.started[:10]}; commit "
        f"{(origin.provenance.commit or 'unknown')[:12]}.",
    ]
    rows = [*_anew(found.anew), *map(_variant_row, found.findings)]
    return Table(VARIANT_HEAD, rows, notes).markdown()


def _anew(found: Sequence[Finding]) -> list[Sequence[str]]:
    """Return the row of the runs with seeds of their own, where there were any."""
    if not found:
        return []
    passed = sum(each.outcome == "pass" for each in found)
    furthest = max((s for each in found for s in each.sights), key=lambda s: abs(s.shift or 0.0))
    row = (
        f"nothing, {len(found)} runs of other seeds",
        f"{passed} pass",
        f"{fmean(each.seeds for each in found):.1f}",
        f"{fmean(each.seconds for each in found):.0f}",
    )
    noticed = [each.noticed_by[0] for each in found if each.noticed_by]
    compared = Counter(each.compared.partition(" ")[0] for each in found if each.compared)
    told = ", ".join(f"{count} {outcome}" for outcome, count in compared.items()) or MISSING
    return [
        (*row, ", ".join(map(_name, noticed)) or MISSING, MISSING, _shift(furthest), MISSING, told)
    ]


def _variant_row(found: Finding) -> Sequence[str]:
    took = (found.change, found.outcome, str(found.seeds), f"{found.seconds:.0f}")
    if not found.noticed_by:
        furthest = max(found.sights, key=lambda sight: abs(sight.shift or 0.0))
        return (*took, MISSING, MISSING, _shift(furthest), MISSING, found.compared or MISSING)
    first, *others = found.noticed_by
    too = ", ".join(map(_name, others)) or MISSING
    return (*took, _name(first), _when(first), _shift(first), too, found.compared or MISSING)


def _name(sight: Sight) -> str:
    return name(sight.metric)


def _when(sight: Sight) -> str:
    return f"seed {sight.n}, epoch {sight.epoch}" if sight.epoch else "no training"


def _shift(sight: Sight) -> str:
    return MISSING if sight.shift is None else f"{sight.shift:+.1f}"
