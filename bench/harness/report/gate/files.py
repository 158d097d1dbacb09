"""What was measured of the gate and of the noise, as JSON documents under ``results/``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from bench.harness.errors import UserError
from bench.harness.judge.finding import Finding
from bench.harness.judge.rates import Rate, Tally
from bench.harness.record import Machine, Provenance, Record
from bench.harness.store.bounds import Bounds
from bench.harness.store.records import write_whole

SCHEMA = 1

SIMULATION = Path("gate", "simulation.json")
VARIANTS = Path("gate", "variants.json")
COST = Path("gate", "cost.json")


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How made-up runs ended."""

    schema: int = SCHEMA
    bounds: str
    """Digest of the bounds that they were judged by; see ``digest_of``."""
    alpha: float
    """Error of one assertion."""
    most: int
    """Seeds at which a verdict is given up."""
    assertions: Mapping[str, int]
    """Case → how many of its bounds were simulated: those with a reference."""
    one: tuple[Tally, ...]
    """Of one assertion, three planned scatters from its bound."""
    cases: Mapping[str, tuple[Tally, ...]]
    """Case → under each scenario, all its bounds together; at the bounds, the bluntest of them."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Which code ran on what, and when."""

    provenance: Provenance
    machine: Machine | None
    started: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, kw_only=True)
class Variants:
    """What the gate said of each variant."""

    schema: int = SCHEMA
    origin: Origin
    bounds: str
    findings: tuple[Finding, ...]
    """Of each variant, the case as it is first."""
    anew: tuple[Finding, ...]
    """Of the case as it is, each with seeds that no reference holds."""


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
    """Of every case, and measured for one."""

    schema: int = SCHEMA
    bounds: str
    cases: Mapping[str, Cost]
    measured: Measured | None


class Document(Protocol):
    """Any of them, here or in ``noise_files``."""

    @property
    def schema(self) -> int:
        """Number of its format."""


Kind = TypeVar("Kind", bound=Document)


def origin_of(record: Record) -> Origin:
    """Return where a record came from."""
    return Origin(provenance=record.provenance, machine=record.machine, started=record.started)


def digest_of(bounds: Bounds) -> str:
    """Return what changes when any bound does, and not when a reason is reworded."""

    def told(value: Any) -> Any:
        found = msgspec.to_builtins(value)
        if isinstance(found, dict):
            return {k: told(v) for k, v in found.items() if k != "reason"}
        return [told(each) for each in found] if isinstance(found, list) else found

    content = msgspec.json.encode([told(bounds.tables), told(bounds.curves)], order="sorted")
    return hashlib.sha256(content).hexdigest()


def write_document(path: Path, document: Any) -> None:
    """Write a document whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read_document(path: Path, kind: type[Kind]) -> Kind | None:
    """Read a document; None where there is none.

    Raises:
        UserError: It is damaged, or of a schema that this version does not read.
    """
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, OSError) as error:
        again = "Make it anew with the command that wrote it"
        raise UserError(f"{path} cannot be read: {error}. {again}.") from error
    if found.schema != SCHEMA:
        raise UserError(
            f"{path} has schema {found.schema}; this version reads {SCHEMA}. Make it anew."
        )
    return found
