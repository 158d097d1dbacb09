"""What may stand between the markers of a Markdown file, made from committed records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from bench.committed import ROOT, grounds
from bench.exercises import EXERCISES
from bench.harness.metrics import METRICS
from bench.harness.record import Record
from bench.harness.report.audit.auditing import audit
from bench.harness.report.audit.table import as_markdown
from bench.harness.report.markdown import task_table
from bench.harness.report.rows import rows
from bench.harness.report.speed import speed_table
from bench.harness.spec import TASKS, Case
from bench.harness.store.claims import Published
from bench.harness.store.key import why_stale
from bench.harness.store.speeds import read_speeds

BOUNDS = ROOT / "bench" / "bounds.toml"


@dataclass(frozen=True, kw_only=True)
class Committed:
    """All that a block may be made of; it has no clock, no host, and nothing that is not in git."""

    results: Path
    """Holds ``reference/`` and what else is committed beside it."""
    cases: Mapping[str, Case]
    records: Sequence[Record]
    """Every reference."""
    exercises: Sequence[Record]
    """Every committed record of an exercise, those among the references apart."""
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""
    published: Published


def task_block(task: str, known: Committed) -> str:
    """Return the comparison of every architecture on a task."""
    of_task = [case for case in known.cases.values() if case.task == task]
    found = rows(of_task, known.records, {}, known.published.figures)
    return task_table(found, known.records, stale=known.stale, absent="no reference yet")


def claims_block(known: Committed) -> str:
    """Return the audit of every published claim."""
    rest = grounds(known.results)
    findings = audit(known.published, rest.records, rest.speeds)
    return as_markdown(findings, rest.records, stale=rest.stale)


def speed_block(known: Committed) -> str:
    """Return the training path of each case against a plain ``fit``."""
    speeds = read_speeds(known.results / "speed")
    stale = why_stale([each.record for each in speeds], known.cases, root=ROOT)
    plain = [name for name, case in known.cases.items() if not case.recipe.tuned]
    return speed_table(speeds, plain, stale=stale)


def exercise_block(name: str, known: Committed) -> str:
    """Return answer and table of an exercise, or the answers of all."""
    blocks = import_module("bench.harness.report.exercises.blocks")
    records = [*known.records, *known.exercises]
    if name in EXERCISES:
        return str(blocks.block(EXERCISES[name], records, known.stale))
    return str(blocks.answers(EXERCISES.values(), records))


def gate_block(name: str, known: Committed) -> str:
    """Return what was measured of the gate; SciPy is loaded only where a file asks for it."""
    blocks = import_module("bench.harness.report.gate.blocks")
    read_bounds = import_module("bench.harness.store.bounds").read_bounds
    bounds = read_bounds(BOUNDS, cases=known.cases, metrics=METRICS)
    return str(blocks.BLOCKS[name](known.results, bounds))


GATE = ("gate", "cost", "noise", "seconds", "prices")
"""Blocks that ``gate_block`` makes."""

BLOCKS: dict[str, Callable[[Committed], str]] = {
    **{task: partial(task_block, task) for task in TASKS},
    "claims": claims_block,
    "speed": speed_block,
    "exercises": partial(exercise_block, ""),
    **{f"exercise {name}": partial(exercise_block, name) for name in EXERCISES},
    **{name: partial(gate_block, name) for name in GATE},
}
"""Name, as it stands in a marker → what belongs there."""

OF_A_SEARCH = ("frontier", "smallest", "cost")


def blocks(known: Committed) -> dict[str, Callable[[], str]]:
    """Return name → block of all that a file may ask for; those of searches follow from its logs.

    Only what a file asks for is made.
    """
    made = {name: partial(search_block, name) for name in _searches(known.results / "search")}
    return {name: partial(make, known) for name, make in (BLOCKS | made).items()}


def search_block(name: str, known: Committed) -> str:
    """Return a table of a search, or of a study of candidates."""
    studies = import_module("bench.harness.report.studies")
    return str(studies.blocks(known.results / "search")[name])


def _searches(folder: Path) -> Iterator[str]:
    for task in TASKS:
        if (folder / f"{task}.jsonl").exists():
            yield from (f"search {task} {kind}" for kind in OF_A_SEARCH)
        yield from (f"search {path.stem}" for path in sorted(folder.glob(f"{task}-*.toml")))
