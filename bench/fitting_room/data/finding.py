"""The search for a data set: each source in turn, until one verifies; and the shipped sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fitting_room.data import cache, catalogue
from fitting_room.data.arrays import FILES, Arrays, combined, load
from fitting_room.data.catalogue import KNOWN, Known, Source
from fitting_room.data.progress import LogProgress, Progress, SourceError, UnavailableError
from fitting_room.data.sources import Folder, named_by_user
from fitting_room.data.verify import verify, verify_checksums
from fitting_room.errors import UserError
from fitting_room.machine import spare_folder
from fitting_room.spec import Dataset

DATA_DIR_VARIABLE = "FITTING_ROOM_DATA"


def chosen_data_dir(option: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder a user named: by the option, else by the variable, else None."""
    value = option or environment.get(DATA_DIR_VARIABLE)
    try:
        return Path(value).expanduser().absolute() if value else None
    except RuntimeError as error:  # of a user that this machine does not know
        raise UserError(f"{value} cannot be found: {error} Write the folder in full.") from error


def find(
    name: str,
    *,
    data_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return a verified copy of the data set ``name``, in the cache form.

    Sources are tried in order: the local cache, then those of the catalogue, without the ones that
    need the network if ``offline``. Where a user named the folder ``data_dir``, it alone counts.
    Raises UserError that tells each one tried, why it failed and what to do.
    """
    known = catalogue.named(name)
    entry = _entry(known)
    search = _Search(known=known, offline=offline, progress=progress or LogProgress())
    if data_dir is not None:
        folder = named_by_user(data_dir, name)
        if (arrays := search.read(folder)) is None:
            raise UserError(search.refusal())
        entry.keep(arrays, folder.label)
        return _dataset(known, entry, folder.label)
    if search.cached(entry):
        return _dataset(known, entry, _from_cache(entry))
    with entry.lock():
        if entry.holds():  # another process was faster
            return _dataset(known, entry, _from_cache(entry))
        for source in known.sources:
            if (arrays := search.read(source)) is not None:
                entry.write(arrays, source.label)
                return _dataset(known, entry, source.label)
    raise UserError(search.report())


def _entry(known: Known) -> cache.Entry:
    folder = cache.root() / f"{known.name}-{known.checksum[:12]}"
    return cache.Entry(folder=folder, verify=partial(verify, known))


def _dataset(known: Known, entry: cache.Entry, source: str) -> Dataset:
    folder = str(entry.folder)
    return Dataset(name=known.name, folder=folder, source=source, checksum=known.checksum)


def _from_cache(entry: cache.Entry) -> str:
    return f"local cache, first from {entry.origin()}"


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What was tried so far, in order."""

    known: Known
    offline: bool
    progress: Progress
    tried: list[str] = field(default_factory=list)

    def read(self, source: Source) -> Arrays | None:
        """Return the verified arrays of a source, or None and note why not."""
        try:
            if source.network and self.offline:
                raise UnavailableError("not tried, because offline was asked for")
            self.progress.trying(source.label)
            arrays = source.read(self.progress)
            verify(self.known, arrays)
        except SourceError as error:
            self._note(source.label, error)
        except OSError as error:  # a folder without rights, a full disk for temporary files
            self._note(source.label, UnavailableError(str(error)))
        else:
            return arrays
        return None

    def cached(self, entry: cache.Entry) -> bool:
        """Return whether the cache holds it whole, or note why not."""
        try:
            entry.check()
        except SourceError as error:
            self._note(f"local cache {entry.folder}", error)
            return False
        return True

    def _note(self, label: str, error: SourceError) -> None:
        self.tried.append(f"  - {label}: {error}")
        self.progress.failed(label, error)

    def refusal(self) -> str:
        """Return the error about the folder that a user named: nothing stands in for it."""
        return "\n".join(
            (
                f"{self.known.title} is not in the folder that was named:",
                *self.tried,
                f"Name one that holds its four IDX files, raw or .gz, or leave out --data-dir and "
                f"{DATA_DIR_VARIABLE}: then the local cache and the known sources are tried.",
            )
        )

    def report(self) -> str:
        """Return the error: what was tried, why it failed, what to do."""
        name, title = self.known.name, self.known.title
        again = "without --offline " if self.offline else ""
        return "\n".join(
            (
                f"{title} was not found. Tried, in this order:",
                *self.tried,
                f"Run `python -m bench data {name}` {again}where there is a network,",
                "or name a folder that holds its four IDX files, raw or .gz, with --data-dir",
                f"or the variable {DATA_DIR_VARIABLE}.",
            )
        )


SAMPLES = Path(__file__).parent / "sample"
SUMS = "SHA256SUMS"
"""As ``sha256sum`` writes it, over the uncompressed IDX files."""
_SOURCE = "sample shipped with the project"


def sample(name: str) -> Dataset:
    """Return the small stratified sample of the data set ``name``, in the cache form.

    It needs no network and, where the cache cannot be written, a temporary folder. Raises
    UserError where there is no such data set or its files in this installation are damaged.
    """
    known = catalogue.named(name)
    title = f"the sample of {known.title}"
    try:
        sums = _read_sums(SAMPLES / name / SUMS)
        arrays = Folder(path=SAMPLES / name, label=_SOURCE).read(LogProgress())
        verify_checksums(title, sums, arrays)
    except (SourceError, OSError, ValueError) as error:
        raise UserError(
            f"The sample in {SAMPLES / name} is damaged: {error}.\nInstall the project anew."
        ) from error
    entry_name = f"sample-{name}-{combined(sums)[:12]}"
    folder = _cached(entry_name, partial(verify_checksums, title, sums), arrays)
    checksum = combined(sums)
    return Dataset(name=name, folder=str(folder), source=_SOURCE, checksum=checksum, sample=True)


def _read_sums(path: Path) -> dict[str, str]:
    lines = path.read_text("ascii").splitlines()
    by_file = {file: digest for digest, file in (line.split() for line in lines)}
    if set(by_file) != set(FILES.values()):
        raise ValueError(f"{path.name} names {sorted(by_file)}")
    return {name: by_file[file] for name, file in FILES.items()}


def _cached(name: str, verify: Callable[[Arrays], None], arrays: Arrays) -> Path:
    """Return a folder that holds ``arrays``: in the cache, or else in a temporary folder."""
    try:
        entry = cache.Entry(folder=cache.root() / name, verify=verify)
        entry.keep(arrays, _SOURCE)
    except UserError:
        entry = cache.Entry(folder=spare_folder() / "data" / name, verify=verify)
        entry.keep(arrays, _SOURCE)
    return entry.folder


def held(datasets: Iterable[Dataset]) -> dict[str, Arrays]:
    """Return those that are here and verified, by checksum; the network is not asked."""
    found: dict[str, Arrays] = {}
    for name, checksum in dict.fromkeys((each.name, each.checksum) for each in datasets):
        with suppress(UserError):  # a picture of it is missing then, and says so
            whole = name in KNOWN and checksum == KNOWN[name].checksum
            dataset = find(name, offline=True) if whole else sample(name)
            if dataset.checksum == checksum:
                found[checksum] = load(dataset)
    return found
