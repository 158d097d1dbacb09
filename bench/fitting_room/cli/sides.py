"""BASE and HEAD of ``compare``: what each names, the records behind it, and its code at work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.analysis.comparison import Comparison
from fitting_room.analysis.sides import Facts, Side, facts_of, repeated
from fitting_room.analysis.trials import of_one_platform, publishable
from fitting_room.cli.calibrate import published
from fitting_room.errors import UserError
from fitting_room.format import difference, number, percent
from fitting_room.lab import process
from fitting_room.machine import USUAL, Platform, platform_of
from fitting_room.project import Project
from fitting_room.reading import below
from fitting_room.record import Provenance, Record
from fitting_room.spec import folder_of
from fitting_room.store.bounds import reference_folder
from fitting_room.store.digest import brings_engine
from fitting_room.store.git import exported, resolve, suggestion, without_git, worktree
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store, read_record

QUESTION = """
import json, os, sys
from pathlib import Path
from types import SimpleNamespace
names, backend, reference = json.loads(sys.stdin.readline())
known, results = None, "results"
with os.fdopen(int(sys.argv[-1]), "wb") as answer:
    try:
        import msgspec
        try:
            from fitting_room.project import current
            project = current(Path.cwd())
            CASES, results = project.cases, os.path.relpath(project.results, project.root)
            getattr(project, "use", lambda: None)()  # where tasks are the project's own
        except ImportError:  # a commit whose cases stand where they always did
            from bench.cases import CASES
        from fitting_room.store.key import provenance, why_stale
        from fitting_room.store.records import Store
        root = Path.cwd()
        specs = {n: SimpleNamespace(case=CASES[n], backend=backend) for n in names}
        records = Store(root / results / reference).readable()
        known = msgspec.to_builtins({
            "cases": CASES,
            "stale": why_stale(records, CASES, root=root),
            "origins": {name: provenance(spec, root=root) for name, spec in specs.items()},
            "results": results,
        })
    except Exception as error:  # the last line that is printed is told
        sys.exit(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
    finally:
        packages = ("bench", "fitting_room", "models")
        ours = [m for name, m in sys.modules.items() if name.split(".")[0] in packages]
        files = [m.__file__ for m in ours if getattr(m, "__file__", None)]
        answer.write(json.dumps({"known": known, "files": files}).encode() + b"\\n")
"""
"""The program that asks the side's own code, which alone knows its cases and its digests.

It speaks the protocol of ``fitting_room.trial`` by hand: the side may have no such module.
"""

CHECKOUT = "this checkout"
FEWEST = 2
"""Seeds of a reference: one tells nothing of the scatter."""
MEND = "Take the other copy off Python's path (PYTHONPATH, an editable install), or uninstall it."


@dataclass(frozen=True, kw_only=True)
class Told:
    """The answers of a side's code about itself."""

    cases: Mapping[str, Any]
    """Name → case in plain values."""
    stale: Mapping[str, str]
    """Case → why its reference is not of this code."""
    origins: Mapping[str, Provenance]
    """Case, of those that were asked for → which code would train it."""
    results: str
    """Folder of its records, from the project's."""


class _Answer(msgspec.Struct, frozen=True):
    """The answer of the process of a side, whether it failed or not."""

    known: Told | None
    files: tuple[str, ...]
    """The files of the project's modules that it has imported."""


def ask(folder: Path, who: str, cases: Sequence[str] = (), platform: Platform = USUAL) -> Told:
    """Ask the code in a folder for its cases, their origins, and which references are stale.

    Raises a UserError, which begins with ``who``, where it does not answer, being broken or older
    than references are, or where other code than the folder's answers. The origins are those
    of ``cases``, the references those of ``platform``.
    """
    answer, failed = process.ask(
        [sys.executable, "-c", QUESTION],
        (cases, platform.backend, reference_folder(Path(), platform).as_posix()),
        _Answer,
        environment={**without_git(), **process.python_path(folder)},
        folder=folder,
    )
    if answer and (found := process.strays(answer.files, folder)):
        raise UserError(f"{who}: Python imported {found[0]}, not the code in {folder}. {MEND}")
    if answer is None or answer.known is None:
        raise UserError(
            f"{who} does not tell its cases; {failed}. Name a commit "
            "whose bench runs, or a folder of records."
        )
    return answer.known


def called(commit: str | None) -> str:
    """Return what begins a sentence on the side of a commit, or on this checkout."""
    return f"Commit {commit[:12]}" if commit else "This checkout"


def train(folder: Path, cases: Sequence[str], into: Path, *, asked: Asked) -> list[Record]:
    """Train cases with the code in a folder, in fresh processes, and return their records.

    What is under ``into`` already is not trained again; progress goes to standard error.

    Raises:
        UserError: It ended without all records.
    """
    # A checkout of the engine trains with its own, a project of anybody's with the one that runs.
    program = "bench" if brings_engine(folder) else "fitting_room"
    command = [sys.executable, "-m", program, "calibrate", *cases]
    command += ["--seeds", str(asked.seeds or 1), "--results", str(into.resolve())]
    command += ["--data-dir", str(asked.data_dir.resolve())] if asked.data_dir else []
    command += ["--offline"] * asked.offline + ["--shared"] * asked.shared
    if asked.engine:  # no worker has the code of a side that is unpacked here
        file = Path(asked.engine).resolve()
        command += ["--engine", str(file) if file.is_file() else asked.engine]
        command += ["--ship"] * (file.is_file() or asked.engine.startswith("dask://"))
    command += asked.platform.options.split()
    environment = {**without_git(), **process.python_path(folder)}
    training = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        status = training.wait()
    except KeyboardInterrupt:
        training.wait()  # Ctrl-C reached it too: it ends its trial with a record
        raise
    if status:
        raise UserError(
            f"Training {', '.join(cases)} ended with status {status}; its output stands above. "
            f"Its records are kept in {into}: the same command resumes."
        )
    found = Store(reference_folder(into, asked.platform)).all()
    return [record for record in found if record.spec.case.name in cases]


def check_origin(record: Record, said: Provenance, commit: str | None) -> None:
    """Raise a UserError for a record of other code than its side says that it has.

    ``commit`` is the side's, in full; a checkout's records may be of older commits.
    """
    found = record.provenance
    pairs = {
        "commit": (found.commit, commit or found.commit),
        "architecture": (found.architecture_digest, said.architecture_digest),
        "training path": (found.training_digest, said.training_digest),
    }
    for what, (its, expected) in pairs.items():
        if its != expected:
            raise UserError(
                f"{called(commit)}: a record of {record.spec.case.name}, seed {record.spec.seed}, "
                f"names {what} {its}, but the code of this side has {expected}. "
                "Remove that record if an older run left it; else "
                f"{MEND[0].lower()}{MEND[1:]}"
            )


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place that BASE or HEAD names."""

    told: str
    """The side in words."""
    path: Path | None = None
    commit: str | None = None
    """Full hash."""
    case: str | None = None
    """The only one of this checkout that is meant."""

    @property
    def has_code(self) -> bool:
        """Whether it is all of a commit, or of this checkout."""
        return self.path is None and self.case is None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options that apply to both sides."""

    project: Project
    results: Path
    cases: tuple[str, ...]
    """The cases to compare; all, if none is named."""
    seeds: int | None
    """The seeds to train of a case that has fewer; None trains nothing."""
    data_dir: Path | None
    offline: bool
    shared: bool
    """Whether others use this machine meanwhile."""
    engine: str | None = None
    """The engine that trains trials; None is this machine."""
    platform: Platform = USUAL
    """The platform of the records; those of others are left out."""


def place(name: str | None, project: Project) -> Place:
    """Return what a name stands for: a folder if there is one, else a case, else a commit.

    Raises:
        UserError: It is none of them.
    """
    root = project.root
    if name is None:
        return Place(told=CHECKOUT)
    if Path(name).is_dir():
        return Place(told=f"folder {name}", path=Path(name))
    if name in project.cases:
        return Place(told=f"case {name} of this checkout", case=name)
    commit = resolve(name, root=root)
    if commit is None:
        raise UserError(
            f"{name!r} is no commit of this checkout, no folder of records and no case. Name one; "
            f"a commit that is not here must be fetched first. {suggestion(name, root=root)}"
        )
    called = "" if commit.startswith(name) else f" ({name})"
    return Place(told=f"commit {commit[:12]}{called}", commit=commit)


def side_of(place: Place, asked: Asked) -> Side:
    """Return all that is known of a side.

    Raises:
        UserError: A file is damaged or of another schema, or there is nothing to compare.
    """
    if place.path:
        return Side(told=place.told, facts=facts_of(_folder(place.path, asked.platform)))
    if place.commit:
        return _of_commit(place, place.commit, asked)
    if place.case is None:
        return _of_checkout(place, asked)
    found = _of_checkout(place, replace(asked, cases=(place.case,)))
    if place.case not in found.facts:
        why = found.unfit.get(place.case, "it has none")
        raise UserError(
            f"There are no records of {place.case} to compare: {why}. Add --train, or keep some "
            f"first: fitting-room calibrate {place.case} {asked.platform.options}".rstrip()
        )
    return Side(told=found.told, facts={place.case: found.facts[place.case]})


def _folder(path: Path, platform: Platform) -> list[Record]:
    """Read a folder of records: of one case, of many, or a results folder, by its reference.

    One that has none of the usual platform may be all of another, and is compared all the same.
    """
    inside = [reference_folder(path, platform), path / "trials"]
    for store in [path, *(folder for folder in inside if folder.is_dir())]:
        if found := [*Store(store).all()]:
            break
    found = found or [read_record(file) for file in sorted(path.glob("seed-*.json"))]
    if not found:
        raise UserError(
            f"{path} holds no records. Expected <case>/seed-*.json in it, as in results/reference."
        )
    if not facts_of(found):
        raise UserError(f"{path} holds no results: none of its {len(found)} trials came to one.")
    kept = [record for record in found if platform_of(record) == platform]
    if not kept and platform != USUAL:
        others = ", ".join(sorted({platform_of(record).words for record in found}))
        raise UserError(f"{path} holds no records of {platform.words}, but of {others}.")
    return kept or of_one_platform(found)


def _of_commit(place: Place, commit: str, asked: Asked) -> Side:
    with exported(commit, root=asked.project.root) as folder:
        told = ask(folder, called(commit), platform=asked.platform)
        try:
            records = list(Store(reference_folder(folder / told.results, asked.platform)).all())
        except UserError as error:
            # The path of a copy that will be gone helps nobody.
            raise UserError(str(error).replace(f"{folder}/", f"{commit[:12]}:")) from error
    records = [record for record in records if record.spec.case.name not in told.stale]
    if wanted := _wanted(told.cases, records, asked):
        into = asked.results / "compare" / commit[:12]
        with worktree(commit, root=asked.project.root) as folder:
            records += _trained(folder, wanted, into, asked, commit)
    return Side(
        told=place.told,
        facts=facts_of(records),
        known=frozenset(told.cases),
        unfit={name: f"its reference is stale: {why}" for name, why in told.stale.items()},
    )


def _of_checkout(place: Place, asked: Asked) -> Side:
    into = asked.results / "compare" / "checkout"
    project, platform = asked.project, asked.platform
    references = [reference_folder(each, platform) for each in (asked.results, into)]
    found = (r for each in (*references, asked.results / "trials") for r in Store(each).all())
    stored = [record for record in found if platform_of(record) == platform]
    records = repeated(stored, project)
    stale = why_stale(filter(publishable, stored), project.cases, root=project.root)
    if wanted := _wanted(project.cases, records, asked):
        records += _trained(project.root, wanted, into, asked, None)
    return Side(
        told=place.told,
        facts=facts_of(records),
        known=frozenset(project.cases),
        unfit={name: f"its records are stale: {why}" for name, why in stale.items()},
    )


def _wanted(cases: Iterable[str], records: Sequence[Record], asked: Asked) -> list[str]:
    """Return the cases with fewer seeds than are asked for; none, if no training is."""
    facts = facts_of(records)
    chosen = [name for name in cases if not asked.cases or name in asked.cases]
    trained = {name: len([r for r in facts[name].records if r.epochs]) for name in facts}
    return [name for name in chosen if trained.get(name, 0) < (asked.seeds or 0)]


def _trained(
    folder: Path, cases: Sequence[str], into: Path, asked: Asked, commit: str | None
) -> list[Record]:
    told = ask(folder, called(commit), cases, asked.platform)
    records = train(folder, cases, into, asked=asked)
    for record in records:
        check_origin(record, told.origins[record.spec.case.name], commit)
    return records


def update_reference(found: Comparison, results: Path, platform: Platform) -> None:
    """Make head's records the reference of their cases on a platform; print what changes.

    New files are written before old ones go, so that an interruption loses nothing.

    Raises:
        UserError: Head has no records, or some that may be no reference; nothing is changed then.
    """
    store = Store(reference_folder(results, platform))
    pairs = found.pairs
    cases = {head.case for _, head in pairs.pairs} | {*pairs.appeared, *dict(pairs.missing)}
    chosen = [facts for facts in found.head.facts.values() if facts.case in cases]
    if not any(facts.records for facts in chosen):
        raise UserError(
            f"{found.head.told} has no records to be a reference. Name a commit or a folder."
        )
    for facts in chosen:
        _check_reference(facts, platform)
    before = _listing(store)
    for facts in chosen:
        kept = {store.put(published(record)) for record in facts.records}
        for file in below(store.root, folder_of(facts.case)).glob("seed-*.json"):
            if file not in kept:
                file.unlink()
    print(difference(before, _listing(store), file=str(store.root)) or "Nothing to update.")
    print("Review this with `git diff` before you commit it: bounds and tables rest on it.")


def _check_reference(facts: Facts, platform: Platform) -> None:
    if len(facts.records) < FEWEST:
        raise UserError(
            f"{facts.case} has {len(facts.records)} seed; a reference needs {FEWEST} at least. "
            "Add --train, or choose others with --case."
        )
    if not all(publishable(record) for record in facts.records):
        raise UserError(
            f"{facts.case} was trained on the sample or not for its recipe's epochs: "
            "that is no reference. Choose others with --case."
        )
    if others := {platform_of(record) for record in facts.records} - {platform}:
        raise UserError(
            f"{facts.case} was trained with {others.pop().words}, and is no reference of "
            f"{platform.words}. Name what it was trained with by --backend and --device."
        )


def _listing(store: Store) -> str:
    """Return one line a record, as a person reviews them."""
    return "\n".join(
        f"{r.spec.case.name} seed {r.spec.seed}: test accuracy {percent(r.test_accuracy)} %, "
        f"test loss {number(r.test_loss, 4)}, {r.outcome}, key {r.key[:12]}"
        for r in store.all()
    )
