"""BASE and HEAD of ``compare``: what each names, and the records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cases import CASES
from bench.commands.compare_commit import ask, called, check_origin, references, train
from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.report.comparison.of_records import facts_of
from bench.harness.report.comparison.side import Side
from bench.harness.report.trials import publishable
from bench.harness.store.commit import exported, resolve, suggestion, worktree
from bench.harness.store.key import training_key, why_stale
from bench.harness.store.records import Store, read_record

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = "this checkout"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What BASE or HEAD names."""

    told: str
    """In words."""
    path: Path | None = None
    commit: str | None = None
    """Full hash."""

    @property
    def checkout(self) -> bool:
        """Whether it is the code that is running."""
        return self.path is None and self.commit is None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks of both sides."""

    results: Path
    cases: tuple[str, ...]
    """To be compared; all, if none is named."""
    seeds: int | None
    """To be trained of each case where fewer are there; None trains nothing."""
    data_dir: Path | None
    offline: bool
    shared: bool
    """Whether others use this machine meanwhile."""


def place(name: str | None) -> Place:
    """Return what a name stands for: a folder if there is one, else a commit.

    Raises:
        UserError: It is neither.
    """
    if name is None:
        return Place(told=CHECKOUT)
    if Path(name).is_dir():
        return Place(told=f"folder {name}", path=Path(name))
    commit = resolve(name, root=ROOT)
    if commit is None:
        raise UserError(
            f"{name!r} is no commit of this checkout and no folder of records. Name one; a "
            f"commit that is not here must be fetched first. {suggestion(name, root=ROOT)}"
        )
    called = "" if commit.startswith(name) else f" ({name})"
    return Place(told=f"commit {commit[:12]}{called}", commit=commit)


def side_of(place: Place, asked: Asked) -> Side:
    """Return all that is known of a side.

    Raises:
        UserError: A file is damaged or of another schema, or there is nothing to compare.
    """
    if place.commit:
        return _of_commit(place, place.commit, asked)
    if place.path is None:
        return _of_checkout(place, asked)
    return Side(told=place.told, facts=facts_of(_folder(place.path)))


def _folder(path: Path) -> list[Record]:
    """Read a folder of records: of one case, of many, or a results folder, by its reference."""
    inside = [path / name for name in ("reference", "trials")]
    stores = [path, *(folder for folder in inside if folder.is_dir())]
    for store in stores:
        if found := [*Store(store).all()]:
            break
    found = found or [read_record(file) for file in sorted(path.glob("seed-*.json"))]
    if not found:
        raise UserError(
            f"{path} holds no records. Expected <case>/seed-*.json in it, as in results/reference."
        )
    if not facts_of(found):
        raise UserError(f"{path} holds no results: all {len(found)} trials in it are accidents.")
    return found


def _of_commit(place: Place, commit: str, asked: Asked) -> Side:
    with exported(commit, root=ROOT) as folder:
        told = ask(folder, called(commit))
        records = references(folder, commit)
    records = [record for record in records if record.spec.case.name not in told.stale]
    wanted = _wanted(told.cases, records, asked)
    if wanted:
        into = asked.results / "compare" / commit[:12]
        with worktree(commit, root=ROOT) as folder:
            records += _trained(folder, wanted, into, asked, commit)
    return Side(
        told=place.told,
        facts=facts_of(records),
        known=frozenset(told.cases),
        unfit={name: f"its reference is stale: {why}" for name, why in told.stale.items()},
    )


def _of_checkout(place: Place, asked: Asked) -> Side:
    into = asked.results / "compare" / "checkout"
    folders = (asked.results / "reference", asked.results / "trials", into / "reference")
    records = current(record for folder in folders for record in Store(folder).all())
    wanted = _wanted(CASES, records, asked)
    if wanted:
        records += _trained(ROOT, wanted, into, asked, None)
    return Side(told=place.told, facts=facts_of(records), known=frozenset(CASES))


def _wanted(cases: Iterable[str], records: Sequence[Record], asked: Asked) -> list[str]:
    """Return the cases with fewer seeds than are asked for; none, if no training is."""
    facts = facts_of(records)
    chosen = [name for name in cases if not asked.cases or name in asked.cases]
    trained = {name: len([r for r in facts[name].records if r.epochs]) for name in facts}
    return [name for name in chosen if trained.get(name, 0) < (asked.seeds or 0)]


def _trained(
    folder: Path, cases: Sequence[str], into: Path, asked: Asked, commit: str | None
) -> list[Record]:
    told = ask(folder, called(commit), cases)
    records = train(
        folder,
        cases,
        into,
        seeds=asked.seeds or 1,
        data_dir=asked.data_dir,
        offline=asked.offline,
        shared=asked.shared,
    )
    for record in records:
        check_origin(record, told.origins[record.spec.case.name], commit)
    return records


def current(records: Iterable[Record]) -> list[Record]:
    """Keep whole trials of the registry's cases that the code of this checkout would repeat."""
    alike: dict[str, list[Record]] = {}
    for record in records:
        if record.spec.case.name in CASES and publishable(record):
            # One digest serves them all.
            alike.setdefault(training_key(record), []).append(record)
    found = [group for group in alike.values() if not why_stale(group[:1], CASES, root=ROOT)]
    return [record for group in found for record in group]
